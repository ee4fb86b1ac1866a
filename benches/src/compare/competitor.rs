//! A competitor: a program that listens at a given address, and the requests that it understands.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use millchat_testkit::process;
use rustix::process::{Pid, Signal, kill_process};

/// Time that a program may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval of the attempts to connect.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Returns the command that starts a program at an address, with its files in a directory.
pub type Start = Box<dyn Fn(&Path, SocketAddr) -> Command>;
/// Sends a message and waits for its acknowledgement.
pub type Send = Box<dyn Fn(SocketAddr, &str) -> Result<(), String>>;
/// Returns all messages that are kept, in any form.
pub type History = Box<dyn Fn(SocketAddr) -> Result<String, String>>;

/// A program to compare with.
pub struct Competitor {
    /// Its name in the table.
    pub name: &'static str,
    /// The version.
    pub version: String,
    /// The setup, in a line.
    pub settings: String,
    /// The meaning of an acknowledgement.
    pub acknowledged: &'static str,
    /// The command that starts it.
    pub start: Start,
    /// The flags of the tester for its protocol.
    pub flags: Vec<String>,
    /// Sends a message outside of the load.
    pub send: Send,
    /// Reads its messages, if it keeps them.
    pub history: Option<History>,
}

/// The name of a competitor, with its setup or the reason for which it does not take part.
pub type Entry = (&'static str, Result<Competitor, String>);

impl Competitor {
    /// Starts it on the files in `home`, and waits until it listens.
    pub fn start(&self, home: &Path) -> Result<Running, String> {
        fs::create_dir_all(home).map_err(|error| format!("{}: {error}", home.display()))?;
        let address = free_address()?;
        let mut command = (self.start)(home, address);
        let child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.name))?;
        let mut running = Running { child, address };
        let until = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).is_err() {
            if let Ok(Some(status)) = running.child.try_wait() {
                return Err(format!("{} ended before it listened: {status}", self.name));
            }
            if Instant::now() > until {
                return Err(format!("{} did not listen within {START_TIMEOUT:?}", self.name));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(running)
    }
}

/// Returns flags of the tester.
pub fn flags(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Returns the first line of a program's output.
pub fn version_line(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} cannot be run: {error}"))?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8_lossy(&text);
    text.lines().next().map(|line| line.trim().to_owned()).ok_or(format!("{program} says no version"))
}

fn free_address() -> Result<SocketAddr, String> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map_err(|error| format!("no port is free: {error}"))
}

/// A running competitor; killed, with its child processes, when it is dropped.
pub struct Running {
    child: Child,
    /// The address at which it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Returns the id of its first process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The workers of a killed master would continue.
        let workers = process::family(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for worker in workers.into_iter().skip(1) {
            let pid = i32::try_from(worker).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}
