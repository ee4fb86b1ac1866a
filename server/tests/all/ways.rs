//! The two ways by which streams leave a server when it does not choose for itself: by write(2), and by
//! hyper.
//!
//! This very program tests again by each, with another [`WAY`], what streams must do: what is short, and by
//! `make prove` all of it.

use std::env::current_exe;

use tokio::process::Command;

use crate::support::is_proof;
use crate::support::server::WAY;

/// The tests, by parts of their names.
const SHORT: [&str; 7] = [
    "half_close::",
    "leaving::",
    "process::sigterm",
    "slow::a_reader_that_never_reads",
    "slow::sigterm",
    "stream::",
    "tls::http1",
];
const ALL: [&str; 7] =
    ["half_close::", "leaving::", "process::", "slow::", "storm::", "stream::", "tls::http1"];

async fn assert_keeps_every_promise(way: &str) {
    let mut again = Command::new(current_exe().unwrap());
    // A part of a name may be one of an engine that has no streams of ours.
    again
        .args(["--skip", "cluster::"])
        .args(if is_proof() { ALL } else { SHORT })
        .env(WAY, way)
        .kill_on_drop(true);
    let output = again.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains(" 0 passed"), "by {way}:\n{said}");
}

#[tokio::test]
async fn by_write_all_is_kept_that_is_promised() {
    assert_keeps_every_promise("write").await;
}

#[tokio::test]
async fn by_hyper_all_is_kept_that_is_promised() {
    assert_keeps_every_promise("hyper").await;
}
