//! A server that answers as a test says, by plain HTTP or TLS.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::call::CALLS_MAX;
use super::*;

/// A server of which each connection gets one answer.
struct Peer {
    address: SocketAddr,
    /// The requests that came, whole.
    requests: mpsc::UnboundedReceiver<String>,
}

impl Peer {
    /// `None` answers nothing, and keeps the connection.
    async fn start(answer: Option<Vec<u8>>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, told, tls) = (answer.clone(), told.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(socket).await {
                            Ok(socket) => serve(socket, answer, told).await,
                            Err(error) => told.send(format!("no TLS: {error}")).unwrap(),
                        },
                        None => serve(socket, answer, told).await,
                    }
                });
            }
        });
        Self { address, requests }
    }

    async fn plain(answer: &str) -> Self {
        Self::start(Some(answer.replace('\n', "\r\n").into_bytes()), None).await
    }

    fn request(&self, host: &str) -> Request<Bytes> {
        let scheme = if host.starts_with("https") { "" } else { "http://" };
        Request::get(format!("{scheme}{host}:{}/path?a=b", self.address.port())).body(Bytes::new()).unwrap()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    answer: Option<Vec<u8>>,
    told: mpsc::UnboundedSender<String>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    told.send(String::from_utf8(head).unwrap()).unwrap();
    match answer {
        Some(answer) => {
            let _ = socket.write_all(&answer).await;
            let _ = socket.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

/// An authority, a server with its certificate for `localhost`, and the file with the authority's own.
pub fn certified() -> (TlsAcceptor, tempfile::NamedTempFile) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crate::tls::provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

async fn call(trust: &Trust, request: Request<Bytes>, bounds: Bounds) -> Result<Response<Bytes>, CallError> {
    Outgoing::default().call(trust, request, bounds).await
}

const OK: &str = "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello";

#[tokio::test]
async fn a_call_says_who_calls_and_gives_any_status_back() {
    let mut peer = Peer::plain(OK).await;
    let answer = call(&Trust::system(), peer.request("localhost"), Bounds::default()).await;
    assert_eq!(answer.unwrap().into_body(), "hello");
    let request = peer.requests.recv().await.unwrap().to_ascii_lowercase();
    let host = format!("\r\nhost: localhost:{}\r\n", peer.address.port());
    for part in ["get /path?a=b http/1.1\r\n", &host, "\r\nuser-agent: millchat/"] {
        assert!(request.contains(part), "{request}");
    }
    let refused = Peer::plain("HTTP/1.1 400 Bad Request\nContent-Length: 2\n\n{}").await;
    let answer = call(&Trust::system(), refused.request("127.0.0.1"), Bounds::default()).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), answer.into_body()), (400, Bytes::from_static(b"{}")));
}

#[tokio::test]
async fn only_an_authority_that_is_trusted_vouches_for_a_server() {
    let (tls, file) = certified();
    let mut peer = Peer::start(Some(OK.replace('\n', "\r\n").into_bytes()), Some(tls)).await;
    let trust = Trust::file(file.path()).unwrap();
    let answer = call(&trust, peer.request("https://localhost"), Bounds::default()).await;
    assert_eq!(answer.unwrap().into_body(), "hello");
    let other = Trust::file(certified().1.path()).unwrap();
    for (trust, host) in [(&Trust::system(), "localhost"), (&other, "localhost"), (&trust, "127.0.0.1")] {
        let request = peer.request(&format!("https://{host}"));
        let error = call(trust, request, Bounds::default()).await.unwrap_err();
        assert!(matches!(error, CallError::Connect { .. }), "{host}: {error}");
        // It says where, and a wrong name is not mended by another authority.
        let said = error.to_string();
        assert!(said.contains(&format!("{host}:{}", peer.address.port())), "{said}");
        assert_eq!(said.contains("ca-file"), host == "localhost", "{said}");
    }
    assert!(peer.requests.recv().await.unwrap().starts_with("GET /path"));
    for _ in 0..3 {
        assert!(peer.requests.recv().await.unwrap().starts_with("no TLS"), "nothing is said to a stranger");
    }
}

