//! Addresses, bodies, places and tables of webhooks, without a server.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use millchat::{Author, AuthorKind, Chat, Draft, Message, RoomName};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::address::{Address, AddressError};
use super::body;
use super::exchange;
use super::place::Place;
use crate::outgoing::{CallError, HostError, Trust};
use crate::resolve::AnyError;

fn room() -> RoomName {
    RoomName::new("lobby").unwrap()
}

fn draft(content: &str) -> Draft {
    Draft::post(Author { id: "g_ada".into(), name: "Ada".into(), kind: AuthorKind::Guest }, content)
}

/// Returns the addresses to connect to, where a name leads to these.
async fn sockets(url: &str, is_private: bool, found: &[&str]) -> Result<usize, CallError> {
    let found: Vec<IpAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
    let address = Address::read(url, is_private).unwrap();
    address.sockets(async |_| Ok::<_, AnyError>(found)).await.map(|sockets| sockets.len())
}

#[tokio::test]
async fn a_webhook_reaches_no_private_address_by_name() {
    let inner = [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "2002:a00:1::1",
    ];
    let url = "https://deploy.example.org/chat";
    for address in inner {
        // Alone, and beside one that is public.
        for found in [&[address][..], &["93.184.215.14", address], &[address, "2606:4700::1111"]] {
            let refused = sockets(url, false, found).await;
            assert!(matches!(refused, Err(CallError::NotGlobal { .. })), "{found:?}: {refused:?}");
            assert_eq!(sockets(url, true, found).await.unwrap(), found.len(), "the operator says private");
        }
    }
    for tricks in ["https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://localhost./"] {
        assert!(sockets(tricks, false, &["127.0.0.1"]).await.is_err(), "{tricks}");
    }
    assert_eq!(sockets(url, false, &["93.184.215.14", "2606:4700::1111"]).await.unwrap(), 2);
    // As they are given, an address and this machine are what the operator means.
    for url in ["http://10.0.0.1:8000/", "http://127.0.0.1/", "http://[fd00::1]/", "http://localhost/"] {
        assert!(sockets(url, false, &["10.0.0.1"]).await.is_ok(), "{url}");
    }
    // It is public when it is looked up first, and private when it is looked up for the next connection.
    let (address, asked) = (Address::read(url, false).unwrap(), AtomicUsize::new(0));
    for is_taken in [true, false, false] {
        let lookup = async |_: &str| {
            let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            let found = if is_first { "93.184.215.14" } else { "127.0.0.1" };
            Ok::<_, AnyError>(vec![found.parse().unwrap()])
        };
        assert_eq!(address.sockets(lookup).await.is_ok(), is_taken);
    }
    assert_eq!(asked.into_inner(), 3, "each connection is looked up by itself");
}

#[tokio::test]
async fn no_connection_is_made_to_an_inner_address_that_a_name_leads_to() {
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inner.local_addr().unwrap().port();
    // The resolver knows it from the hosts file or by itself, and it is no name that is taken as it is given.
    let address = Address::read(&format!("https://localhost.localdomain:{port}/"), false).unwrap();
    let sent = exchange::send(&address, &Trust::system(), hyper::Request::new(bytes::Bytes::new())).await;
    assert!(matches!(sent, Err(CallError::NotGlobal { .. } | CallError::Resolve { .. })), "{sent:?}");
    let accepted = tokio::time::timeout(Duration::from_millis(1), inner.accept()).await;
    assert!(accepted.is_err(), "nobody came");
}

#[test]
fn plain_http_is_for_addresses_and_private_names() {
    for (url, is_private, expected) in [
        ("https://deploy.example.org/chat?x=1", false, Ok("/chat?x=1")),
        ("https://deploy.example.org", false, Ok("/")),
        ("http://10.0.0.1:8000/x", false, Ok("/x")),
        ("http://localhost/x", false, Ok("/x")),
        ("http://deploy.internal/x", true, Ok("/x")),
        ("http://deploy.internal/x", false, Err(AddressError::Plain("deploy.internal".to_owned()))),
        ("https://deploy.example.org/#x", false, Err(AddressError::Malformed)),
        ("https://a b/", false, Err(AddressError::Malformed)),
        ("/x", false, Err(AddressError::Host(HostError::Malformed))),
        ("https://ada:x@deploy.example.org/", false, Err(AddressError::Host(HostError::Malformed))),
    ] {
        let read = Address::read(url, is_private).map(|address| address.path);
        assert_eq!(read, expected.map(str::to_owned), "{url}");
    }
}

#[tokio::test]
async fn a_body_is_the_message_as_the_stream_has_it_on_one_line_without_a_long_text() {
    let chat = Chat::open("memory:").unwrap();
    let first = chat.send(&room(), draft("hello \u{2028}\n\"x\"")).await.unwrap().position;
    let long = chat.send(&room(), draft(&"x".repeat(16 * 1024 + 1))).await.unwrap().position;
    let most = chat.send(&room(), draft(&"x".repeat(16 * 1024))).await.unwrap().position;
    let body = async |position, origin: &str| {
        let message: Message = chat.message(&room(), position).await.unwrap().unwrap();
        let text = String::from_utf8(body::of(&message, origin)).unwrap();
        assert!(!text.contains(['\n', '\u{2028}']), "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let sent = body(first, "https://chat.example").await;
    let data = &sent["data"];
    let links = json!({ "message": "https://chat.example/api/v1/rooms/lobby/messages/1",
        "room": "https://chat.example/lobby" });
    let author = json!({ "id": "g_ada", "name": "Ada", "kind": "guest" });
    assert_eq!(
        *data,
        json!({ "position": 1, "prev": 0, "room": "lobby", "author": author, "content": "hello \u{2028}\n\"x\"",
            "created_at": data["created_at"], "links": links })
    );
    assert_eq!((&sent["type"], &sent["timestamp"]), (&json!("message.posted"), &data["created_at"]));
    let left_out = body(long, "").await["data"].clone();
    assert!(left_out.get("content").is_none() && left_out.get("deleted").is_none(), "{left_out}");
    assert_eq!(body(most, "").await["data"]["content"].as_str().unwrap().len(), 16 * 1024);
}

#[tokio::test]
async fn a_place_is_kept_when_something_was_done_and_by_the_webhooks_id() {
    let chat = Chat::open("memory:").unwrap();
    let first = chat.send(&room(), draft("x")).await.unwrap().position;
    let place = Place::read(&chat, "deploys");
    assert_eq!(place.position(), first, "a new one begins at the head");
    place.keep().await.unwrap();
    let head = chat.head();
    assert_eq!(Place::read(&chat, "deploys").position(), first);
    place.keep().await.unwrap();
    place.pass(head);
    place.keep().await.unwrap();
    assert_eq!(chat.head(), head, "nothing was sent");
    place.finish(head);
    place.keep().await.unwrap();
    assert_eq!(Place::read(&chat, "deploys").position(), head);
    assert_eq!(Place::read(&chat, "other").position(), chat.head());
    // Far on, so that a start does not read it all again.
    let head = chat.head();
    place.pass(head + 5_000);
    place.keep().await.unwrap();
    assert_eq!(chat.head(), head + 1);
    assert_eq!(Place::read(&chat, "deploys").position(), chat.head(), "never beyond the head of the log");
    let shared = Arc::clone(&place.shared());
    assert_eq!(shared.load(Ordering::Relaxed), head + 5_000);
}
