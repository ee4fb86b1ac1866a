//! The server under systemd, by its own tools: the unit, its user, the socket that is held for it, and what
//! it tells.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::support::host::{UNIT, unit};
use crate::support::raw::Connection;
use crate::support::server::{BINARY, command};
use crate::support::{PATIENCE, Server, free_port, within};

const SOCKET: &str = include_str!("../../../docs/millchat.socket");
const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// Runs a tool of systemd to its end: its exit status, stdout and stderr together.
async fn tool(command: &mut Command) -> (ExitStatus, String) {
    let output = within("a tool of systemd ends", command.output()).await;
    let output = output.unwrap_or_else(|error| panic!("{error}: `make install` installs systemd's tools"));
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn the_units_are_right_and_the_service_has_a_user_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (service, socket) =
        (directory.path().join("millchat.service"), directory.path().join("millchat.socket"));
    // The verifier looks for the program.
    fs::write(&service, UNIT.replace("ExecStart=millchat ", &format!("ExecStart={BINARY} "))).unwrap();
    fs::write(&socket, SOCKET).unwrap();
    let mut verify = command("systemd-analyze");
    let (status, said) =
        tool(verify.env("HOME", directory.path()).arg("verify").args([&service, &socket])).await;
    assert!(status.success() && !said.contains("millchat"), "{said}");
    // The verifier does see mistakes.
    fs::write(&service, UNIT.replace("StateDirectory=", "StateDirectry=")).unwrap();
    let (_, said) = tool(command("systemd-analyze").arg("verify").args([&service, &socket])).await;
    assert!(said.contains("StateDirectry"), "{said}");

    // An empty system, to which the two files are applied.
    fs::create_dir(directory.path().join("etc")).unwrap();
    let root = format!("--root={}", directory.path().display());
    let (status, said) = tool(command("systemd-sysusers").arg(&root).arg(docs("millchat.sysusers"))).await;
    assert!(status.success(), "{said}");
    let create = ["--create", &root];
    let (status, said) = tool(command("systemd-tmpfiles").args(create).arg(docs("millchat.tmpfile"))).await;
    assert!(status.success(), "{said}");
    let users = fs::read_to_string(directory.path().join("etc/passwd")).unwrap();
    let user: Vec<&str> =
        users.lines().find(|line| line.starts_with("millchat:")).unwrap().split(':').collect();
    assert_eq!((user[0], user[5]), (unit("User"), &*format!("/var/lib/{}", unit("StateDirectory"))));
    assert!(user[6].ends_with("/nologin"), "{user:?}");
    let groups = fs::read_to_string(directory.path().join("etc/group")).unwrap();
    assert!(groups.lines().any(|line| line.starts_with(&format!("{}:", unit("Group")))), "{groups}");
    let token = fs::metadata(directory.path().join("etc/millchat")).unwrap();
    assert_eq!((token.uid(), token.gid().to_string(), token.mode() & 0o777), (0, user[3].to_owned(), 0o750));
    assert!(!UNIT.contains("DynamicUser"), "such a user is gone while the service is stopped");
}

/// A server to which a socket is passed as systemd passes it: descriptor 3, and two variables.
struct Passed {
    socket: TcpListener,
    directory: tempfile::TempDir,
}

impl Passed {
    fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { socket, directory: tempfile::tempdir().unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let socket = OwnedFd::from(self.socket.try_clone().unwrap());
        let mut shell = command("/bin/sh");
        shell
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 </dev/null", BINARY])
            .arg("--log")
            .arg(self.directory.path().join("log.redb"))
            .args(arguments)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        shell
    }

    fn start(&self) -> Child {
        self.command(&[]).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// SIGTERM, and its end.
async fn stop(mut server: Child) {
    kill_process(Pid::from_raw(server.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let status = within("the server ends", server.wait()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_restart_behind_a_passed_socket_refuses_no_connection() {
    let passed = Arc::new(Passed::new());
    let mut server = passed.start();
    let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (passed, is_over, answered) =
                (Arc::clone(&passed), Arc::clone(&is_over), Arc::clone(&answered));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let asked = async {
                        let mut connection = Connection::connect(passed.address()).await?;
                        let (head, _) = connection.ask(GET).await?;
                        Ok::<u16, io::Error>(head.status)
                    };
                    assert_eq!(within("an answer", asked).await.expect("an answer"), 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _restart in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        let more = async {
            while answered.load(Ordering::Relaxed) < before + 50
                && !clients.iter().any(JoinHandle::is_finished)
            {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        within("answers", more).await;
        stop(server).await;
        server = passed.start();
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("every connection was answered");
    }
    stop(server).await;
}

#[tokio::test]
async fn a_setting_against_the_passed_socket_is_refused() {
    let passed = Passed::new();
    for (arguments, words) in [(&["--address", "127.0.0.1:1"][..], &["127.0.0.1:1", "address"][..])] {
        let output = within("the server ends", passed.command(arguments).output()).await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&passed.address().to_string()), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    // The same address is no contradiction.
    let mut server = passed.command(&["--address", &passed.address().to_string()]).spawn().unwrap();
    let (head, _) =
        within("an answer", async { Connection::connect(passed.address()).await?.ask(GET).await })
            .await
            .unwrap();
    assert_eq!(head.status, 200);
    server.kill().await.unwrap();
}

#[tokio::test]
async fn systemd_socket_activate_starts_the_server_at_the_first_connection() {
    let directory = tempfile::tempdir().unwrap();
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let mut activate = command("systemd-socket-activate");
    activate.args(["-l", &address.to_string(), BINARY, "--log"]).arg(directory.path().join("log.redb"));
    let mut server = activate.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("systemd's tools");
    let asked = async {
        loop {
            if let Ok(mut connection) = Connection::connect(address).await {
                break connection.ask(GET).await.unwrap().0.status;
            }
        }
    };
    assert_eq!(within("an answer", asked).await, 200);
    server.kill().await.unwrap();
}

/// Receives what a service manager is told, until these words.
async fn told(manager: &UnixDatagram, words: &str) -> String {
    let mut all = String::new();
    let told = async {
        while !all.lines().any(|line| line.starts_with(words)) {
            let mut message = [0; 4096];
            let len = manager.recv(&mut message).await.unwrap();
            all.push_str(std::str::from_utf8(&message[..len]).unwrap());
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, told).await;
    assert!(in_time.is_ok(), "not told: {words}; but: {all}");
    all
}

#[tokio::test]
async fn the_service_manager_is_told_the_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    // Milliseconds, not minutes: it is told four times in each.
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut server = Server::start_in(&variables, &["--drain-delay", "1h"]).await;
    let said = told(&manager, "READY=1").await;
    assert!(said.contains(&format!("STATUS=listening on http://{}/", server.address())), "{said}");
    server.api().get("/healthz").await.expect(200);

    told(&manager, "WATCHDOG=1").await;
    let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    let said = told(&manager, "READY=1").await;
    let (reloading, _) = said.split_once("READY=1").unwrap();
    assert!(reloading.contains("RELOADING=1\n") && reloading.contains("MONOTONIC_USEC="), "{said}");

    kill_process(pid, Signal::TERM).unwrap();
    let said = told(&manager, "EXTEND_TIMEOUT_USEC=").await;
    assert!(said.contains("STOPPING=1\n"), "{said}");
    let usec: u64 =
        said.split_once("EXTEND_TIMEOUT_USEC=").unwrap().1.lines().next().unwrap().parse().unwrap();
    assert!(usec >= 3_600_000_000, "the drain delay and the time to close: {usec}");
    assert!(server.terminate().await.0.success());
}
