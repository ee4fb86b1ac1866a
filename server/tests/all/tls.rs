//! TLS in the program itself: handshakes, certificates that change, HTTP/1.1 and HTTP/2 over it, and what
//! those who mean harm can do with it.

mod acme;
mod browser;
mod files;
mod handshakes;
mod http1;
mod http2;
mod redirect;
mod resets;
mod slow;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::within;

/// The protocols that a client offers which speaks both.
const BOTH: [&str; 2] = ["h2", "http/1.1"];

/// Sends these bytes and gives all that comes back until the server closes.
async fn exchange(socket: &mut TlsStream<TcpStream>, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    within("the server closes", socket.read_to_end(&mut bytes)).await.expect("its end is no cut");
    String::from_utf8(bytes).unwrap()
}

/// Reads until what was read has these words.
async fn read_until(socket: &mut TlsStream<TcpStream>, bytes: &mut Vec<u8>, words: &str) {
    let read = async {
        let mut from = 0;
        while !String::from_utf8_lossy(&bytes[from..]).contains(words) {
            // They may be cut in two.
            from = bytes.len().saturating_sub(words.len());
            assert_ne!(socket.read_buf(bytes).await.unwrap(), 0, "{words}");
        }
    };
    within(words, read).await;
}
