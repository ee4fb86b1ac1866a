//! HTTP by hand, for what no proper client would send, and for heads that no client would show.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

/// How large a head of an answer may be.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Status line and headers of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Reads the lines of a head.
    pub fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Self { status, headers }
    }
}

/// Reads a head; gives also what of the body came with it.
pub async fn read_head(socket: &mut TcpStream) -> io::Result<(Head, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = Head::parse(&String::from_utf8_lossy(&bytes[..end]));
            return Ok((head, bytes.split_off(end + 4)));
        }
        assert!(bytes.len() < HEAD_BYTES_MAX, "a head without end");
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A connection that is kept for one request after the other.
pub struct Line {
    socket: TcpStream,
}

impl Line {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: TcpStream::connect(address).await? })
    }

    /// Sends a request and reads its answer, head and body.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<(Head, String)> {
        self.socket.write_all(request).await?;
        let (head, mut body) = read_head(&mut self.socket).await?;
        let length = head.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        let mut rest = vec![0; length - body.len()];
        self.socket.read_exact(&mut rest).await?;
        body.append(&mut rest);
        Ok((head, String::from_utf8(body).expect("the answers are text")))
    }
}

/// The bytes of a send as JSON.
pub fn post(room: &str, token: &str, content: &str) -> Vec<u8> {
    let body = serde_json::json!({ "content": content }).to_string();
    format!(
        "POST /api/v1/rooms/{room}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Takes the chunks of a body apart, however they are cut.
#[derive(Default)]
pub struct Dechunk {
    line: Vec<u8>,
    remaining: usize,
}

impl Dechunk {
    /// The body bytes in these bytes of the connection.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.remaining > 0 {
                let (now, later) = bytes.split_at(self.remaining.min(bytes.len()));
                body.extend_from_slice(now);
                self.remaining -= now.len();
                bytes = later;
                continue;
            }
            bytes = rest;
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = String::from_utf8(std::mem::take(&mut self.line)).expect("a chunk's size is ASCII");
            if !line.trim().is_empty() {
                self.remaining =
                    usize::from_str_radix(line.trim(), 16).expect("a chunk's size is hexadecimal");
            }
        }
        body
    }
}

/// Sends these bytes and gives all that comes back until the server closes.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read everything: that is no failure.
    let _ = socket.write_all(request).await;
    read_to_close(&mut socket).await
}

/// All that comes until the server closes.
pub async fn read_to_close(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer counts as a close.
    let _ = within("the server closes the connection", socket.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status of an answer as text; `None` when there is no answer.
pub fn status_of(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok())
}
