//! Handshakes: with which protocols they end, who is refused, and who never comes to their end.

use futures_util::future::join_all;
use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::{BOTH, exchange};
use crate::support::raw::{self, status_of};
use crate::support::tls::{NAME, Secure, connect};
use crate::support::{is_proof, turn, within};
use millchat_testkit::descriptors::raise_limit;

const GET: &str = "GET /readyz HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n";

/// Waits until a metric of handshakes has this value.
async fn until_outcome(secure: &Secure, outcome: &str, count: u64) {
    let sample = format!("millchat_tls_handshakes_total{{outcome=\"{outcome}\"}}");
    secure.until_metric(&sample, count).await;
}

#[tokio::test]
async fn a_client_gets_the_protocol_that_it_prefers_and_the_server_has() {
    let both = Secure::start(&[]).await;
    let one = Secure::start(&["--http2", "off"]).await;
    for (secure, offered, chosen) in [
        (&both, &BOTH[..], Some("h2")),
        (&both, &["http/1.1"], Some("http/1.1")),
        (&both, &[], None),
        (&one, &BOTH[..], Some("http/1.1")),
    ] {
        let socket = secure.connect(offered).await;
        let protocol = socket.get_ref().1.alpn_protocol();
        assert_eq!(protocol, chosen.map(str::as_bytes), "{offered:?}");
    }
    for (secure, offered) in [(&one, "h2"), (&both, "acme-tls/1"), (&both, "nonsense")] {
        let client = secure.authority.client(&[offered]);
        assert!(connect(secure.address(), client, NAME).await.is_err(), "{offered}");
    }
    let mut socket = both.connect(&["http/1.1"]).await;
    let answer = exchange(&mut socket, GET).await;
    assert!(answer.ends_with("ready\n"), "{answer}");
    until_outcome(&both, "refused", 2).await;
    until_outcome(&both, "done", 4).await;
    assert!(both.metric("millchat_tls_certificate_expiry_seconds").await > 3_000_000_000);
}

#[tokio::test]
async fn a_client_that_comes_back_resumes_by_its_ticket() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let secure = Secure::start(&[]).await;
        let both = secure.authority.client(&["http/1.1"]);
        let provider = std::sync::Arc::clone(both.crypto_provider());
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(std::sync::Arc::new(crate::support::tls::Anybody))
            .with_no_client_auth();
        client.enable_early_data = true;
        let client = std::sync::Arc::new(client);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut socket = connect(secure.address(), std::sync::Arc::clone(&client), NAME).await.unwrap();
            // The tickets come behind the handshake.
            exchange(&mut socket, GET).await;
            assert_eq!(socket.get_ref().1.handshake_kind(), Some(kind), "{version:?}");
            assert!(!socket.get_ref().1.is_early_data_accepted());
        }
    }
}

#[tokio::test]
async fn plain_http_at_the_port_for_tls_is_answered_with_400() {
    let secure = Secure::start(&["--public-url", "https://chat.example"]).await;
    for request in [
        "GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n",
        "POST /lobby/messages HTTP/1.1\r\nHost: chat.example\r\nContent-Length: 3\r\n\r\nabc",
        "get / http/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "G",
    ] {
        let answer = raw::exchange(secure.address(), request.as_bytes()).await;
        assert_eq!(status_of(&answer), Some(400), "{request}: {answer}");
        assert!(answer.contains("https://chat.example/"), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("set-cookie"), "{answer}");
    }
    until_outcome(&secure, "plain-http", 5).await;
    // What is neither gets an alert of TLS or nothing.
    for bytes in [&b"\x16\x03\x01\x00\x02\x01\x00"[..], b"\x80\x2e\x01\x00\x02", b"\0\0\0\0\0\0\0"] {
        let answer = raw::exchange(secure.address(), bytes).await;
        assert_eq!(status_of(&answer), None, "{answer}");
    }
}

#[tokio::test]
async fn tls_1_1_and_older_ciphers_are_refused() {
    let secure = Secure::start(&[]).await;
    let address = secure.address().to_string();
    for (flags, is_taken) in [
        (&["-tls1_3"][..], true),
        (&["-tls1_2"], true),
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], false),
    ] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", &address, "-brief"]).args(flags);
        let output = openssl.stdin(std::process::Stdio::null()).output();
        let output = within("openssl ends", output).await.expect("openssl is there; `make test` installs it");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.contains("CONNECTION ESTABLISHED"), is_taken, "{flags:?}: {said}");
    }
    until_outcome(&secure, "done", 2).await;
    until_outcome(&secure, "refused", 4).await;
}

#[tokio::test]
async fn a_client_that_asks_for_another_name_sees_that_it_is_not_ours() {
    let mut secure = Secure::start(&[]).await;
    let client = secure.authority.client(&BOTH);
    let error = connect(secure.address(), client, "evil.example").await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
    until_outcome(&secure, "refused", 1).await;
    let mut socket = secure.connect(&["http/1.1"]).await;
    assert!(exchange(&mut socket, GET).await.ends_with("ready\n"));
    secure.server.assert_alive();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_never_end_are_ended_and_nobody_else_feels_them() {
    let _turn = turn::load().await;
    let count: usize = if is_proof() { 10_000 } else { 2_000 };
    raise_limit(count as u64 + 1_000).unwrap();
    let secure = Secure::start(&[]).await;
    // Nothing, one byte, and a message that says that it is longer.
    let sorts = [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"];
    let unfinished = (0..count).map(async |number| {
        let mut socket = TcpStream::connect(secure.address()).await.unwrap();
        socket.write_all(sorts[number % sorts.len()]).await.unwrap();
        let mut rest = Vec::new();
        let _ = within("an unfinished handshake is ended", socket.read_to_end(&mut rest)).await;
    });
    let others = async {
        for _ in 0..50 {
            let mut socket = secure.connect(&["http/1.1"]).await;
            assert!(exchange(&mut socket, GET).await.ends_with("ready\n"));
        }
    };
    tokio::join!(join_all(unfinished), others);
    until_outcome(&secure, "timeout", count as u64).await;
    assert_eq!(secure.metric("millchat_connections").await, 1, "only the one that asks");
}

#[tokio::test]
async fn unfinished_handshakes_count_as_connections_of_their_address() {
    let secure = Secure::start(&["--rate-limit", "connections=3"]).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(secure.address()).await.unwrap());
    }
    secure.until_metric("millchat_connections", 4).await;
    // One too many is closed before any handshake, whose work is all that it could be for.
    let refused = connect(secure.address(), secure.authority.client(&["http/1.1"]), NAME).await;
    assert!(refused.is_err());
    let mut silent = TcpStream::connect(secure.address()).await.unwrap();
    assert!(within("it is ended", silent.read_u8()).await.is_err());
    until_outcome(&secure, "refused", 2).await;
    until_outcome(&secure, "done", 0).await;
    drop(held);
    until_outcome(&secure, "closed", 3).await;
    let mut socket = secure.connect(&["http/1.1"]).await;
    assert!(exchange(&mut socket, GET).await.ends_with("ready\n"));
}
