//! A small disk of a test's own: a tmpfs in a mount namespace in which only a shell lives.
//!
//! The shell takes its commands from the test, and the mount is gone with the last process that uses it. So
//! it is seen by nobody else, and nothing is left of it however the test ends. Its files are reached from
//! outside by way of `/proc/PID/root`. Works for root, and for others where they may have user namespaces.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

/// The ballast is written in pieces of this size.
static PIECE: [u8; 64 * 1024] = [b'.'; 64 * 1024];

pub struct Disk {
    shell: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The directory where it is mounted; outside of the namespace an empty directory.
    place: TempDir,
}

impl Disk {
    /// A disk of this size.
    pub fn new(bytes: u64) -> Self {
        let namespaces = if geteuid().is_root() { "--mount" } else { "-rm" };
        let shell = Command::new("unshare")
            .args([namespaces, "--propagation", "private", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut shell = shell.expect("the tests of full disks need unshare(1), of util-linux");
        let commands = shell.stdin.take().unwrap();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let mut disk = Self { shell, commands, answers, place: tempfile::tempdir().unwrap() };
        let place = disk.place.path().display().to_string();
        disk.run(&format!("mount -t tmpfs -o size={bytes} millchat {place}"));
        disk
    }

    /// Runs a command where the disk is mounted. Fails with what it said when it fails.
    fn run(&mut self, command: &str) {
        let mut said = String::new();
        let sent = writeln!(self.commands, "{command} 2>&1; echo \"= $?\"");
        while sent.is_ok() && self.answers.read_line(&mut said).unwrap() > 0 {
            match said.lines().last() {
                Some("= 0") => return,
                Some(last) if last.starts_with("= ") => break,
                _ => {}
            }
        }
        panic!(
            "a test needs a mount of its own: run it as root, or allow user namespaces ({command}: {said})"
        );
    }

    /// The path of a file on it, as seen from outside.
    pub fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.shell.id()));
        root.join(self.place.path().strip_prefix("/").unwrap()).join(name)
    }

    /// Allows no more writes. Nothing may be open for writing.
    pub fn read_only(&mut self) {
        let place = self.place.path().display().to_string();
        self.run(&format!("mount -o remount,ro {place}"));
    }

    /// Fills it up to the last byte.
    pub fn fill(&self) {
        let mut ballast = File::create(self.path("ballast")).unwrap();
        loop {
            match ballast.write(&PIECE) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("the ballast: {error}"),
            }
        }
    }

    /// Takes away what filled it.
    pub fn empty(&self) {
        fs::remove_file(self.path("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Its own child, which ends at once: it has nothing to lose.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
