//! A Socket.IO server of a few lines, over WebSocket alone, that leaves a message out or sends it twice.
//!
//! It uses a thread per connection, with everything under one lock. A client that does not answer its ping is
//! not admitted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tungstenite::WebSocket;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::Role;

/// The promise is broken once in this number of messages, for the reader that came first.
const EVERY: u64 = 97;

/// The promise that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    None,
    /// A message is left out.
    Drop,
    /// A message comes twice.
    Double,
}

#[derive(Default)]
struct State {
    /// The readers with their rooms, from the handshake's query.
    readers: Vec<(String, WebSocket<TcpStream>)>,
    messages: u64,
}

/// The server; its threads end with the test's process.
pub struct Server {
    pub url: String,
}

impl Server {
    pub fn start(breach: Breach) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    socket.set_nodelay(true).unwrap();
                    let mut method = [0; 3];
                    socket.peek(&mut method).unwrap();
                    if method == *b"GET" {
                        join(socket, &state);
                    } else {
                        // The tester must notice a connection that fails.
                        drop(post(socket, &state, breach));
                    }
                });
            }
        });
        Self { url }
    }
}

fn join(socket: TcpStream, state: &Mutex<State>) {
    let mut query = String::new();
    #[expect(clippy::result_large_err, reason = "what tungstenite wants of it")]
    let note = |request: &Request, response: Response| {
        request.uri().query().unwrap().clone_into(&mut query);
        Ok(response)
    };
    let mut socket = tungstenite::accept_hdr(socket, note).unwrap();
    let room =
        query.strip_prefix("EIO=4&transport=websocket&room=").expect("the query of a client").to_owned();
    socket.send(r#"0{"sid":"a","upgrades":[],"pingInterval":1,"pingTimeout":1}"#.into()).unwrap();
    socket.send("2".into()).unwrap();
    let mut said = [(); 2].map(|()| socket.read().unwrap().into_text().unwrap().to_string());
    said.sort();
    assert_eq!(said, ["3", "40"]);
    // It is added before it receives the answer: it must receive all messages after that.
    let mut state = state.lock().unwrap();
    socket.send(r#"40{"sid":"b"}"#.into()).unwrap();
    state.readers.push((room, WebSocket::from_raw_socket(socket.into_inner(), Role::Server, None)));
}

fn post(mut socket: TcpStream, state: &Mutex<State>, breach: Breach) -> io::Result<()> {
    let mut input = BufReader::new(socket.try_clone()?);
    loop {
        let (mut request, mut length) = (String::new(), 0);
        if input.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let room = request.split(' ').nth(1).and_then(|path| path.strip_prefix("/rooms/")).unwrap();
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name == "Content-Length" {
                length = value.parse().unwrap();
            }
        }
        let mut content = vec![0; length];
        input.read_exact(&mut content)?;
        let packet = format!(r#"42["message","{}"]"#, String::from_utf8(content).unwrap());

        let state = &mut *state.lock().unwrap();
        state.messages += 1;
        let now = state.messages.is_multiple_of(EVERY);
        for (index, (_, reader)) in state.readers.iter_mut().filter(|(of, _)| of == room).enumerate() {
            let times = match breach {
                Breach::Drop if now && index == 0 => 0,
                Breach::Double if now && index == 0 => 2,
                _ => 1,
            };
            for _ in 0..times {
                // A reader that is gone resumes by itself.
                let _ = reader.send(packet.as_str().into());
            }
        }
        write!(socket, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")?;
    }
}
