//! A receiver of webhooks that answers as a test says, and remembers what came.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::within;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    /// A header, by its name in lower case; there is exactly one.
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.iter().filter(|header| header.0 == name).collect();
        assert_eq!(values.len(), 1, "{name} in {self:?}");
        &values[0].1
    }

    /// The position in its id.
    pub fn position(&self) -> u64 {
        self.header("webhook-id").rsplit('-').next().unwrap().parse().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The way in which a receiver answers a request, of which it has got this many before.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status.
    Status(u16),
    /// A status with headers, each with its end of line.
    With(u16, String),
    /// 200 with this JSON.
    Json(String),
    /// The connection stays open and nothing comes.
    Silence,
}

type Replies = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

/// A running receiver.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    came: watch::Sender<Vec<Received>>,
    replies: Arc<std::sync::Mutex<Replies>>,
}

impl Receiver {
    /// Starts one that answers so.
    pub async fn start(reply: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let replies: Replies = Arc::new(reply);
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            came: watch::Sender::default(),
            replies: Arc::new(std::sync::Mutex::new(replies)),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(socket));
            }
        });
        receiver
    }

    /// Answers so from now on.
    pub fn reply(&self, reply: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) {
        *self.replies.lock().unwrap() = Arc::new(reply);
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}/chat?key=a-secret-of-the-address", self.address)
    }

    /// Everything that came so far.
    pub fn came(&self) -> Vec<Received> {
        self.came.borrow().clone()
    }

    /// Waits until this is so of what came, and gives that.
    pub async fn until(&self, what: &str, is_so: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let mut came = self.came.subscribe();
        within(what, came.wait_for(|came| is_so(came))).await.unwrap().clone()
    }

    /// Waits until this many came.
    pub async fn until_count(&self, count: usize) -> Vec<Received> {
        self.until(&format!("{count} requests"), |came| came.len() >= count).await
    }

    async fn serve(self, mut socket: TcpStream) {
        let Some(received) = read(&mut socket).await else { return };
        let mut before = 0;
        self.came.send_modify(|came| {
            before = came.len();
            came.push(received.clone());
        });
        let reply = Arc::clone(&self.replies.lock().unwrap());
        let answer = match reply(&received, before) {
            Reply::Status(status) => format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n"),
            Reply::With(status, headers) => {
                format!("HTTP/1.1 {status} x\r\n{headers}content-length: 0\r\n\r\n")
            }
            Reply::Json(json) => format!(
                "HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
                json.len()
            ),
            Reply::Silence => {
                // Until the server has gone.
                let _ = socket.read(&mut [0]).await;
                return;
            }
        };
        let _ = socket.write_all(answer.as_bytes()).await;
        let _ = socket.shutdown().await;
    }
}

async fn read(socket: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < end + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received { line, headers, body: String::from_utf8(bytes[end..].to_vec()).unwrap() })
}
