//! Pictures of users from end to end: a provider names one, the server fetches it from a server of the test
//! on a network of its own, and a page shows it; what is no picture, or is elsewhere, is shown to nobody.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::lying::{begin, come_back};
use super::{claims, file, local};
use crate::support::lying_provider::{Lies, LyingProvider};
use crate::support::network::enter_with;
use crate::support::tls::{Authority, UNTIL};
use crate::support::{Browser, Guest, LOOK_EVERY, Server, within};

/// Addresses as public servers have them; in the network of the test they are its own.
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 15));
/// The address at which machines of clouds give out their secrets.
const LINK_LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// The host of the pictures.
const HOST: &str = "avatars.example";
/// A host that is allowed too, and leads to this machine.
const INNER: &str = "inner.example";
/// Most bytes of a picture.
const PICTURE_BYTES_MAX: usize = 256 * 1024;
/// One pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// Stands for a picture that there is not.
const NONE: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

fn png() -> Vec<u8> {
    BASE64_STANDARD.decode(PNG).unwrap()
}

/// Returns the answer at a path, or `None` where nothing comes after a part of one.
fn answer(path: &str) -> (String, Option<Vec<u8>>) {
    let head = |content_type: &str, bytes: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {bytes}\r\n\r\n")
    };
    let body = match path {
        // Of a size, after a beginning that is right.
        _ if path.starts_with("/bytes/") => {
            let mut bytes = png();
            bytes.resize(path["/bytes/".len()..].parse().unwrap(), 0);
            bytes
        }
        "/drawing" => b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(),
        "/page" => b"<!doctype html><script>alert(1)</script>".to_vec(),
        "/redirect" => {
            let head = "HTTP/1.1 302 Found\r\nLocation: /ada\r\nContent-Length: 0\r\n\r\n";
            return (head.to_owned(), Some(Vec::new()));
        }
        "/missing" => {
            return ("HTTP/1.1 404 Not Found\r\nContent-Length: 70\r\n\r\n".to_owned(), Some(png()));
        }
        "/slow" => return (head("image/png", 70), None),
        // The server asks for images; what this one says of its picture is not believed.
        _ => return (head("text/html", png().len()), Some(png())),
    };
    (head("image/png", body.len()), Some(body))
}

/// Answers by TLS with pictures, and with what is none.
async fn serve(listener: TcpListener, tls: TlsAcceptor) {
    while let Ok((socket, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            let Ok(mut socket) = tls.accept(socket).await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(byte) = socket.read_u8().await else { return };
                request.push(byte);
            }
            let head = String::from_utf8(request).unwrap();
            let (head, body) = answer(head.split(' ').nth(1).unwrap());
            let _ = socket.write_all(head.as_bytes()).await;
            match body {
                Some(body) => drop(socket.write_all(&body).await),
                // Until the other side has enough of it.
                None => drop(socket.write_all(&png()[..20]).await),
            }
            let _ = socket.read_to_end(&mut Vec::new()).await;
        });
    }
}

/// A server whose provider and pictures are the test's own.
struct Pictures {
    server: Server,
    liar: LyingProvider,
    /// The port of the server of pictures.
    port: u16,
    /// Read at the first call.
    _authorities: NamedTempFile,
}

