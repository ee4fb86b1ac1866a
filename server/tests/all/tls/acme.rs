//! A certificate that the server obtains itself, of a real authority.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use rustls::ClientConfig;
use tokio::io::AsyncWriteExt as _;

use super::{exchange, read_until};
use crate::support::pebble::Pebble;
use crate::support::tls::{Anybody, NAME, connect};
use crate::support::{Api, LOOK_EVERY, Server, free_port, within};

const GET: &str = "GET /readyz HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n";
const OBTAINED: &str = "a certificate was obtained";

/// A server that is to obtain a certificate of this authority.
struct Obtaining {
    server: Server,
    admin: SocketAddr,
    cache: tempfile::TempDir,
}

impl Obtaining {
    async fn start(pebble: &Pebble) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let admin = free_port(Ipv4Addr::LOCALHOST.into());
        let (directory, ca_file, admin_address) = (pebble.directory(), pebble.ca_file(), admin.to_string());
        let cache_directory = cache.path().join("acme");
        let server = Server::start_with(&[
            "--acme",
            NAME,
            "--acme-contact",
            "ops@chat.example",
            "--acme-directory",
            &directory,
            "--acme-ca-file",
            ca_file.to_str().unwrap(),
            "--acme-cache",
            cache_directory.to_str().unwrap(),
            "--admin-address",
            &admin_address,
        ])
        .await;
        Self { server, admin, cache }
    }

    async fn readyz(&self) -> (u16, String) {
        let answer = Api::new(self.admin).get("/readyz").await;
        (answer.status, answer.body)
    }

    fn hang_up(&self) {
        kill_process(Pid::from_raw(self.server.pid().cast_signed()).unwrap(), Signal::HUP).unwrap();
    }

    /// The certificate that a client gets who trusts those of `client`.
    async fn certificate(&self, client: &Arc<ClientConfig>) -> Vec<u8> {
        let mut socket = connect(self.server.address(), Arc::clone(client), NAME).await.unwrap();
        assert!(exchange(&mut socket, GET).await.ends_with("ready\n"));
        socket.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let below = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path).into_iter().chain([path]).collect() } else { vec![path] }
    };
    fs::read_dir(directory).unwrap().flat_map(below).collect()
}

#[tokio::test]
async fn a_certificate_is_obtained_kept_over_a_restart_and_renewed_without_a_lost_stream() {
    let pebble = Pebble::start(0).await;
    let mut obtaining = Obtaining::start(&pebble).await;
    pebble.find(obtaining.server.address());
    obtaining.hang_up();
    obtaining.server.said(OBTAINED, 1).await;
    assert_eq!(obtaining.readyz().await, (200, "ready\n".to_owned()));
    // Pebble's own words.
    let log = obtaining.server.stderr();
    assert!(
        log.contains("you agree to its terms of service") && log.contains("Do%20what%20thou%20wilt"),
        "{log}"
    );
    let first = obtaining.certificate(&pebble.trusted().await).await;

    // Nobody else may look into the cache, and no secret is in the log.
    let kept = files_below(&obtaining.cache.path().join("acme"));
    assert!(kept.len() >= 3, "{kept:?}");
    for path in kept {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, expected, "{}", path.display());
    }
    assert!(!obtaining.server.stderr().contains("PRIVATE KEY"));

    // A restart asks for nothing.
    obtaining.server.kill().await;
    obtaining.server.restart().await;
    pebble.find(obtaining.server.address());
    assert_eq!(obtaining.readyz().await, (200, "ready\n".to_owned()));
    assert_eq!(obtaining.certificate(&pebble.trusted().await).await, first);
    assert_eq!(obtaining.server.stderr().matches(OBTAINED).count(), 1);

    // The authority wants it to be renewed now: a stream goes on meanwhile.
    let api = Api::new(obtaining.admin);
    let ada = api.guest("Ada").await;
    let mut stream = connect(obtaining.server.address(), pebble.trusted().await, NAME).await.unwrap();
    let request = "GET /api/v1/rooms/lobby/events HTTP/1.1\r\nHost: chat.example\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    read_until(&mut stream, &mut bytes, "event: start").await;
    let window = r#"{"suggestedWindow":{"start":"2020-01-01T00:00:00Z","end":"2020-01-02T00:00:00Z"}}"#;
    let pem = obtaining_pem(&obtaining);
    let order = serde_json::json!({ "Certificate": pem, "ARIResponse": window }).to_string();
    pebble.manage("POST", "/set-renewal-info/", &order).await;
    obtaining.hang_up();
    obtaining.server.said(OBTAINED, 2).await;
    // A client that resumes by a ticket keeps the certificate that it knows; this one is new.
    assert_ne!(obtaining.certificate(&pebble.trusted().await).await, first);
    api.say("lobby", &ada, "through the renewal").await;
    read_until(&mut stream, &mut bytes, "through the renewal").await;
}

