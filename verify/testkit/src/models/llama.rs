//! llama.cpp's own server.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::exchange::exchange;
use super::{LOOK_EVERY, PATIENCE};

/// The interpreter with its package, where `verify/install tests` puts it.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/drivers/llama/bin/python");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/llama.py");

/// A running llama.cpp; killed when it is dropped.
#[derive(Debug)]
pub struct Llama {
    address: SocketAddr,
    _child: Child,
}

impl Llama {
    /// Starts it on a free port, and waits until it serves.
    pub async fn start() -> io::Result<Self> {
        let mut command = Command::new(PYTHON);
        // It ends with its stdin too: a test that is killed leaves nothing behind.
        command.args(["-B", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let missing = |error| io::Error::other(format!("{PYTHON}: {error}; run `verify/install tests`"));
        let mut child = command.kill_on_drop(true).spawn().map_err(missing)?;
        let mut stdout = BufReader::new(child.stdout.take().expect("its stdout is piped"));
        let mut line = String::new();
        timeout(PATIENCE, stdout.read_line(&mut line)).await??;
        let address = line.trim().strip_prefix("http://").and_then(|address| address.parse().ok());
        let address =
            address.ok_or_else(|| io::Error::other(format!("no address of llama.cpp: {line:?}")))?;
        Ok(Self { address, _child: child })
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of its API, as the settings of a bot have it.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns true while it makes an answer.
    pub async fn is_at_work(&self) -> io::Result<bool> {
        let slots = String::from_utf8_lossy(&exchange(self.address, "/slots", b"").await?).into_owned();
        match (slots.contains("\"is_processing\":true"), slots.contains("\"is_processing\":false")) {
            (false, false) => Err(io::Error::other(format!("llama.cpp does not tell what it does: {slots}"))),
            (is_at_work, _) => Ok(is_at_work),
        }
    }

    /// Returns the number of tokens that it has written.
    pub async fn written_tokens(&self) -> io::Result<u64> {
        let metrics = String::from_utf8_lossy(&exchange(self.address, "/metrics", b"").await?).into_owned();
        let line = metrics.lines().find_map(|line| line.strip_prefix("llamacpp:tokens_predicted_total "));
        let count = line.and_then(|count| count.trim().parse().ok());
        count.ok_or_else(|| io::Error::other(format!("llama.cpp does not tell what it wrote: {metrics}")))
    }

    /// Waits until it makes no answer.
    pub async fn until_idle(&self) -> io::Result<()> {
        let idle = async {
            while self.is_at_work().await? {
                sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        timeout(PATIENCE, idle).await?
    }
}
