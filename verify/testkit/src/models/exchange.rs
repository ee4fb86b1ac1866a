//! One request and the bytes of its answer.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a request with a body of JSON, or without a body where it is empty, and returns the answer as it came,
/// head and framing too.
pub async fn exchange(address: SocketAddr, path: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(&[head.as_bytes(), body].concat()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    Ok(answer)
}
