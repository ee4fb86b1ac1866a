//! One request and its whole answer over a socket that is open.

use std::io;

use millchat_testkit::Malformed;
use millchat_testkit::http::{HEAD_BYTES_MAX, Head, Piece};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole answer.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// True when the connection can be used again.
    pub keep_alive: bool,
}

/// Writes a request and reads its answer. A body of more than `body_bytes_max` is an error.
pub async fn exchange(socket: &mut TcpStream, request: &[u8], body_bytes_max: usize) -> io::Result<Answer> {
    socket.write_all(request).await?;
    read_answer(socket, body_bytes_max).await
}

/// Reads the answer to a request that was written before.
pub async fn read_answer(socket: &mut TcpStream, body_bytes_max: usize) -> io::Result<Answer> {
    let mut bytes = Vec::with_capacity(1024);
    let head = loop {
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(malformed(Malformed("head too large")));
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(head) = Head::parse(&bytes).map_err(malformed)? {
            break head;
        }
    };
    let (mut framing, mut body) = (head.body, Vec::new());
    let mut next = bytes.split_off(head.len);
    loop {
        let mut input = next.as_slice();
        loop {
            match framing.next(&mut input).map_err(malformed)? {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::More => break,
                Piece::End => return Ok(Answer { status: head.status, body, keep_alive: head.keep_alive }),
            }
        }
        if body.len() > body_bytes_max {
            return Err(malformed(Malformed("answer too large")));
        }
        next.clear();
        if socket.read_buf(&mut next).await? == 0 {
            // Without a length, the close is the end.
            return Ok(Answer { status: head.status, body, keep_alive: false });
        }
    }
}

/// Returns bytes that are no HTTP as an error of the socket.
pub fn malformed(error: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.0)
}
