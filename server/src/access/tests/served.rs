//! A server in this process, at a real socket, with the routes that there are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use millchat::{Action, Author, AuthorKind, Draft, Position, RoomName};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};

use super::super::watch::RightsWatch;
use crate::app::{App, Worker};
use crate::client_ip::{ListenerKind, Peer};
use crate::config::Settings;
use crate::identity::{Identity, Person};
use crate::sign_in::Logins;
use crate::{connection, start};

/// The admin token.
pub const ADMIN: &str = "the-admin-token-of-these-tests";
/// Time that a stream has for what it opens with. It only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server with these settings.
pub struct Served {
    pub app: Arc<App>,
    address: SocketAddr,
    client: Client,
}

/// An answer, or the beginning of one that does not end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Served {
    /// Starts it on a thread of its own, for as long as the test runs.
    pub fn start(toml: &str) -> Self {
        let mut settings: Settings = toml::from_str(toml).unwrap();
        settings.log = "memory:".to_owned();
        settings.admin_token = Some(ADMIN.parse().unwrap());
        let app = Arc::new(start::open(&settings, Logins::default(), None).unwrap());
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn({
            let app = Arc::clone(&app);
            move || {
                let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
                runtime.unwrap().block_on(serve(app, listener));
            }
        });
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { app, address, client: client.pool_max_idle_per_host(0).build().unwrap() }
    }

    /// Asks, with the credential of somebody: of the page as a cookie, of the API and a panel as a bearer. A
    /// stream is read up to one of the words.
    pub async fn ask(
        &self,
        (method, path): (&str, &str),
        credential: Option<&str>,
        (kind, body): (&str, &str),
        until: &[&str],
    ) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        let is_page = !["/api/", "/admin/", "/embed/"].iter().any(|bearers| path.starts_with(bearers));
        if let Some(credential) = credential {
            request = if is_page {
                request.header("cookie", format!("millchat={credential}"))
            } else {
                request.bearer_auth(credential)
            };
        }
        if kind == "datastar" {
            request = request.header("datastar-request", "true");
        } else if !kind.is_empty() {
            request = request.header("content-type", kind).body(body.to_owned());
        }
        let mut response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_stream =
            headers.get("content-type").is_some_and(|it| it.as_bytes().starts_with(b"text/event"));
        let mut bytes = Vec::new();
        let read = async {
            while let Some(chunk) = response.chunk().await.unwrap() {
                bytes.extend_from_slice(&chunk);
                let text = String::from_utf8_lossy(&bytes);
                if is_stream && !until.is_empty() && until.iter().all(|word| text.contains(word)) {
                    break;
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, read).await;
        let body = String::from_utf8_lossy(&bytes).into_owned();
        assert!(in_time.is_ok(), "{path} does not end and does not say {until:?}: {body}");
        Answer { status, headers, body }
    }

    /// A token of an author of this id.
    pub fn token(&self, id: &str) -> String {
        let guest = Identity::new_guest("Asker");
        self.app.identity.sign(&Person { author: author(id, "Asker"), ..guest })
    }

    /// Posts a message without asking anybody.
    pub async fn post(&self, room: &str, author: &Author, content: &str) -> Position {
        let action = Action::Post { content: content.to_owned(), reply_to: None };
        let draft = Draft { author: Some(author.clone()), action, key: None };
        self.app.chat.send(&RoomName::new(room).unwrap(), draft).await.unwrap().position
    }
}

/// An author of this id.
pub fn author(id: &str, name: &str) -> Author {
    Author { id: id.into(), name: name.into(), kind: AuthorKind::Guest }
}

async fn serve(app: Arc<App>, listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).unwrap();
    let (dispatcher, watch) = (app.chat.dispatcher(), RightsWatch::new(Arc::clone(&app.authority)));
    tokio::task::spawn_local(dispatcher.run());
    tokio::task::spawn_local(Rc::clone(&watch).run(Arc::clone(&app.drain)));
    let w = Rc::new(Worker { app, dispatcher, watch, detached: None });
    let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), listener: ListenerKind::Public };
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        tokio::task::spawn_local(connection::serve(Rc::clone(&w), socket, peer, ()));
    }
}
