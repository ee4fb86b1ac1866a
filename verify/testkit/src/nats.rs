//! Servers of NATS that keep a journal: their settings, and their processes.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::ports::{free_ports, own_address};
use crate::watched::Watched;

/// The program, where `verify/install tests` puts it.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/drivers/go/nats-server");
/// The seed of the key by which a client signs in; for tests only.
pub const SEED: &str = "SUAB5HRWZVVC6PQDDFRKP5D67E7OGABO7TRWWQYJN4L4QS5H7PBQLOBLQQ";
/// The public half of the key.
const USER: &str = "UCHY3UYFFQDGQDU72JHTT7RMDRAOW4XC6AYSPOOQ6IN7M5FSFUL4AKSG";
/// The account that has the streams.
const ACCOUNT: &str = "CHAT";

/// The place of a server.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address at which it listens.
    pub address: IpAddr,
    /// The words before its command, if it runs in a network of its own.
    pub enter: Vec<String>,
}

/// Some servers that form a cluster, or one; killed when they are dropped, or this process is gone.
#[derive(Debug)]
pub struct NatsServers {
    servers: Vec<Server>,
    folder: TempDir,
}

#[derive(Debug)]
struct Server {
    name: String,
    address: SocketAddr,
    enter: Vec<String>,
    process: Option<Watched>,
}

impl NatsServers {
    /// Starts this number of them on loopback: see [`NatsServers::start_at`].
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or the program cannot be run.
    pub fn start(count: usize) -> io::Result<Self> {
        Self::start_at(&vec![Place { address: own_address().into(), enter: Vec::new() }; count])
    }

    /// Starts one at each of these places, each of which syncs every write. They do not listen yet.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or the program cannot be run.
    pub fn start_at(places: &[Place]) -> io::Result<Self> {
        Self::start_in(&std::env::temp_dir(), places)
    }

    /// The same, with all their files in a folder of this one.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or the program cannot be run.
    pub fn start_in(folder: &Path, places: &[Place]) -> io::Result<Self> {
        let count = places.len();
        let folder = tempfile::tempdir_in(folder)?;
        fs::write(folder.path().join("nkey"), format!("{SEED}\n"))?;
        let ports = free_ports(Ipv4Addr::LOCALHOST, 2 * count)?;
        let at = |nth: usize| SocketAddr::new(places[nth % count].address, ports[nth].port());
        let routes: Vec<_> = (count..2 * count).map(at).collect();
        let mut servers = Vec::new();
        for (nth, route) in routes.iter().enumerate() {
            let (name, address) = (format!("nats-{nth}"), at(nth));
            let store = folder.path().join(&name);
            let mut config = format!(
                "server_name: {name}\nlisten: \"{address}\"\nserver_tags: [\"sync:always\"]\n\
                 jetstream {{ store_dir: \"{}\", max_file_store: 4TB, sync_interval: always }}\n\
                 accounts {{ {ACCOUNT} {{ jetstream: enabled, users: [ {{ nkey: {USER} }} ] }} }}\n",
                store.display()
            );
            if count > 1 {
                let all: Vec<_> = routes.iter().map(|route| format!("\"nats://{route}\"")).collect();
                let all = all.join(", ");
                let _ =
                    writeln!(config, "cluster {{ name: millchat, listen: \"{route}\", routes: [{all}] }}");
            }
            fs::write(folder.path().join(format!("{name}.conf")), config)?;
            servers.push(Server { name, address, enter: places[nth].enter.clone(), process: None });
        }
        let mut all = Self { servers, folder };
        (0..count).try_for_each(|nth| all.run(nth))?;
        Ok(all)
    }

    /// Starts a server, again if it was killed, on the files that it left. It does not listen yet.
    ///
    /// # Errors
    ///
    /// When the program cannot be run.
    pub fn run(&mut self, nth: usize) -> io::Result<()> {
        let server = &mut self.servers[nth];
        let program = if Path::new(PROGRAM).exists() { PROGRAM } else { "nats-server" };
        let file = |ending: &str| self.folder.path().join(format!("{}.{ending}", server.name));
        let log = fs::File::options().create(true).append(true).open(file("log"))?;
        let mut words = server.enter.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().expect("there is the program"));
        command.args(words);
        command.arg("-c").arg(file("conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        server.process = Some(Watched::spawn(&mut command)?);
        Ok(())
    }

    /// Returns the number of servers.
    pub fn count(&self) -> usize {
        self.servers.len()
    }

    /// Returns the addresses at which they listen for clients.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.servers.iter().map(|server| server.address)
    }

    /// Returns true if all listen.
    pub fn is_ready(&self) -> bool {
        self.addresses().all(|address| TcpStream::connect(address).is_ok())
    }

    /// Returns their addresses as a client takes them, this one first.
    pub fn urls(&self, first: usize) -> Vec<String> {
        let mut urls: Vec<_> = self.addresses().map(|address| format!("nats://{address}")).collect();
        urls.rotate_left(first);
        urls
    }

    /// Returns the arguments by which `millchat` keeps its journal here, at this server first.
    pub fn arguments(&self, first: usize) -> Vec<String> {
        let nkey_file = self.nkey_file().display().to_string();
        vec!["--journal".into(), self.urls(first).join(","), "--journal-nkey-file".into(), nkey_file]
    }

    /// Returns the names of the servers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.iter().map(|server| &*server.name)
    }

    /// Returns the file with [`SEED`].
    pub fn nkey_file(&self) -> PathBuf {
        self.folder.path().join("nkey")
    }

    /// Returns the folder in which a server keeps the streams.
    pub fn streams(&self, nth: usize) -> PathBuf {
        self.folder.path().join(&self.servers[nth].name).join("jetstream").join(ACCOUNT).join("streams")
    }

    /// Returns true if a server runs.
    pub fn runs(&self, nth: usize) -> bool {
        self.servers[nth].process.is_some()
    }

    /// Kills a server by SIGKILL, if it runs.
    pub fn kill(&mut self, nth: usize) {
        self.servers[nth].process = None;
    }

    /// Sends a signal to a server that runs.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn signal(&self, nth: usize, signal: Signal) {
        self.servers[nth].process.as_ref().expect("it runs").signal(signal);
    }
}