impl Pictures {
    async fn start() -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.issue(&[HOST], 1, UNTIL);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let listener = TcpListener::bind((PUBLIC, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config))));

        let (liar, address) = (LyingProvider::start().await, local());
        let settings = file(&format!(
            "public-url = \"http://{address}\"\nrate-limit = \"off\"\n\
             [[login]]\nname = \"corp\"\nkind = \"oidc\"\nissuer = \"{}\"\nclient-id = \"millchat\"\n\
             avatar-hosts = [\"{HOST}\", \"{INNER}\", \"localhost\", \"127.0.0.1\", \"{LINK_LOCAL}\"]\n",
            liar.issuer()
        ));
        // The authorities of the system are the test's.
        let authorities = file(authority.pem());
        let environment = [("SSL_CERT_FILE", authorities.path().to_str().unwrap())];
        let arguments = ["--config", settings.path().to_str().unwrap()];
        let server = Server::start_on_in(address, &environment, &arguments).await;
        Self { server, liar, port, _authorities: authorities }
    }

    /// The address of a path at the host of the pictures.
    fn at(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.port)
    }

    /// Signs somebody in whose picture is at an address. Returns their token.
    async fn sign_in(&self, sub: &str, picture: &str) -> Guest {
        let (mut visitor, state, nonce) = begin(&self.server, "corp").await;
        let user = json!({ "sub": sub, "name": "Ada Lovelace", "picture": picture });
        self.liar.lie(Lies { nonce, claims: json!({ "sub": sub }), user: Some(user), ..Lies::default() });
        come_back(&mut visitor, &state, Some(&self.liar.issuer())).await.expect(303);
        let token = visitor.cookie("millchat").unwrap().to_owned();
        let id = claims(&token)["id"].as_str().unwrap().to_owned();
        Guest { token, id, name: "Ada Lovelace".to_owned() }
    }

    /// The type and the bytes of the picture of somebody, and the headers beside.
    async fn of(&self, user: &Guest) -> (String, Vec<u8>) {
        let request = self.server.api().request(Method::GET, &format!("/avatars/{}", user.id));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        for (name, value) in [
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "private, max-age=86400"),
        ] {
            assert_eq!(answer.headers()[name], value, "{name}");
        }
        let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, answer.bytes().await.unwrap().to_vec())
    }

    /// Waits until somebody has a picture of so many bytes, or none.
    async fn until(&self, user: &Guest, what: &str, bytes: Option<usize>) {
        let expected = match bytes {
            Some(bytes) => ("image/png".to_owned(), bytes),
            None => ("image/svg+xml".to_owned(), NONE.len()),
        };
        let there = async {
            loop {
                let (content_type, bytes) = self.of(user).await;
                if (content_type, bytes.len()) == expected {
                    return bytes;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let shown = within(what, there).await;
        assert!(bytes.is_some() || shown == NONE, "{what}");
    }
}

/// Fails if anybody has connected to this listener.
async fn assert_alone(listener: &TcpListener) {
    let own = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    // Whoever came before would be taken first.
    let (_, first) = listener.accept().await.unwrap();
    assert_eq!(first, own.local_addr().unwrap(), "nobody came");
}

/// Enters the network in which the hosts of these tests are. Returns true inside.
async fn enter(test: &str) -> bool {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let names = [(HOST, PUBLIC), ("other.example", OTHER), (INNER, loopback)];
    enter_with(&format!("sign_in::avatars::{test}"), &[PUBLIC, OTHER, LINK_LOCAL], &names).await
}

#[tokio::test]
async fn the_picture_that_the_provider_names_is_fetched_at_the_sign_in_and_shown_on_the_page() {
    if !enter("the_picture_that_the_provider_names_is_fetched_at_the_sign_in_and_shown_on_the_page").await {
        return;
    }
    let pictures = Pictures::start().await;
    let ada = pictures.sign_in("ada", &pictures.at("/ada")).await;
    pictures.until(&ada, "a picture is there", Some(png().len())).await;
    assert_eq!(pictures.of(&ada).await, ("image/png".to_owned(), png()));
    let api = pictures.server.api();
    api.say("lobby", &ada, "hello").await;
    let page = Browser::open(&format!("http://{}/lobby", pictures.server.address())).await;
    page.until("document.querySelector('#messages .avatar img')?.naturalWidth === 1").await;
    // It is over the initials, and of their size.
    let covers = "((of) => of.clientWidth > 10 && of.querySelector('img').width >= of.clientWidth)\
                  (document.querySelector('#messages .avatar'))";
    assert!(page.is(covers).await);
    page.assert_quiet(false).await;
    // Who has none any more at the next sign-in has initials.
    pictures.sign_in("ada", "").await;
    pictures.until(&ada, "the picture is forgotten", None).await;
}

#[tokio::test]
async fn what_is_too_large_or_slow_or_no_picture_is_shown_to_nobody() {
    if !enter("what_is_too_large_or_slow_or_no_picture_is_shown_to_nobody").await {
        return;
    }
    let pictures = Pictures::start().await;
    for (path, bytes) in [
        (&*format!("/bytes/{PICTURE_BYTES_MAX}"), Some(PICTURE_BYTES_MAX)),
        (&*format!("/bytes/{}", PICTURE_BYTES_MAX + 1), None),
        ("/bytes/1000000", None),
        ("/drawing", None),
        ("/page", None),
        ("/redirect", None),
        ("/missing", None),
        ("/slow", None),
    ] {
        // They had one before, so that it can be seen when the next has come to nothing.
        let ada = pictures.sign_in("ada", &pictures.at("/ada")).await;
        pictures.until(&ada, "a picture is there", Some(png().len())).await;
        pictures.sign_in("ada", &pictures.at(path)).await;
        pictures.until(&ada, path, bytes).await;
    }
    let log = pictures.server.stderr();
    for words in ["no PNG, JPEG, WebP or GIF", "is not there", "is not fetched"] {
        assert!(log.contains(words), "{words}: {log}");
    }
    // Nothing of the address but its host.
    assert!(!log.contains("/drawing") && !log.contains("/slow"), "{log}");
}

#[tokio::test]
async fn a_picture_at_an_inner_address_or_at_another_host_is_not_asked_for() {
    if !enter("a_picture_at_an_inner_address_or_at_another_host_is_not_asked_for").await {
        return;
    }
    let pictures = Pictures::start().await;
    let inner = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let port = inner.local_addr().unwrap().port();
    let addresses = [
        // Hosts that the settings name, at addresses of no public network.
        format!("https://127.0.0.1:{port}/ada"),
        format!("https://localhost:{port}/ada"),
        format!("https://{INNER}:{port}/ada"),
        format!("https://{LINK_LOCAL}:{port}/latest/meta-data"),
        // A host that they do not name.
        format!("https://other.example:{port}/ada"),
        format!("https://{OTHER}:{port}/ada"),
        // The host, and not by TLS; and one that only looks like it.
        format!("http://{HOST}:{port}/ada"),
        format!("https://{HOST}@127.0.0.1:{port}/ada"),
        "file:///etc/passwd".to_owned(),
    ];
    for address in &addresses {
        let ada = pictures.sign_in("ada", &pictures.at("/ada")).await;
        pictures.until(&ada, "a picture is there", Some(png().len())).await;
        pictures.sign_in("ada", address).await;
        pictures.until(&ada, address, None).await;
    }
    assert_alone(&inner).await;
}
