//! A network whose only address is none of this machine's own, so that browsers do not trust what comes from
//! it: no `Sec-Fetch-*`, no locks, no clipboard. 127.0.0.1 is trusted like TLS, and shows nothing of that. Or
//! a network with addresses and names of the public internet, of which nothing is out there.
//!
//! The network is a namespace of the kernel, which ends with its last process. A test that needs it runs
//! itself again inside, with the server and the browser.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Output;

use tempfile::NamedTempFile;
use tokio::process::Command;

use super::turn;

/// The address in that network, one that RFC 5737 keeps for examples.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Set inside.
const INSIDE: &str = "MILLCHAT_TEST_INSIDE_NETWORK";
const PREPARE: &str = "PATH=$PATH:/usr/sbin:/sbin
    ip link set lo up || exit
    for address in $0; do ip address add \"$address/32\" dev lo || exit; done
    if [ -s \"$1\" ]; then mount --bind \"$1\" /etc/hosts || exit; fi
    shift; exec \"$@\"";

/// Returns the network's address to a test that runs inside. To a test outside, runs it inside, by its full
/// name, and returns `None` when it has passed.
pub async fn enter(test: &str) -> Option<IpAddr> {
    enter_with(test, &[ADDRESS], &[]).await.then_some(ADDRESS)
}

/// The same in a network that has these addresses, and in which these names lead to these addresses. Returns
/// true inside.
pub async fn enter_with(test: &str, addresses: &[IpAddr], names: &[(&str, IpAddr)]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let _turn = turn::browser().await;
    let mut hosts = NamedTempFile::new().unwrap();
    let own = ("localhost", IpAddr::V4(Ipv4Addr::LOCALHOST));
    for (name, address) in names.iter().chain((!names.is_empty()).then_some(&own)) {
        writeln!(hosts, "{address} {name}").unwrap();
    }
    let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    let mut command = Command::new("unshare");
    command.args([namespace().await, "sh", "-c", PREPARE, &addresses.join(" ")]);
    command.arg(hosts.path()).arg(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]);
    let output = command.env(INSIDE, "1").kill_on_drop(true).output().await.unwrap();
    let said = text(&output);
    assert!(output.status.success() && said.contains("1 passed"), "inside the network {test} says:\n{said}");
    print!("{said}");
    false
}

/// Returns the option by which this machine lets us make a network with files of its own: root may, others
/// become root in it.
async fn namespace() -> &'static str {
    let mut reasons = String::new();
    for option in ["-nm", "-rnm"] {
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
