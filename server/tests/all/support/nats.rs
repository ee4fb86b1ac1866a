//! Servers of NATS: one alone, or three that keep every stream together.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use async_nats::{Client, ConnectOptions};
use millchat_server::cluster::JetStreamSettings;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::SemaphorePermit;

use super::{LOOK_EVERY, free_ports, listens, turn, within};

/// The program, where `verify/install tests` puts it.
const NATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/drivers/go/nats-server");
/// A key of a user, for tests only: its seed, and its public half.
const SEED: &str = "SUAB5HRWZVVC6PQDDFRKP5D67E7OGABO7TRWWQYJN4L4QS5H7PBQLOBLQQ";
const USER: &str = "UCHY3UYFFQDGQDU72JHTT7RMDRAOW4XC6AYSPOOQ6IN7M5FSFUL4AKSG";
/// The account that has the streams.
const ACCOUNT: &str = "CHAT";

/// The cluster whose journal the tests keep.
pub const CLUSTER: [u8; 16] = [7; 16];
/// Its stream.
pub const STREAM: &str = "millchat-07070707070707070707070707070707";

pub struct Nats {
    servers: Vec<Server>,
    folder: TempDir,
    _turn: SemaphorePermit<'static>,
}

struct Server {
    name: String,
    address: SocketAddr,
    child: Option<Child>,
}

impl Nats {
    /// Starts three that form a cluster, each of which syncs every write.
    pub async fn cluster() -> Self {
        Self::start(3, r#"server_tags: ["sync:always"]"#).await
    }

    /// Starts one.
    pub async fn single() -> Self {
        Self::start(1, "").await
    }

    async fn start(count: usize, more: &str) -> Self {
        let turn = turn::journal().await;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("nkey"), format!("{SEED}\n")).unwrap();
        let loopback = Ipv4Addr::LOCALHOST.into();
        let ports = free_ports(loopback, 2 * count);
        let (routes, addresses) = ports.split_at(count);
        let mut servers = Vec::new();
        for (nth, route) in routes.iter().enumerate() {
            let (name, address) = (format!("nats-{nth}"), addresses[nth]);
            let store = folder.path().join(&name);
            let mut config = format!(
                "server_name: {name}\nlisten: \"{address}\"\n{more}\n\
                 jetstream {{ store_dir: \"{}\", max_file_store: 4GB, sync_interval: always }}\n\
                 accounts {{ {ACCOUNT} {{ jetstream: enabled, users: [ {{ nkey: {USER} }} ] }} }}\n",
                store.display()
            );
            if count > 1 {
                let all: Vec<_> = routes.iter().map(|route| format!("\"nats://{route}\"")).collect();
                let all = all.join(", ");
                writeln!(config, "cluster {{ name: millchat, listen: \"{route}\", routes: [{all}] }}")
                    .unwrap();
            }
            fs::write(folder.path().join(format!("{name}.conf")), config).unwrap();
            servers.push(Server { name, address, child: None });
        }
        let mut nats = Self { servers, folder, _turn: turn };
        for nth in 0..count {
            nats.run(nth).await;
        }
        nats
    }

    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Starts a server, again if it was killed, on the files that it left.
    pub async fn run(&mut self, nth: usize) {
        let server = &mut self.servers[nth];
        let name = &server.name;
        let program = if Path::new(NATS).exists() { NATS } else { "nats-server" };
        let log = self.folder.path().join(format!("{name}.log"));
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join(format!("{name}.conf")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        server.child = Some(command.spawn().expect("nats-server is there; `verify/install tests` brings it"));
        listens("nats-server listens", server.address).await;
    }

    /// Kills a server by SIGKILL.
    pub fn kill(&mut self, nth: usize) {
        let mut child = self.servers[nth].child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Kills a server, or starts it again.
    pub async fn toggle(&mut self, nth: usize) {
        if self.servers[nth].child.is_some() { self.kill(nth) } else { self.run(nth).await }
    }

    /// Stops a server in its tracks, or lets it go on.
    pub fn signal(&self, nth: usize, signal: Signal) {
        let child = self.servers[nth].child.as_ref().expect("it runs");
        kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// The settings by which a node reaches its journal, at this server first.
    pub fn settings(&self, first: usize) -> JetStreamSettings {
        let mut servers: Vec<_> =
            self.servers.iter().map(|server| format!("nats://{}", server.address)).collect();
        servers.rotate_left(first);
        let nkey_file = Some(self.folder.path().join("nkey"));
        JetStreamSettings { servers, cluster: CLUSTER, nkey_file, ca_file: None }
    }

    /// The same as arguments of `millchat`.
    pub fn arguments(&self, first: usize) -> Vec<String> {
        let JetStreamSettings { servers, nkey_file, .. } = self.settings(first);
        let nkey_file = nkey_file.expect("it is set").display().to_string();
        vec!["--journal".to_owned(), servers.join(","), "--journal-nkey-file".to_owned(), nkey_file]
    }

    /// The operator's own client, at any server.
    pub async fn client(&self) -> Client {
        let addresses: Vec<_> = self.servers.iter().map(|server| server.address.to_string()).collect();
        ConnectOptions::with_nkey(SEED.into()).connect(addresses).await.unwrap()
    }

    /// Asks JetStream's API as its operator, until it answers without an error that passes.
    pub async fn ask(&self, what: &str, parameters: &Value) -> Value {
        let client = self.client().await;
        let asking = async {
            loop {
                let request = client.request(format!("$JS.API.{what}"), parameters.to_string().into()).await;
                if let Ok(answer) = request {
                    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
                    if answer["error"]["code"] != 503 {
                        return answer;
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within(what, asking).await
    }

    /// The server that leads the stream.
    pub async fn leader(&self) -> usize {
        let finding = async {
            loop {
                let info = self.ask(&format!("STREAM.INFO.{STREAM}"), &json!({})).await;
                let leader = info["cluster"]["leader"].as_str();
                if let Some(nth) = self.servers.iter().position(|server| leader == Some(&server.name)) {
                    return nth;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("the stream has a leader", finding).await
    }

    /// Returns the stream's block files at this server that hold a text. Raft's own log is not among them: it
    /// keeps an entry until its next snapshot.
    pub fn blocks_with(&self, nth: usize, text: &str) -> Vec<PathBuf> {
        let account = self.folder.path().join(&self.servers[nth].name).join("jetstream").join(ACCOUNT);
        let finder = memchr::memmem::Finder::new(text);
        let mut found = Vec::new();
        for file in files(&account.join("streams").join(STREAM)) {
            // A file may go meanwhile.
            if fs::read(&file).is_ok_and(|bytes| finder.find(&bytes).is_some()) {
                found.push(file);
            }
        }
        found
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for child in self.servers.iter_mut().filter_map(|server| server.child.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}
