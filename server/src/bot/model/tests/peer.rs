//! A server on a real socket that answers every request in one way.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::scripted::Then;

/// The server.
pub struct Peer {
    pub address: SocketAddr,
    /// The requests that came, each with its head in small letters and its body.
    pub requests: mpsc::UnboundedReceiver<(String, String)>,
    /// Told of each connection that the client has closed.
    pub closed: mpsc::UnboundedReceiver<()>,
}

impl Peer {
    pub async fn start(answer: &str, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, requests) = mpsc::unbounded_channel();
        let (gone, closed) = mpsc::unbounded_channel();
        let answer = answer.to_owned();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, then, asked, gone) = (answer.clone(), then.clone(), asked.clone(), gone.clone());
                tokio::spawn(async move {
                    serve(socket, &answer, then, asked).await;
                    let _ = gone.send(());
                });
            }
        });
        Self { address, requests, closed }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves one request, and returns when the client has closed, or the script ends in that.
async fn serve(socket: TcpStream, answer: &str, then: Then, asked: mpsc::UnboundedSender<(String, String)>) {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
    let Ok(_) = socket.read_exact(&mut body).await else { return };
    asked.send((head, String::from_utf8(body).unwrap())).unwrap();
    let Ok(()) = socket.write_all(answer.as_bytes()).await else { return };
    match then {
        Then::Close => {}
        Then::Hang => drop(socket.read(&mut [0]).await),
        Then::Repeat(bytes) => while socket.write_all(&bytes).await.is_ok() {},
    }
}
