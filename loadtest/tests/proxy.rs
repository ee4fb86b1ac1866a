//! The real server behind a proxy that breaks a promise once in 300 messages: the tester catches it, on
//! whichever side of the proxy it happens, and by whichever means it has.

mod breaking;
mod real;

use std::process::{Command, Output};

use breaking::{Breach, Proxy};

/// Loads the real server lightly through the proxy.
fn load(breach: Breach) -> Output {
    let server = real::Server::start();
    let proxy = Proxy::start(&server.url, breach);
    Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--url", &proxy.url, "--readers", "20", "--rooms", "2", "--rate", "400", "--duration", "2s"])
        .output()
        .expect("the load tester can be started")
}

/// The run fails with code 1, and names the room, the positions and who saw it.
fn must_catch(breach: Breach, words: &[&str]) {
    let output = load(breach);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{breach:?}: {report}");
    let named = |line: &str| line.starts_with("VIOLATION") && words.iter().all(|word| line.contains(word));
    assert!(report.lines().any(named), "{breach:?}: {report}");
}

#[test]
fn the_real_server_behind_a_proxy_that_keeps_its_promises_passes() {
    let output = load(Breach::None);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("8,000 deliveries and 800 acknowledgements verified"), "{report}");
}

#[test]
fn one_message_in_300_that_does_not_reach_its_reader_is_caught() {
    must_catch(Breach::Drop, &["Stream broken", "room load-", "reader ", "the reader was at"]);
}

#[test]
fn one_message_in_300_that_reaches_its_reader_twice_is_caught() {
    must_catch(Breach::Double, &["Stream broken", "room load-", "reader ", "came after"]);
}

#[test]
fn one_message_in_300_that_changes_places_with_the_next_is_caught() {
    must_catch(Breach::Swap, &["Stream broken", "room load-", "reader "]);
}

#[test]
fn one_message_in_300_that_is_acknowledged_and_never_reaches_the_server_is_caught() {
    must_catch(Breach::DropSend, &["Acknowledged broken", "room load-", "sender "]);
}

#[test]
fn one_message_in_300_that_reaches_the_server_twice_is_caught() {
    must_catch(Breach::DoubleSend, &["room load-"]);
}
