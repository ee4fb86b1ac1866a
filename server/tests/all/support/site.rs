//! A site of somebody else, on an origin of its own, whose pages have the panel.
//!
//! Its host is `localhost`, that of the chat `127.0.0.1`: to a browser these are two sites.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A page of the site: its policy, if it has one, and its HTML. A script is one too.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The address of the page.
    pub path: &'static str,
    /// The value of `Content-Security-Policy`.
    pub policy: Option<String>,
    /// Other headers.
    pub headers: Vec<(&'static str, String)>,
    /// The HTML.
    pub html: String,
}

/// A site that serves its pages until it is dropped.
pub struct Site {
    port: u16,
    server: tokio::task::JoinHandle<()>,
}

impl Site {
    /// Serves these pages.
    pub async fn start(pages: Vec<Page>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages = Arc::new(pages);
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, Arc::clone(&pages)));
            }
        });
        Self { port, server }
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(mut socket: TcpStream, pages: Arc<Vec<Page>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match socket.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split_whitespace().nth(1).unwrap_or_default();
    let page = pages.iter().find(|page| page.path == path);
    let (status, html) = page.map_or(("404 Not Found", ""), |page| ("200 OK", page.html.as_str()));
    let policy = page.and_then(|page| page.policy.as_ref()).map(|policy| ("Content-Security-Policy", policy));
    let others = page.into_iter().flat_map(|page| &page.headers).map(|(name, value)| (*name, value));
    let headers: Vec<_> =
        policy.into_iter().chain(others).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let is_script = path.rsplit_once('.').is_some_and(|(_, end)| end == "js");
    let kind = if is_script { "text/javascript" } else { "text/html" };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n{headers}\
         Connection: close\r\n\r\n{html}",
        html.len()
    );
    // A browser that has gone away needs no answer.
    socket.write_all(answer.as_bytes()).await.ok();
}
