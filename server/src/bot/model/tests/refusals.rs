//! Servers that answer with another status, or not at all.

use std::error::Error;
use std::time::Duration;

use hyper::StatusCode;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

use super::peer::Peer;
use super::recorded;
use super::scripted::{Scripted, Then};
use super::{Api, Failure, Told, ask, model};
use crate::bot::model::{Key, Remedy};
use crate::outgoing::Trust;
use crate::outgoing::tests::certified;

/// Asks a server that answers with these bytes.
async fn refusal(bytes: &[u8]) -> Failure {
    let model = model("http://127.0.0.1:9", Api::Ollama);
    let socket = Scripted::new(bytes, 100, Then::Hang);
    let Err(failure) = model.ask_over(socket, &ask("Why?"), Instant::now()).await else {
        panic!("{} is an answer", String::from_utf8_lossy(bytes))
    };
    failure
}

#[tokio::test]
async fn a_refusal_says_what_can_be_done_about_it() {
    let (retry, after) = (Remedy::Retry { after: None }, |seconds| Remedy::Retry {
        after: Some(Duration::from_secs(seconds)),
    });
    for (status, header, expected) in [
        ("400 Bad Request", "", Remedy::HalfText),
        ("401 Unauthorized", "", Remedy::GiveUp),
        ("404 Not Found", "Retry-After: 7", Remedy::GiveUp),
        ("413 Content Too Large", "", Remedy::GiveUp),
        ("429 Too Many Requests", "Retry-After: 7", after(7)),
        ("429 Too Many Requests", "", retry),
        ("500 Internal Server Error", "", retry),
        ("503 Service Unavailable", "Retry-After: 30", after(30)),
        ("204 No Content", "", Remedy::GiveUp),
        ("302 Found", "Location: http://127.0.0.1:9/", Remedy::GiveUp),
    ] {
        let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
        // The body never ends, and is not waited for.
        let length = if status.starts_with("204") { "" } else { "Content-Length: 99\r\n" };
        let failure = refusal(format!("HTTP/1.1 {status}\r\n{header}{length}\r\nwords").as_bytes()).await;
        assert_eq!(failure.remedy(), expected, "{status}");
        assert_eq!(failure.status().unwrap().as_str(), &status[..3]);
        assert!(failure.to_string().contains(&status[..3]) && !failure.to_string().contains("words"));
    }
}

#[tokio::test]
async fn the_refusals_of_real_servers_say_what_can_be_done_about_them() {
    for (file, status, expected) in [
        ("ollama-no-model", StatusCode::NOT_FOUND, Remedy::GiveUp),
        ("ollama-too-long", StatusCode::BAD_REQUEST, Remedy::HalfText),
        ("ollama-busy", StatusCode::SERVICE_UNAVAILABLE, Remedy::Retry { after: None }),
        ("llama-too-long", StatusCode::BAD_REQUEST, Remedy::HalfText),
    ] {
        let failure = refusal(&recorded::bytes(file)).await;
        assert_eq!((failure.status(), failure.remedy()), (Some(status), expected), "{file}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let mut inside = Peer::start("HTTP/1.1 200 OK\r\n\r\n", Then::Close).await;
    let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}/\r\n\r\n", inside.url());
    let peer = Peer::start(&answer, Then::Close).await;
    let failure = model(&peer.url(), Api::Ollama).ask(&ask("Why?")).await.err().unwrap();
    assert!(matches!(failure, Failure::Refused { .. }), "{failure}");
    assert!(inside.requests.try_recv().is_err() && inside.closed.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_of_tls_is_absent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut silent = model(&format!("https://localhost:{}", address.port()), Api::Ollama);
    silent.times.connect = Duration::from_millis(100);
    let failure = silent.ask(&ask("Why?")).await.err().unwrap();
    // A port at which nobody listens, and that nobody else gets meanwhile.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let refused = model(&format!("http://{address}"), Api::Ollama).ask(&ask("Why?")).await.err().unwrap();
    for failure in [failure, refused] {
        assert!(matches!(failure, Failure::Absent { .. }), "{failure:?}");
        assert_eq!(failure.remedy(), Remedy::Retry { after: None });
    }
}

#[tokio::test]
async fn a_server_is_asked_by_tls_if_an_authority_vouches_for_it() {
    let (tls, file) = certified();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = tls.accept(socket).await else { continue };
            let answer = recorded::bytes("llama-sentence");
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut [0; 4096]).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, &answer).await;
        }
    });
    let mut model = model(&format!("https://localhost:{port}/v1"), Api::OpenAi);
    let failure = model.ask(&ask("Why?")).await.err().unwrap();
    assert!(matches!(failure, Failure::Absent { .. }), "nobody vouches for it: {failure:?}");
    model.trust = Some(Trust::file(file.path()).unwrap());
    let mut told = Told::default();
    told.take(&mut model.ask(&ask("Why?")).await.unwrap()).await.unwrap();
    assert_eq!(told.text, recorded::LLAMA[0].text);
}

#[tokio::test]
async fn a_request_names_asker_and_key_and_takes_nothing_packed() {
    let mut peer = Peer::start("HTTP/1.1 401 Unauthorized\r\n\r\n", Then::Close).await;
    let mut model = model(&format!("{}/x", peer.url()), Api::Ollama);
    model.key = Some(Key::parse("sk-abc").unwrap());
    let failure = model.ask(&ask("Why is that?")).await.err().unwrap();
    let (head, body) = peer.requests.recv().await.unwrap();
    for line in [
        "post /x/api/chat http/1.1\r\n".to_owned(),
        format!("\r\nhost: {}\r\n", peer.address),
        "\r\nuser-agent: millchat/".into(),
        "\r\naccept-encoding: identity\r\n".into(),
        "\r\ncontent-type: application/json\r\n".into(),
        "\r\nauthorization: bearer sk-abc\r\n".into(),
    ] {
        assert!(head.contains(&line), "{head}");
    }
    assert!(body.contains("Why is that?"), "{body}");
    let debug = format!("{failure:?} {failure} {:?} {model:?}", failure.source());
    assert!(!debug.contains("sk-abc") && !debug.contains("Why is that?"), "{debug}");
}
