//! A Postgres server with a database for a journal: its files, its process, and the user as whom it runs.
//!
//! The server refuses to run as root. Where the caller does, it runs as the user of Debian's package, or as nobody.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::ports::free_ports;
use crate::watched::Watched;

/// Debian's folders of the programs, one for each release.
const RELEASES: &str = "/usr/lib/postgresql";
/// The user and the database of the nodes.
pub const NODES: &str = "millchat";
const PASSWORD: &str = "a password of the nodes, for tests only";
/// The user who may do everything.
pub const OPERATOR: &str = "postgres";
/// The operator's password.
pub const OPERATOR_PASSWORD: &str = "a password of the operator, for tests only";
/// The settings of every server; those of the caller come after them.
const SETTINGS: [&str; 4] =
    ["listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=32MB", "max_connections=50"];
/// The line of the server's own file that tells whether it takes connections.
const STATE_LINE: usize = 7;

/// A server; killed when it is dropped, or this process is gone.
#[derive(Debug)]
pub struct PostgresServer {
    address: SocketAddr,
    settings: Vec<String>,
    user: Option<User>,
    process: Option<Watched>,
    folder: TempDir,
}

/// The user as whom the server runs, if not as that of the caller.
#[derive(Debug, Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    fn for_server() -> io::Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let named = |name: &str| {
            let mut users = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
            let user = users.find(|fields| fields[0] == name)?;
            Some(Self { uid: user.get(2)?.parse().ok()?, gid: user.get(3)?.parse().ok()? })
        };
        let user = named("postgres").or_else(|| named("nobody"));
        user.map(Some).ok_or_else(|| io::Error::other("there is nobody but root as whom Postgres could run"))
    }
}

impl PostgresServer {
    /// Makes a server with these settings (`name=value`), and starts it. It does not take connections yet.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or a program cannot be run or fails.
    pub fn start(settings: &[&str]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The server's user must get through, and no further.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let mut server = Self {
            address: free_ports(Ipv4Addr::LOCALHOST, 1)?[0],
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            user: User::for_server()?,
            process: None,
            folder,
        };
        server.make()?;
        server.run()?;
        Ok(server)
    }

    /// Makes the server's files, its users and the nodes' database.
    fn make(&self) -> io::Result<()> {
        let data = self.data();
        fs::create_dir(&data)?;
        self.give(&data, 0o700)?;
        let password = self.folder.path().join("operator");
        fs::write(&password, OPERATOR_PASSWORD)?;
        self.give(&password, 0o600)?;
        fs::write(self.password_file(), format!("{PASSWORD}\n"))?;

        let mut initdb = self.command("initdb");
        initdb.arg(format!("--username={OPERATOR}")).arg(format!("--pwfile={}", password.display()));
        initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        succeeded("initdb", initdb.stdout(Stdio::null()).status()?)?;

        // In a session without a server, as initdb does: it needs no client.
        let mut alone = self.command("postgres");
        alone.args(["--single", "-c", "exit_on_error=on", "-c", "log_min_messages=fatal", "postgres"]);
        let mut alone = alone.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        if let Some(mut stdin) = alone.stdin.take() {
            // One statement a line.
            writeln!(stdin, "create role {NODES} login password '{PASSWORD}'")?;
            writeln!(stdin, "create database {NODES} owner {NODES}")?;
        }
        succeeded("postgres --single", alone.wait()?)
    }

    /// A program of the newest release that is here, on the server's files.
    fn command(&self, program: &str) -> Command {
        let releases = fs::read_dir(RELEASES).into_iter().flatten().flatten();
        let mut found: Vec<_> = releases.map(|release| release.path().join("bin").join(program)).collect();
        found.retain(|path| path.exists());
        found.sort();
        let program = found.pop().unwrap_or_else(|| program.into());
        let mut command = match self.user {
            Some(User { uid, gid }) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={uid}"), format!("--regid={gid}")]).arg("--clear-groups");
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        command.env("PGDATA", self.data()).stdin(Stdio::null()).current_dir("/");
        command
    }

    /// Gives a file to the server's user.
    fn give(&self, file: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(file, Permissions::from_mode(mode))?;
        self.user.map_or(Ok(()), |User { uid, gid }| chown(file, Some(uid), Some(gid)))
    }

    /// Starts the server, again if it was killed, on the files that it left. It does not take connections yet.
    ///
    /// # Errors
    ///
    /// When the program cannot be run.
    pub fn run(&mut self) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"))?;
        let mut command = self.command("postgres");
        command.arg("-p").arg(self.address.port().to_string());
        for setting in SETTINGS.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        self.process = Some(Watched::spawn(command.stdout(Stdio::null()).stderr(log))?);
        Ok(())
    }

    /// Returns true if the server takes connections.
    pub fn is_ready(&self) -> bool {
        let Some(process) = &self.process else { return false };
        // A server that was killed has left its file.
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let lines: Vec<_> = file.lines().map(str::trim).collect();
        lines.first() == Some(&&*process.pid().to_string()) && lines.get(STATE_LINE) == Some(&"ready")
    }

    /// Returns the address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the nodes' database, with these parameters.
    pub fn url(&self, parameters: &str) -> String {
        format!("postgres://{NODES}@{}/{NODES}?{parameters}", self.address)
    }

    /// Returns the arguments by which `millchat` keeps its journal here.
    pub fn arguments(&self) -> Vec<String> {
        let password_file = self.password_file().display().to_string();
        vec!["--journal".into(), self.url("sslmode=disable"), "--journal-password-file".into(), password_file]
    }

    /// Returns the file with the nodes' password.
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// Returns the folder with the server's files.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file into that folder, for the server.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let file = self.data().join(name);
        fs::write(&file, text)?;
        self.give(&file, 0o600)
    }

    /// Returns true if it runs.
    pub fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Kills all its processes by SIGKILL, if it runs.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Sends a signal to all its processes.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("it runs").signal(signal);
    }
}

fn succeeded(program: &str, status: ExitStatus) -> io::Result<()> {
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {status}"))) }
}
