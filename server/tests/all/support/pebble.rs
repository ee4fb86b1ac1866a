//! Pebble, the authority that Let's Encrypt gives to those who test: it speaks ACME strictly, and refuses now
//! and then what is right, so that clients learn to repeat it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::tls::{Authority, UNTIL};
use super::{free_port, listens};

/// The program, where `verify/install tests` puts it.
const PEBBLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/drivers/go/pebble");

/// The authority, with a way of its own to the servers under test.
pub struct Pebble {
    address: SocketAddr,
    management: SocketAddr,
    /// The port at which it looks for the server.
    way: SocketAddr,
    /// The server that it finds there; nobody at first.
    server: watch::Sender<Option<SocketAddr>>,
    files: TempDir,
    _child: Child,
    tasks: [JoinHandle<()>; 2],
}

impl Pebble {
    /// Starts one that refuses this many nonces of a hundred.
    pub async fn start(nonces_refused: u32) -> Self {
        let loopback = Ipv4Addr::LOCALHOST.into();
        let (address, management) = (free_port(loopback), free_port(loopback));
        let files = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (certificate, key) = authority.issue(&["127.0.0.1"], 1, UNTIL);
        for (name, text) in [("own.pem", &*certificate), ("own.key", &key), ("ca.pem", authority.pem())] {
            fs::write(files.path().join(name), text).unwrap();
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let way = listener.local_addr().unwrap();
        let (server, found) = watch::channel(None);
        let names = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let names_at = names.local_addr().unwrap().to_string();
        let config = json!({ "pebble": {
            "listenAddress": address.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": files.path().join("own.pem"),
            "privateKey": files.path().join("own.key"),
            "httpPort": 1, "tlsPort": way.port(), "ocspResponderURL": "",
            "externalAccountBindingRequired": false, "retryAfter": { "authz": 1, "order": 1 },
            "keyAlgorithm": "ecdsa",
            "profiles": { "default": { "description": "for tests", "validityPeriod": 7_776_000 } },
        } });
        fs::write(files.path().join("pebble.json"), config.to_string()).unwrap();
        let program = if Path::new(PEBBLE).exists() { PEBBLE } else { "pebble" };
        let mut command = Command::new(program);
        command.args(["-strict", "-dnsserver", &names_at, "-config"]).arg(files.path().join("pebble.json"));
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        command.env("PEBBLE_WFE_NONCEREJECT", nonces_refused.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("pebble is not there; `verify/install tests` brings it");
        listens("pebble listens", address).await;
        let tasks = [tokio::spawn(lead(listener, found)), tokio::spawn(name_everything(names))];
        Self { address, management, way, server, files, _child: child, tasks }
    }

    /// The address of its directory.
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// The file with the authority by which its own server is known.
    pub fn ca_file(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    /// Lets it find this server from now on.
    pub fn find(&self, server: SocketAddr) {
        assert_ne!(server, self.way);
        self.server.send_replace(Some(server));
    }

    /// Asks its management, as its operator: the answer's body.
    pub async fn manage(&self, method: &str, path: &str, body: &str) -> String {
        let url = format!("https://{}{path}", self.management);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail", "-X", method, "--data-binary", body, "--cacert"]).arg(self.ca_file());
        let output = curl.arg(url).output().await.expect("curl is there; `verify/install tests` brings it");
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A client's configuration that trusts the certificates which it issues.
    pub async fn trusted(&self) -> std::sync::Arc<rustls::ClientConfig> {
        Authority::client_of(&self.manage("GET", "/roots/0", "").await, &["http/1.1"])
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Leads connections to the server, and closes them while there is none.
async fn lead(listener: TcpListener, server: watch::Receiver<Option<SocketAddr>>) {
    loop {
        let Ok((mut from, _)) = listener.accept().await else { return };
        let Some(server) = *server.borrow() else { continue };
        tokio::spawn(async move {
            if let Ok(mut to) = TcpStream::connect(server).await {
                let _ = copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}

/// Answers that every name is this machine's; there is nothing else to be known of any. Pebble asks by TCP.
async fn name_everything(listener: TcpListener) {
    loop {
        let Ok((mut from, _)) = listener.accept().await else { return };
        tokio::spawn(async move {
            while let Ok(bytes) = from.read_u16().await {
                let mut question = vec![0; usize::from(bytes)];
                let Ok(_) = from.read_exact(&mut question).await else { return };
                let Some(answer) = named(&question) else { return };
                let answer = [&(answer.len() as u16).to_be_bytes(), &answer[..]].concat();
                let Ok(()) = from.write_all(&answer).await else { return };
            }
        });
    }
}

/// Returns the answer to a question of the DNS.
fn named(question: &[u8]) -> Option<Vec<u8>> {
    const HEAD_BYTES: usize = 12;
    const IPV4: [u8; 2] = [0, 1];
    let name = question.get(HEAD_BYTES..)?.iter().position(|&byte| byte == 0)?;
    // Behind the name come its type and its class.
    let end = HEAD_BYTES + name + 5;
    let mut answer = question.get(..end)?.to_vec();
    let has_address = answer[end - 4..end - 2] == IPV4;
    answer[2..HEAD_BYTES].copy_from_slice(&[0x84, 0, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0]);
    if has_address {
        answer.extend([0xc0, HEAD_BYTES as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
