//! A chat server of a few lines that speaks the contract and breaks one promise on purpose.
//!
//! It uses a thread per connection, with everything under one lock: it serves a test's few readers and
//! nothing else.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// The promise is broken once in this number of messages.
const EVERY: u64 = 97;
const EPOCH: &str = "5f3c9a2e";

/// The promise that is broken, for the first reader of a room or, where a sender sees it, for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    None,
    /// A message is left out.
    Drop,
    /// All messages from one on are left out.
    DropAllAfter,
    /// A message comes twice.
    Double,
    /// A message comes after its successor.
    Swap,
    /// A message has another text.
    Invent,
    /// A message is acknowledged and delivered, and is not in the log.
    Forget,
    /// The connection is cut, which is allowed.
    Cut,
    /// A message has another text for those who read the room from its beginning.
    OtherLog,
}

#[derive(Default)]
struct Room {
    log: Vec<(u64, Value)>,
    readers: Vec<TcpStream>,
    held: Option<String>,
}

#[derive(Default)]
struct State {
    rooms: HashMap<String, Room>,
    position: u64,
    guests: u64,
}

/// The server, or a node of it; its threads end with the test's process.
pub struct Server {
    listener: TcpListener,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start(breach: Breach) -> Self {
        Self::with(Arc::default(), breach)
    }

    /// Starts another node of the same chat.
    pub fn beside(&self, breach: Breach) -> Self {
        Self::with(Arc::clone(&self.state), breach)
    }

    fn with(state: Arc<Mutex<State>>, breach: Breach) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (accepting, shared) = (listener.try_clone().unwrap(), Arc::clone(&state));
        thread::spawn(move || {
            for socket in accepting.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // The tester must notice a connection that fails.
                thread::spawn(move || drop(serve(socket, &state, breach)));
            }
        });
        Self { listener, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Returns an address at which nobody answers: its listener is closed when this returns.
    pub fn gone() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }
}

fn serve(mut socket: TcpStream, state: &Mutex<State>, breach: Breach) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut input = BufReader::new(socket.try_clone()?);
    loop {
        let mut request = String::new();
        if input.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
        input.read_exact(&mut body)?;
        let target = request.split(' ').nth(1).unwrap_or_default();
        let path: Vec<&str> = target.split('?').next().unwrap_or_default().split('/').skip(3).collect();

        let state = &mut *state.lock().unwrap();
        let answer = match (request.starts_with("POST"), path.as_slice()) {
            (true, ["guests"]) => {
                state.guests += 1;
                let id = format!("g_{}", state.guests);
                json!({ "token": id, "author": { "id": id, "name": "x", "kind": "guest" } })
            }
            (true, ["rooms", room, "messages"]) => {
                let token = headers["authorization"].trim_start_matches("Bearer ");
                let content = serde_json::from_slice::<Value>(&body)?["content"].clone();
                state.post(room, token, &content, breach)
            }
            (false, ["rooms", room, "events"]) => {
                let last = headers.get("last-event-id").and_then(|id| id.split('-').nth(1));
                return state.join(room, last.map(|last| last.parse().unwrap()), socket, breach);
            }
            (false, ["rooms", room, "messages"]) => {
                let after = target.split(['=', '&']).nth(1).unwrap().parse::<u64>().unwrap();
                let room = state.rooms.entry((*room).to_owned()).or_default();
                let messages: Vec<&Value> = room
                    .log
                    .iter()
                    .filter(|(at, _)| *at > after)
                    .map(|(_, message)| message)
                    .take(1000)
                    .collect();
                json!({ "messages": messages, "floor": 1, "head": room.head() })
            }
            (_, ["rooms", room]) => {
                json!({ "floor": 1, "head": state.rooms.entry((*room).to_owned()).or_default().head() })
            }
            _ => panic!("the tester asks for {request}"),
        };
        let answer = answer.to_string();
        let status = if request.starts_with("POST") { "201 Created" } else { "200 OK" };
        let length = answer.len();
        write!(socket, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{answer}")?;
    }
}

fn frame(position: u64, data: &Value) -> String {
    format!("id: {EPOCH}-{position}\nevent: message\ndata: {data}\n\n")
}

impl Room {
    fn head(&self) -> u64 {
        self.log.last().map_or(0, |(position, _)| *position)
    }
}

impl State {
    fn join(
        &mut self,
        room: &str,
        last: Option<u64>,
        mut socket: TcpStream,
        breach: Breach,
    ) -> io::Result<()> {
        let room = self.rooms.entry(room.to_owned()).or_default();
        let (head, at) = (room.head(), last.unwrap_or(room.head()));
        let start = json!({ "position": at, "head": head, "floor": 1 });
        // The header asks a proxy to buffer nothing.
        write!(
            socket,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n\r\n"
        )?;
        write!(socket, "event: start\nid: {EPOCH}-{at}\ndata: {start}\n\n")?;
        for (position, data) in room.log.iter().filter(|(position, _)| *position > at) {
            let mut data = data.clone();
            if breach == Breach::OtherLog && last == Some(0) && position.is_multiple_of(EVERY) {
                data["content"] = json!("invented");
            }
            socket.write_all(frame(*position, &data).as_bytes())?;
        }
        room.readers.push(socket);
        Ok(())
    }

    fn post(&mut self, room: &str, author: &str, content: &Value, breach: Breach) -> Value {
        self.position += 1;
        let position = self.position;
        let name = room;
        let room = self.rooms.entry(room.to_owned()).or_default();
        let prev = room.head();
        let author = json!({ "id": author, "name": "x", "kind": "guest" });
        let mut data = json!({
            "position": position, "prev": prev, "room": name, "author": author, "content": content,
            "created_at": "2026-11-23T09:30:00.123Z",
        });
        let now = position.is_multiple_of(EVERY);
        let whole = frame(position, &data);
        data["content"] = json!("invented");
        let for_first = match breach {
            Breach::Drop if now => None,
            Breach::DropAllAfter if position >= EVERY => None,
            Breach::Double if now => Some(whole.repeat(2)),
            Breach::Swap if now => {
                room.held = Some(whole.clone());
                None
            }
            Breach::Swap => Some(whole.clone() + &room.held.take().unwrap_or_default()),
            Breach::Invent if now => Some(frame(position, &data)),
            _ => Some(whole.clone()),
        };
        data["content"] = content.clone();
        if !(breach == Breach::Forget && now) {
            room.log.push((position, data));
        }
        for (index, reader) in room.readers.iter_mut().enumerate() {
            let bytes = if index == 0 { for_first.as_deref() } else { Some(whole.as_str()) };
            // A reader that is gone resumes by itself.
            let _ = bytes.map(|bytes| reader.write_all(bytes.as_bytes()));
        }
        if breach == Breach::Cut && now && !room.readers.is_empty() {
            let _ = room.readers.remove(0).shutdown(Shutdown::Both);
        }
        json!({ "position": position, "prev": prev, "epoch": EPOCH, "created_at": "2026-11-23T09:30:00.123Z" })
    }
}
