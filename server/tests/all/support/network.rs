//! A network whose only address is none of this machine's own, so that browsers do not trust what comes from
//! it: no `Sec-Fetch-*`, no locks, no clipboard. 127.0.0.1 is trusted like TLS, and shows nothing of that.
//!
//! The network is a namespace of the kernel, which ends with its last process. A test that needs it runs
//! itself again inside, with the server and the browser.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Output;

use tokio::process::Command;

use super::turn;

/// The address in that network, one that RFC 5737 keeps for examples.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Set inside.
const INSIDE: &str = "MILLCHAT_TEST_INSIDE_NETWORK";
const PREPARE: &str = "PATH=$PATH:/usr/sbin:/sbin
    ip link set lo up && ip address add \"$0/32\" dev lo && exec \"$@\"";

/// Returns the network's address to a test that runs inside. To a test outside, runs it inside, by its full
/// name, and returns `None` when it has passed.
pub async fn enter(test: &str) -> Option<IpAddr> {
    if std::env::var_os(INSIDE).is_some() {
        return Some(ADDRESS);
    }
    let _turn = turn::browser().await;
    let mut command = Command::new("unshare");
    command.args([namespace().await, "sh", "-c", PREPARE, &ADDRESS.to_string()]);
    command.arg(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]);
    let output = command.env(INSIDE, "1").kill_on_drop(true).output().await.unwrap();
    let said = text(&output);
    assert!(output.status.success() && said.contains("1 passed"), "inside the network {test} says:\n{said}");
    None
}

/// Returns the option by which this machine lets us make a network: root may, others become root in it.
async fn namespace() -> &'static str {
    let mut reasons = String::new();
    for option in ["-n", "-rn"] {
        let output = Command::new("unshare").args([option, "true"]).output().await;
        let output = output.expect("unshare is not there; it is in Debian's util-linux");
        if output.status.success() {
            return option;
        }
        reasons += &text(&output);
    }
    panic!("no network can be made here, so these tests need root or user namespaces: {reasons}");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
