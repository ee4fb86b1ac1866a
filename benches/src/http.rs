//! The part of HTTP/1.1 that a bench client needs: requests whose bytes are made once, and answers parsed
//! only to find their end. The test kit's reader would take more of the CPU that client and server share
//! here.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memmem;
pub use millchat_testkit::http::{get, request};

/// Returns the end of the answer at the front of `bytes`; `None` while it is not complete.
///
/// # Panics
///
/// When it has no Content-Length, and is not one that has no body.
pub fn end_of_answer(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
    if bytes.starts_with(b"HTTP/1.1 204") {
        return Some(head);
    }
    let at = memmem::find(&bytes[..head], NAME).expect("an answer says how long it is") + NAME.len();
    let digits = bytes[at..head].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (bytes.len() >= head + length).then_some(head + length)
}

/// Returns true if the answer at the front of `bytes` is a success.
pub fn succeeded(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.1 2")
}

/// Time without bytes after which an answer is taken as complete.
const SILENCE: Duration = Duration::from_secs(2);
/// Most bytes of an answer that are read.
const EXCHANGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Sends a request that asks to close the connection, and returns everything until its end. It works with any
/// server, and with a stream, which ends by silence.
pub fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    match stream.take(EXCHANGE_BYTES_MAX).read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(answer),
    }
}

/// Sends one request on a connection of its own, and returns the body of the answer.
pub fn ask(address: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server takes connections");
    ask_on(&mut stream, &request(address, method, path, token, body))
}

/// Sends a request on an open connection, and returns the body of the answer.
pub fn ask_on(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).expect("it takes requests");
    let mut answer = Vec::new();
    while end_of_answer(&answer).is_none() {
        let mut piece = [0; 4096];
        let len = stream.read(&mut piece).expect("it answers");
        assert!(len > 0, "the server ended the connection before it had answered");
        answer.extend_from_slice(&piece[..len]);
    }
    assert!(succeeded(&answer), "{}", String::from_utf8_lossy(&answer));
    let head = memmem::find(&answer, b"\r\n\r\n").expect("it has a head") + 4;
    String::from_utf8_lossy(&answer[head..]).into_owned()
}
