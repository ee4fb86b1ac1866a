//! Ollama itself, for `make prove`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::{LOOK_EVERY, PATIENCE};
use crate::process;

/// The program, where `verify/install ollama` puts it.
const OLLAMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/drivers/ollama/ollama");
/// The interpreter that writes the model.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/drivers/llama/bin/python");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/tiny.py");
/// The models, by their names: both say the same, but only the second is known to think.
const MODELS: [(&str, &str); 2] =
    [("tiny", ""), ("thinker", "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}")];

/// A running Ollama with the models `tiny` and `thinker`; killed with all that it started when it is dropped.
#[derive(Debug)]
pub struct Ollama {
    address: SocketAddr,
    child: Child,
    group: Pid,
    files: TempDir,
}

impl Ollama {
    /// Starts it on a free port with these variables beside its own, and makes the models.
    pub async fn start(variables: &[(&str, &str)]) -> io::Result<Self> {
        let files = tempfile::tempdir()?;
        let folder = files.path();
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut command = command(address, folder);
        command.arg("serve").envs(variables.iter().copied()).process_group(0).kill_on_drop(true);
        let missing = |error| io::Error::other(format!("{OLLAMA}: {error}; run `make ollama`"));
        let child = command.spawn().map_err(missing)?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it is not waited for");
        let ollama = Self { address, child, group, files };
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(PATIENCE, listens).await?;
        let folder = ollama.files.path();
        run(Command::new(PYTHON).args(["-B", SCRIPT, "tiny.gguf"]).current_dir(folder)).await?;
        for (name, thought) in MODELS {
            let template = format!(
                "FROM ./tiny.gguf\nTEMPLATE \"\"\"{{{{- range $i, $_ := .Messages }}}}{{{{ if $i }}}}\n{{{{ end }}}}\
                 {{{{ .Role }}}}: {thought}{{{{ .Content }}}}{{{{ end }}}}\"\"\"\n"
            );
            std::fs::write(folder.join("Modelfile"), template)?;
            run(self::command(address, folder).args(["create", name])).await?;
        }
        Ok(ollama)
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its address, as the settings of a bot have it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the processes in which its models run.
    pub fn runners(&self) -> Vec<u32> {
        process::family(self.group.as_raw_nonzero().get().cast_unsigned()).split_off(1)
    }

    /// Kills the processes in which its models run, and leaves the server.
    pub fn kill_runners(&self) -> io::Result<()> {
        for runner in self.runners() {
            let runner = Pid::from_raw(runner.cast_signed()).expect("a process has a number");
            kill_process(runner, Signal::KILL)?;
        }
        Ok(())
    }

    /// Kills it in whatever it does, and all that it started.
    pub async fn kill(&mut self) -> io::Result<()> {
        kill_process_group(self.group, Signal::KILL)?;
        self.child.wait().await.map(drop)
    }

    /// Waits until its models use no CPU.
    pub async fn until_idle(&self) -> io::Result<()> {
        let used = || self.runners().into_iter().filter_map(process::cpu_time).sum::<std::time::Duration>();
        let idle = async {
            // Fifty looks without a tick of the kernel's clock, which counts in hundredths of a second.
            let (mut quiet, mut last) = (0, used());
            while quiet < 50 {
                sleep(LOOK_EVERY).await;
                let now = used();
                quiet = if now == last { quiet + 1 } else { 0 };
                last = now;
            }
        };
        Ok(timeout(PATIENCE, idle).await?)
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        // The server alone would leave its runners behind.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

fn command(address: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new(OLLAMA);
    command.env("OLLAMA_HOST", address.to_string()).env("OLLAMA_MODELS", folder.join("models"));
    command.env("HOME", folder).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a command to its end.
async fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}
