//! A reverse proxy that breaks one promise, once in [`EVERY`] messages, on one of its two sides.
//!
//! It uses a thread per connection. Requests are passed on one by one; a stream is passed on event by event.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The promise is broken once in this number of messages.
const EVERY: u64 = 300;

/// The promise that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    None,
    /// Towards a reader: a message is left out.
    Drop,
    /// A message comes twice.
    Double,
    /// A message comes after its successor.
    Swap,
    /// Towards the server: a message is acknowledged and was not passed on.
    DropSend,
    /// A message is passed on twice.
    DoubleSend,
}

/// The proxy; its threads end with the test's process.
pub struct Proxy {
    pub url: String,
}

struct Shared {
    upstream: String,
    breach: Breach,
    /// Messages towards the server. They are counted apart from the deliveries, which are many more:
    /// otherwise every message to break could be a delivery.
    sends: AtomicU64,
    /// Messages towards the readers.
    deliveries: AtomicU64,
    /// An acknowledgement that the server has given.
    acknowledgement: Mutex<Vec<u8>>,
}

impl Proxy {
    pub fn start(upstream: &str, breach: Breach) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").to_owned(),
            breach,
            sends: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            acknowledgement: Mutex::default(),
        });
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // The tester must notice a connection that fails.
                thread::spawn(move || drop(shared.serve(&client)));
            }
        });
        Self { url }
    }
}

impl Shared {
    /// Takes two descriptors: of six proxies that are slow, each may have to serve 800 connections at one time.
    fn serve(&self, mut client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        let (mut requests, mut answers) = (BufReader::new(client), BufReader::new(&upstream));
        let mut upstream = &upstream;
        loop {
            let mut request = whole(&mut requests)?;
            if request.is_empty() {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
            if line.starts_with("GET") && (line.contains("/events") || line.starts_with("GET /load-")) {
                // HTTP/1.0 has no chunks to decode.
                let version = line.find(" HTTP/1.1").unwrap() + " HTTP/1.".len();
                request[version] = b'0';
                upstream.write_all(&request)?;
                return self.stream(&mut answers, &mut client);
            }
            let sends = line.starts_with("POST") && line.contains("/messages");
            let now = sends && is_time(&self.sends);
            if now && self.breach == Breach::DropSend {
                client.write_all(&self.acknowledgement.lock().unwrap())?;
                continue;
            }
            upstream.write_all(&request)?;
            let answer = whole(&mut answers)?;
            if answer.is_empty() {
                // The server has closed; so does this.
                return Ok(());
            }
            if now && self.breach == Breach::DoubleSend {
                upstream.write_all(&request)?;
                whole(&mut answers)?;
            }
            if sends {
                self.acknowledgement.lock().unwrap().clone_from(&answer);
            }
            client.write_all(&answer)?;
        }
    }

    fn stream(&self, answers: &mut impl BufRead, client: &mut impl Write) -> io::Result<()> {
        let (mut block, mut held) = (Vec::new(), Vec::new());
        loop {
            if answers.read_until(b'\n', &mut block)? == 0 {
                return Ok(());
            }
            // The head of the response ends like a block, and is passed on like one.
            if !(block.ends_with(b"\n\n") || block.ends_with(b"\r\n\r\n")) {
                continue;
            }
            // The API's event, or the page's patch.
            let names = |word: &[u8]| block.windows(word.len()).any(|window| window == word);
            let message = names(b"event: message") || names(b"#messages:not(:has(#m-");
            let now = message && is_time(&self.deliveries);
            match self.breach {
                Breach::Drop if now => block.clear(),
                Breach::Double if now => block.extend_from_within(..),
                Breach::Swap if now => std::mem::swap(&mut block, &mut held),
                _ if message => block.append(&mut held),
                _ => {}
            }
            client.write_all(&block)?;
            block.clear();
        }
    }
}

/// Counts a message, and returns true if it is the one to break.
fn is_time(messages: &AtomicU64) -> bool {
    (messages.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(EVERY)
}

/// Reads a whole request or answer, by its Content-Length; empty at the end of the connection.
fn whole(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    loop {
        let begin = bytes.len();
        if from.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(bytes);
        }
        let line = String::from_utf8_lossy(&bytes[begin..]).to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let begin = bytes.len();
    bytes.resize(begin + length, 0);
    from.read_exact(&mut bytes[begin..])?;
    Ok(bytes)
}
