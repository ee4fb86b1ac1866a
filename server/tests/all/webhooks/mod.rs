//! Outgoing webhooks: the messages that receivers get, their order, and receivers that fail.

mod delivery;
mod failing;
mod libraries;
mod settings;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::{ADMIN, Server};

/// A secret, as the file has it.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver that takes everything.
async fn receiver() -> Receiver {
    Receiver::start(|_, _| Reply::Status(204)).await
}

/// The files of webhooks, for as long as a test runs.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        std::fs::write(files.secret(), format!("{SECRET}\n")).unwrap();
        files
    }

    fn secret(&self) -> PathBuf {
        self.0.path().join("deploys.whsec")
    }

    /// A table of the settings.
    fn table(&self, id: &str, url: &str, more: &str) -> String {
        let secret = self.secret().to_str().unwrap().to_owned();
        format!(
            "[[webhook]]\nid = \"{id}\"\nname = \"Deploys\"\nurl = \"{url}\"\nsecret-file = \"{secret}\"\n\
             first-wait = \"10ms\"\n{more}\n"
        )
    }
}

/// Starts a server with these tables.
async fn server(tables: &str) -> Server {
    Server::start_with_settings(tables, &["--admin-token", ADMIN]).await
}

/// The text of the message in a request.
fn text(received: &Received) -> String {
    received.json()["data"]["content"].as_str().unwrap_or_default().to_owned()
}

fn texts(received: &[Received]) -> Vec<String> {
    received.iter().map(text).collect()
}

/// Fails unless the request is signed by this secret.
#[track_caller]
fn assert_signed(received: &Received, secret: &str) {
    use aws_lc_rs::hmac;
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let [id, at] = ["webhook-id", "webhook-timestamp"].map(|name| received.header(name));
    let signed = format!("{id}.{at}.{}", received.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(tag));
    let signatures: Vec<_> = received.header("webhook-signature").split(' ').collect();
    assert!(signatures.contains(&&*signature), "{received:?}");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(at.parse::<u64>().unwrap().abs_diff(now) < 300, "{at}, {now}");
}
