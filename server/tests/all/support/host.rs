//! A host of a test's own, on which commands are typed as root: this machine's files with those of the test
//! on top, and processes of its own.
//!
//! Its shell lives in namespaces and takes its commands from the test; all that it wrote and started ends
//! with it. There is no systemd on it: a stand-in for systemctl starts the unit's command as the unit's user,
//! waits until the server is ready, and stops it by SIGTERM.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

/// The unit of systemd that the documentation installs.
pub const UNIT: &str = include_str!("../../../../docs/millchat.service");
/// Longest life of a host: a command that hangs fails its test.
const SECONDS_MAX: &str = "300";
/// Lies in the way of the programs of the system.
const SYSTEMCTL: &str = "/usr/local/bin/systemctl";

/// The host.
pub struct Host {
    shell: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The directory where it is mounted, for itself alone.
    place: TempDir,
}

impl Host {
    /// Sets one up on this machine's files.
    pub fn new() -> Self {
        assert!(
            geteuid().is_root(),
            "the steps of an operator need root, and users of the system's own: run this test as root"
        );
        let place = tempfile::tempdir().unwrap();
        let shell = Command::new("timeout")
            .args([
                "--signal=KILL",
                SECONDS_MAX,
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
            ])
            .current_dir(&place)
            .env_clear()
            .env("HOME", "/root")
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut shell = shell.expect("the tests of an operator's steps need unshare(1), of util-linux");
        let commands = shell.stdin.take().unwrap();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let mut host = Self { shell, commands, answers, place };
        host.run(
            "mount -t tmpfs tmpfs \"$PWD\"; cd \"$PWD\"; mkdir over work root
            mount -t overlay overlay -o lowerdir=/,upperdir=over,workdir=work root
            mount -t proc proc root/proc; mount --rbind /dev root/dev; mount -t tmpfs tmpfs root/tmp",
        );
        host
    }

    /// Puts a program or another file of this machine on it.
    pub fn put(&mut self, file: &Path, path: &str) {
        let directory = Path::new(path).parent().unwrap().display().to_string();
        self.run(&format!("mkdir -p \"root{directory}\"; cp {} root{path}", file.display()));
    }

    /// Enters it: from now on there is nothing else.
    pub fn enter(&mut self) {
        writeln!(
            self.commands,
            "cd {}; exec chroot root sh -c 'cd; echo \"= 0\"; exec sh'",
            self.place.path().display()
        )
        .unwrap();
        self.answer("the entry");
        let script = systemctl();
        self.run(&format!("cat >{SYSTEMCTL} <<'END'\n{script}END\nchmod +x {SYSTEMCTL}"));
    }

    /// Runs commands as they are typed, and gives what they said. Fails when one of them fails.
    #[track_caller]
    pub fn run(&mut self, commands: &str) -> String {
        // Its own directory is mounted after the shell was started in it.
        let there = self.place.path().display();
        writeln!(
            self.commands,
            "(set -e; cd {there} 2>/dev/null || cd\n{commands}\n) 2>&1 </dev/null; printf '\\n= %d\\n' $?"
        )
        .unwrap();
        self.answer(commands)
    }

    #[track_caller]
    fn answer(&mut self, commands: &str) -> String {
        let mut said = String::new();
        while self.answers.read_line(&mut said).unwrap() > 0 {
            match said.lines().last() {
                // The last line of the commands may have no end, so that one is added.
                Some("= 0") => return said.strip_suffix("\n= 0\n").unwrap_or_default().to_owned(),
                Some(last) if last.starts_with("= ") => break,
                _ => {}
            }
        }
        panic!("{commands}\n{said}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The first process of its namespace ends with it, and takes all others along.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// The value of a line of the unit.
pub fn unit(key: &str) -> &'static str {
    let line = UNIT.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("the unit has no {key}="))
}

/// The stand-in for systemctl.
fn systemctl() -> String {
    let (user, start) = (unit("User"), unit("ExecStart"));
    let (state, mode) = (unit("StateDirectory"), unit("StateDirectoryMode"));
    format!(
        r#"#!/bin/sh
set -e
case "$1 ${{2%.service}}" in
"is-active --quiet") exit 3 ;;
"restart millchat") "$0" stop millchat; "$0" start millchat ;;
"stop millchat")
    pid=$(cat /run/millchat.pid); kill -TERM "$pid"
    while [ -d "/proc/$pid" ]; do sleep 0.02; done ;;
"start millchat")
    install -d -o {user} -g {user} -m {mode} /var/lib/{state}
    setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs \
        {start} </dev/null >/dev/null 2>>/tmp/stderr &
    echo $! >/run/millchat.pid
    tries=0
    until millchat probe --config /etc/millchat.toml 2>/tmp/probe; do
        tries=$((tries + 1)); [ $tries -lt 600 ] || {{ cat /tmp/probe /tmp/stderr; exit 1; }}; sleep 0.1
    done ;;
# The scripts of a package enable the service; that needs no systemd that runs.
"--root=/ --system") exec /usr/bin/systemctl "$@" ;;
*) echo "systemctl $*: not in this test" >&2; exit 1 ;;
esac
"#
    )
}
