//! Three machines of one network, each a namespace of the kernel, whose cables can be pulled. The people are at
//! another network, which stays whole.
//!
//! For a test that is in a network of its own already: see [`super::network`].

use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::server::BINARY;
use super::{LOOK_EVERY, within};

/// The number of machines.
pub const MACHINES: usize = 3;

/// The switch, to which this process is connected too.
const SWITCH: &str = "PATH=$PATH:/usr/sbin:/sbin
    ip link add switch type bridge && ip address add 10.0.0.254/24 dev switch && ip link set switch up";

/// Gives a machine its two lines: one to the switch, one to the people.
const CONNECT: &str = "PATH=$PATH:/usr/sbin:/sbin
    ip link add m$0 type veth peer name eth0 netns $1 && ip link set m$0 master switch up || exit
    ip link add p$0 type veth peer name eth1 netns $1 || exit
    ip address add 10.0.$0.1/24 dev p$0 && ip link set p$0 up || exit
    nsenter -t $1 -n sh -c 'ip address add 10.0.0.'$0'/24 dev eth0 && ip address add 10.0.'$0'.2/24 dev eth1 &&
        ip link set lo up && ip link set eth0 up && ip link set eth1 up'";

/// The machines. They end with this process.
pub struct Machines {
    /// Each holds the namespace of a machine.
    holders: Vec<Child>,
    folder: TempDir,
}

impl Machines {
    /// Makes them.
    pub async fn start() -> Self {
        shell(SWITCH, &[]).await;
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut machines = Self { holders: Vec::new(), folder };
        for nth in 0..MACHINES {
            let holder = Command::new("unshare").args(["-n", "sleep", "infinity"]).kill_on_drop(true).spawn();
            let holder = holder.expect("unshare is there");
            let id = holder.id().expect("it runs").to_string();
            let is_apart = async {
                while fs::read_link(format!("/proc/{id}/ns/net")).is_ok_and(|namespace| namespace == own) {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            within("a machine has a network", is_apart).await;
            shell(CONNECT, &[&(nth + 1).to_string(), &id]).await;
            machines.holders.push(holder);
            let text = format!("#!/bin/sh\nexec {} \"{BINARY}\" \"$@\"\n", machines.enter(nth).join(" "));
            fs::write(machines.program(nth), text).unwrap();
            fs::set_permissions(machines.program(nth), Permissions::from_mode(0o755)).unwrap();
        }
        machines
    }

    /// The address of a machine among the others.
    pub fn address(nth: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, nth as u8 + 1)
    }

    /// Its address for people.
    pub fn public_address(nth: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, nth as u8 + 1, 2)
    }

    /// The words before a command that runs on a machine.
    pub fn enter(&self, nth: usize) -> Vec<String> {
        let holder = self.holders[nth].id().expect("it runs");
        ["nsenter", "-t", &holder.to_string(), "-n"].map(str::to_owned).to_vec()
    }

    /// `millchat` on a machine.
    pub fn program(&self, nth: usize) -> PathBuf {
        self.folder.path().join(format!("millchat-{nth}"))
    }

    /// Pulls the cable to the other machines.
    pub async fn cut_off(&self, nth: usize) {
        cable(nth, "down").await;
    }

    /// Puts it in again.
    pub async fn restore(&self, nth: usize) {
        cable(nth, "up").await;
    }
}

async fn cable(nth: usize, state: &str) {
    shell("PATH=$PATH:/usr/sbin:/sbin; ip link set m$0 $1", &[&(nth + 1).to_string(), state]).await;
}

async fn shell(script: &str, arguments: &[&str]) {
    let status = Command::new("sh").args(["-c", script]).args(arguments).status().await.unwrap();
    assert!(status.success(), "{script} {arguments:?}");
}
