//! A chat without server-sent events: messages that Socket.IO loses and duplicates over a WebSocket are
//! counted in the same way.

use crate::socketio::{Breach, Server};
use crate::tester::{self, LIGHT, TesterRun};

fn load(breach: Breach) -> TesterRun {
    let server = Server::start(breach);
    tester::load(&server.url, &[&LIGHT[..], &["--target", "socket.io", "--rooms", "2"]].concat())
}

fn must_count(breach: Breach, words: &str) {
    let ran = load(breach);
    ran.must_catch(&["VIOLATION         reader ", " of room load-"]);
    assert!(ran.report.lines().last().unwrap().contains(words), "{breach:?}: {}", ran.report);
}

#[test]
fn a_socket_io_server_that_loses_nothing_passes_in_every_room() {
    load(Breach::None).must_pass("3,000 deliveries and 300 acknowledgements verified");
}

#[test]
fn messages_that_socket_io_never_delivered_are_counted() {
    must_count(Breach::Drop, ": 3 lost, 0 doubled, 0 out of order");
}

#[test]
fn messages_that_socket_io_delivered_twice_are_counted() {
    must_count(Breach::Double, ": 0 lost, 3 doubled, 0 out of order");
}