#[tokio::test]
async fn a_redirect_leads_nowhere_and_a_large_answer_is_left() {
    let mut target = Peer::plain(OK).await;
    let location = format!("http://127.0.0.1:{}/", target.address.port());
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Elsewhere\nLocation: {location}\nContent-Length: 0\n\n");
        let peer = Peer::plain(&answer).await;
        let called = call(&Trust::system(), peer.request("127.0.0.1"), Bounds::default()).await;
        let error = called.unwrap_err();
        assert!(
            matches!(error, CallError::Redirect { .. }) && !error.to_string().contains("path"),
            "{error}"
        );
    }
    assert!(target.requests.try_recv().is_err());
    for head in ["Content-Length: 1000000\r\n", ""] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n{}", "x".repeat(1_000_000));
        let peer = Peer::start(Some(answer.into_bytes()), None).await;
        let error = call(&Trust::system(), peer.request("127.0.0.1"), Bounds::default()).await;
        assert!(matches!(error, Err(CallError::TooLarge { limit: 262_144, .. })), "{error:?}");
        // A caller may allow less, and not more.
        for (bytes_max, limit) in [(1_000, 1_000), (2_000_000, 262_144)] {
            let bounds = Bounds { bytes_max, ..Bounds::default() };
            let error = call(&Trust::system(), peer.request("127.0.0.1"), bounds).await;
            assert!(matches!(error, Err(CallError::TooLarge { limit: l, .. }) if l == limit), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_is_silent_costs_a_place_for_its_time_only() {
    let mut silent = Peer::start(None, None).await;
    let outgoing = Arc::new(Outgoing::default());
    let calls: Vec<_> = (0..CALLS_MAX)
        .map(|_| {
            let (outgoing, request) = (Arc::clone(&outgoing), silent.request("127.0.0.1"));
            tokio::spawn(async move { outgoing.call(&Trust::system(), request, Bounds::default()).await })
        })
        .collect();
    for _ in 0..CALLS_MAX {
        silent.requests.recv().await.unwrap();
    }
    let one_more = outgoing.call(&Trust::system(), silent.request("127.0.0.1"), Bounds::default()).await;
    assert!(matches!(one_more, Err(CallError::Busy(CALLS_MAX))), "{one_more:?}");
    tokio::time::pause();
    for call in calls {
        let ended = call.await.unwrap();
        assert!(matches!(ended, Err(CallError::Slow { limit: Duration { .. }, .. })), "{ended:?}");
    }
    tokio::time::resume();
    let peer = Peer::plain(OK).await;
    assert!(outgoing.call(&Trust::system(), peer.request("127.0.0.1"), Bounds::default()).await.is_ok());
}

#[tokio::test]
async fn a_call_for_the_internet_reaches_no_inner_address() {
    let (tls, file) = certified();
    let mut peer = Peer::start(Some(OK.replace('\n', "\r\n").into_bytes()), Some(tls)).await;
    let trust = Trust::file(file.path()).unwrap();
    let bounds = Bounds { is_global_only: true, ..Bounds::default() };
    for host in ["https://localhost", "https://127.0.0.1", "https://[::1]", "https://[::ffff:127.0.0.1]"] {
        let error = call(&trust, peer.request(host), bounds).await.unwrap_err();
        assert!(matches!(error, CallError::NotGlobal { .. }), "{host}: {error}");
    }
    let error = call(&trust, peer.request("127.0.0.1"), bounds).await.unwrap_err();
    assert!(matches!(error, CallError::Host(_)), "{error}");
    assert!(peer.requests.try_recv().is_err());
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\u{1}"] {
        file.as_file().set_len(0).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let error = Trust::file(file.path()).unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }
    assert!(
        Trust::file(std::path::Path::new("/no/such.pem")).unwrap_err().to_string().contains("/no/such.pem")
    );
}
