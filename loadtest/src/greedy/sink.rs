//! A process that only accepts: it reads whatever comes, keeps nothing, and answers each whole request with
//! the same few bytes. A stream that is asked for opens, and stays silent.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::greedy::child::end_of_stdin;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The body of every answer: an attacker finds in it what it needs for the next request.
const BODY: &str = r#"{"position":1,"prev":0,"epoch":"00000000","token":"none"}"#;

/// The begin of every stream.
const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:\n\n";

/// Runs the sink until its stdin ends. Its first line on stdout is its address.
pub async fn run() -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    let accept = async {
        loop {
            if let Ok((socket, _)) = listener.accept().await {
                // An attacker closes as it likes.
                tokio::spawn(async move { drop(accept_all(socket).await) });
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = end_of_stdin() => {}
    }
    Ok(())
}

async fn accept_all(mut socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let answer = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len());
    let mut requests = Requests::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let len = socket.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        for _ in 0..requests.feed(&buffer[..len])? {
            socket.write_all(answer.as_bytes()).await?;
        }
        if requests.takes_stream() {
            socket.write_all(STREAM).await?;
        }
    }
}

/// Counts requests that have come whole.
#[derive(Debug, Default)]
struct Requests {
    head: Vec<u8>,
    body_left: usize,
    is_stream: bool,
    has_begun: bool,
}

impl Requests {
    /// Takes the next bytes; returns the number of requests that they complete and that want an answer.
    fn feed(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let mut complete = 0;
        while !bytes.is_empty() && !self.is_stream {
            if self.body_left > 0 {
                let taken = self.body_left.min(bytes.len());
                self.body_left -= taken;
                bytes = &bytes[taken..];
                complete += usize::from(self.body_left == 0);
                continue;
            }
            let seen = self.head.len().saturating_sub(3);
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let Some(end) = memmem::find(&self.head[seen..], b"\r\n\r\n").map(|at| seen + at + 4) else {
                if self.head.len() > HEAD_BYTES_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                break;
            };
            bytes = &bytes[end - before..];
            self.head.truncate(end);
            self.is_stream = memmem::find(&self.head, b"text/event-stream").is_some();
            self.body_left = content_length(&self.head);
            complete += usize::from(self.body_left == 0 && !self.is_stream);
            self.head.clear();
        }
        Ok(complete)
    }

    /// Returns true once, when a stream was asked for.
    fn takes_stream(&mut self) -> bool {
        self.is_stream && !std::mem::replace(&mut self.has_begun, true)
    }
}

fn content_length(head: &[u8]) -> usize {
    let number = || {
        let from = memmem::find(head, b"Content-Length: ")? + b"Content-Length: ".len();
        let end = from + head[from..].iter().position(|byte| *byte == b'\r')?;
        std::str::from_utf8(&head[from..end]).ok()?.parse().ok()
    };
    number().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greedy::requests;

    #[test]
    fn requests_are_counted_the_same_however_they_are_cut() {
        let mut bytes = requests::post("r", "t", "hello", None, None);
        bytes.extend(requests::get("/r"));
        bytes.extend(requests::delete("r", "t", 7));
        bytes.extend(requests::guest("Ada"));
        for step in 1..=bytes.len() {
            let mut requests = Requests::default();
            let count: usize = bytes.chunks(step).map(|part| requests.feed(part).unwrap()).sum();
            assert_eq!(count, 4, "step {step}");
        }
    }

    #[test]
    fn a_stream_begins_once_and_an_unfinished_body_gets_no_answer() {
        let mut requests = Requests::default();
        assert_eq!(requests.feed(&requests::events("r", None, 0)).unwrap(), 0);
        assert!(requests.takes_stream() && !requests.takes_stream());
        let mut unfinished = requests::guest("Ada");
        unfinished.pop();
        assert_eq!(Requests::default().feed(&unfinished).unwrap(), 0);
    }
}
