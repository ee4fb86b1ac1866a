//! HTTP by hand, for what no proper client would send, and for heads that no client would show.

use std::io;
use std::net::SocketAddr;

use millchat_testkit::http::{self, Body};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::within;

/// Status line and headers of an answer.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Reads what follows.
    pub body: Body,
}

impl Head {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Reads the lines of a head.
    pub fn parse(text: &str) -> Self {
        let text = format!("{text}\r\n\r\n");
        Self::read(text.as_bytes()).expect("a whole head").0
    }

    /// Reads the head at the front of `bytes`; gives also its length. `None` when it is not whole.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let wrong = |error| panic!("{error} in {:?}", String::from_utf8_lossy(bytes));
        let head = http::Head::parse(bytes).unwrap_or_else(wrong)?;
        let headers = http::header_fields(bytes).expect("it was read before");
        Some((Self { status: head.status, headers, body: head.body }, head.len))
    }
}

/// Reads a head; gives also what of the body came with it.
pub async fn read_head(socket: &mut TcpStream) -> io::Result<(Head, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some((head, len)) = Head::read(&bytes) {
            return Ok((head, bytes.split_off(len)));
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A connection that is kept for one request after the other.
pub struct Connection {
    socket: TcpStream,
}

impl Connection {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: TcpStream::connect(address).await? })
    }

    /// Connects from an address of this machine.
    pub async fn connect_from(source: [u8; 4], address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: connect_from(source, address, None).await? })
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

/// A request whose body is held back until its handler waits for it: what was asked before the body was allowed.
pub struct Held {
    socket: TcpStream,
    body: String,
}

impl Held {
    /// Sends all but the body, of this method, path, headers and body, and waits until the body is asked for.
    pub async fn begin(
        address: SocketAddr,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Self {
        let json = ("Content-Type", "application/json");
        let is_json = !headers.iter().any(|(name, _)| *name == json.0);
        let headers = headers.iter().chain(is_json.then_some(&json));
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n{}\r\n",
            body.len(),
            headers.concat()
        );
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        within("the body is asked for", socket.read_exact(&mut go_on)).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "{method} {path}");
        Self { socket, body: body.to_owned() }
    }

    /// Sends the body, and returns the head of the answer.
    pub async fn finish(mut self) -> Head {
        self.socket.write_all(self.body.as_bytes()).await.unwrap();
        within("an answer", read_head(&mut self.socket)).await.unwrap().0
    }
}

/// Connects from an address of this machine, with a receive buffer of this many bytes if that matters.
pub async fn connect_from(
    source: [u8; 4],
    address: SocketAddr,
    receive_bytes: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}

/// The bytes of a send as JSON.
pub fn post(room: &str, token: &str, content: &str) -> Vec<u8> {
    let body = serde_json::json!({ "content": content }).to_string();
    http::request("x", "POST", &format!("/api/v1/rooms/{room}/messages"), Some(token), &body)
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
