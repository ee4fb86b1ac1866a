//! The scheduling of a process.

use std::fs;
use std::path::PathBuf;

use super::server::command;

/// Lets the thread of this name run only where no other wants to.
pub async fn put_last(pid: u32, name: &str) {
    schedule(pid, name, "--idle").await;
}

/// Lets it run like any other again.
pub async fn put_back(pid: u32, name: &str) {
    schedule(pid, name, "--other").await;
}

async fn schedule(pid: u32, name: &str, policy: &str) {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|entry| entry.unwrap().path());
    let named = |thread: &PathBuf| fs::read_to_string(thread.join("comm")).unwrap().trim() == name;
    let thread = threads.into_iter().find(named).unwrap_or_else(|| panic!("no thread is called {name}"));
    let thread = thread.file_name().unwrap().to_str().unwrap().to_owned();
    let status = command("chrt").args([policy, "--pid", "0", &thread]).status().await.unwrap();
    assert!(status.success(), "chrt, of util-linux: {status}");
}
