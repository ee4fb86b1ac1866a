//! A server that speaks Ollama's API and answers as a test says. It remembers what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::{LOOK_EVERY, within};

/// The way in which it answers.
#[derive(Clone)]
pub enum Manner {
    /// The whole text at once.
    Says(&'static str),
    /// The question, repeated.
    Echoes,
    /// The text, and the rest when the test lets it go on.
    Waits(&'static str, &'static str),
    /// The text again and again, without an end.
    Endless(&'static str),
    /// A status without a body.
    Status(u16),
    /// It has too much to do, and asks to be asked again at once.
    Busy,
    /// The text, and then the end of the connection without the end of the answer.
    Breaks(&'static str),
}

/// A server, which can be killed and started again.
pub struct FakeOllama {
    /// Bound and never listening: nobody else is given the port while the server is down.
    reserved: TcpSocket,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    manner: Mutex<Manner>,
    asked: watch::Sender<Vec<Value>>,
    go_on: Notify,
    /// Connections that the client closed before the answer had ended.
    given_up: AtomicUsize,
    open: watch::Sender<usize>,
}

impl FakeOllama {
    pub fn start(manner: Manner) -> Self {
        let reserved = bound("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = reserved.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            asked: watch::Sender::default(),
            go_on: Notify::new(),
            given_up: AtomicUsize::new(0),
            open: watch::Sender::default(),
        });
        Self { reserved, task: serve_at(listen(address).unwrap(), &shared), shared }
    }

    /// Starts it again after a [`kill`](Self::kill), at the same address.
    pub async fn start_again(&mut self, manner: Manner) {
        self.set(manner);
        let address = self.reserved.local_addr().unwrap();
        let again = async {
            loop {
                // A process that another test is just starting may hold the listener of before for a moment: until
                // it becomes its program, it has all descriptors of this one.
                match listen(address) {
                    Ok(listener) => return listener,
                    Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse),
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        self.task = serve_at(within("the port is free again", again).await, &self.shared);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.reserved.local_addr().unwrap())
    }

    pub fn set(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// Lets an answer that waits go on.
    pub fn go_on(&self) {
        self.shared.go_on.notify_one();
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Value> {
        self.shared.asked.borrow().clone()
    }

    pub async fn until_asked(&self, times: usize) -> Vec<Value> {
        let mut asked = self.shared.asked.subscribe();
        let asked = within("the model is asked", asked.wait_for(|asked| asked.len() >= times)).await;
        asked.unwrap().clone()
    }

    /// Waits until no connection is open.
    pub async fn until_idle(&self) {
        let mut open = self.shared.open.subscribe();
        drop(within("the connection is closed", open.wait_for(|open| *open == 0)).await.unwrap());
    }

    /// Ends as `kill -9` ends a server, and waits for it.
    pub async fn kill(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub fn given_up(&self) -> usize {
        self.shared.given_up.load(Ordering::SeqCst)
    }
}

impl Drop for FakeOllama {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    bound(address)?.listen(1024)
}

fn serve_at(listener: TcpListener, shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = shared.clone();
    tokio::spawn(async move {
        // Aborted with this task: the connections of a server that is killed break.
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            connections.spawn(serve(shared.clone(), socket));
        }
    })
}

async fn serve(shared: Arc<Shared>, mut socket: TcpStream) {
    shared.open.send_modify(|open| *open += 1);
    let _ = answer(&shared, &mut socket).await;
    drop(socket);
    shared.open.send_modify(|open| *open -= 1);
}

async fn answer(shared: &Shared, socket: &mut TcpStream) -> std::io::Result<()> {
    let body = read(socket).await?;
    let question = body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    shared.asked.send_modify(|asked| asked.push(body));
    let manner = shared.manner.lock().unwrap().clone();
    let status = match manner {
        Manner::Status(status) => format!("{status} x"),
        Manner::Busy => "503 x\r\nRetry-After: 0".to_owned(),
        _ => "200 x".to_owned(),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    match manner {
        Manner::Status(_) | Manner::Busy => return Ok(()),
        Manner::Says(text) => say(socket, text).await?,
        Manner::Echoes => say(socket, &format!("you said {question}")).await?,
        Manner::Breaks(text) => return say(socket, text).await,
        Manner::Waits(text, rest) => {
            say(socket, text).await?;
            let mut byte = [0];
            tokio::select! {
                () = shared.go_on.notified() => {}
                _ = socket.read(&mut byte) => {
                    shared.given_up.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
            }
            say(socket, rest).await?;
        }
        Manner::Endless(text) => loop {
            if say(socket, text).await.is_err() {
                shared.given_up.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        },
    }
    let end = json!({ "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop",
        "prompt_eval_count": 10, "eval_count": 5 });
    socket.write_all(format!("{end}\n").as_bytes()).await
}

async fn say(socket: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let piece = json!({ "message": { "role": "assistant", "content": text }, "done": false });
    socket.write_all(format!("{piece}\n").as_bytes()).await
}

/// Reads a request; gives its body.
async fn read(socket: &mut TcpStream) -> std::io::Result<Value> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                return Ok(serde_json::from_slice(&bytes[end + 4..end + 4 + length]).unwrap());
            }
        }
        let mut piece = [0; 4096];
        let read = socket.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..read]);
    }
}