/// The first certificate that is kept, as PEM.
fn obtaining_pem(obtaining: &Obtaining) -> String {
    let kept = files_below(obtaining.cache.path());
    let file = kept.iter().find(|path| path.ends_with("certificate.pem")).expect("it is kept");
    let text = fs::read_to_string(file).unwrap();
    let (first, _) = text.split_once("-----END CERTIFICATE-----").unwrap();
    format!("{first}-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn an_authority_that_refuses_nonces_and_does_not_find_the_server_is_asked_again() {
    // Half of all nonces; and nobody is where it looks.
    let pebble = Pebble::start(50).await;
    let obtaining = Obtaining::start(&pebble).await;
    obtaining.server.said("no new certificate: the authority did not find chat.example here", 1).await;
    assert!(obtaining.server.stderr().contains("next_try=1h"), "{}", obtaining.server.stderr());
    assert_eq!(obtaining.readyz().await, (503, "no-certificate\n".to_owned()));
    assert!(Api::new(obtaining.admin).get("/metrics").await.body.contains("\nmillchat_ready 0\n"));
    // Meanwhile nobody is served who could not know by whom; probes are.
    for (path, status, words) in [
        ("/lobby", "503", "no-certificate"),
        ("/api/v1/rooms/lobby", "503", "no-certificate"),
        ("/readyz", "503", "no-certificate"),
        ("/healthz", "200", "ok"),
    ] {
        let mut socket = connect(obtaining.server.address(), Anybody::client(), NAME).await.unwrap();
        let request = GET.replace("/readyz", path);
        let answer = exchange(&mut socket, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words),
            "{path}: {answer}"
        );
        assert!(!answer.to_ascii_lowercase().contains("strict-transport-security"), "{answer}");
    }
    // Once it can be found, the next try succeeds.
    pebble.find(obtaining.server.address());
    obtaining.hang_up();
    obtaining.server.said(OBTAINED, 1).await;
    assert_eq!(obtaining.readyz().await, (200, "ready\n".to_owned()));
    obtaining.certificate(&pebble.trusted().await).await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_kept_serves_and_is_not_obtained_again() {
    let pebble = Pebble::start(0).await;
    let obtaining = Obtaining::start(&pebble).await;
    obtaining.server.said("no new certificate: ", 1).await;
    // Nobody can write where a directory is.
    let account = files_below(obtaining.cache.path()).into_iter().find(|path| path.ends_with("account.json"));
    let in_the_way = account.expect("it is kept").with_file_name("certificate.new");
    fs::create_dir(&in_the_way).unwrap();
    pebble.find(obtaining.server.address());
    let not_kept = "a new certificate is in use, and the next start will not have it";
    for times in [1, 2] {
        obtaining.hang_up();
        obtaining.server.said(not_kept, times).await;
        assert_eq!(obtaining.readyz().await, (200, "ready\n".to_owned()));
    }
    let served = obtaining.certificate(&pebble.trusted().await).await;
    fs::remove_dir(&in_the_way).unwrap();
    obtaining.hang_up();
    let kept = async {
        while !in_the_way.with_extension("pem").exists() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("it is kept", kept).await;
    assert_eq!(obtaining.certificate(&pebble.trusted().await).await, served);
    assert_eq!(obtaining.server.stderr().matches(OBTAINED).count(), 1);
}

#[tokio::test]
async fn an_authority_that_is_not_there_stops_nobody_from_starting() {
    let pebble = Pebble::start(0).await;
    let ca_file = pebble.ca_file();
    let cache = tempfile::tempdir().unwrap();
    let directory = format!("https://{}/dir", free_port(Ipv4Addr::LOCALHOST.into()));
    let admin = free_port(Ipv4Addr::LOCALHOST.into()).to_string();
    let mut server = Server::start_with(&[
        "--acme",
        NAME,
        "--acme-directory",
        &directory,
        "--acme-ca-file",
        ca_file.to_str().unwrap(),
        "--acme-cache",
        cache.path().to_str().unwrap(),
        "--admin-address",
        &admin,
    ])
    .await;
    server.said("no new certificate", 1).await;
    server.assert_alive();
    let api = Api::new(admin.parse().unwrap());
    assert_eq!(api.get("/readyz").await.body, "no-certificate\n");
    // The operator, and programs at the admin listener, are served.
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "all the same").await;
}
