//! The real server behind a proxy that breaks a promise once in 300 messages: the tester catches it, on
//! whichever side of the proxy it happens, and by whichever means it has.

use crate::breaking::{Breach, Proxy};
use crate::real;
use crate::tester::{self, TesterRun};

/// Loads the real server lightly through the proxy.
fn load(breach: Breach) -> TesterRun {
    let server = real::Server::start();
    let proxy = Proxy::start(&server.url, breach);
    tester::load(&proxy.url, &["--readers", "20", "--rooms", "2", "--rate", "400", "--duration", "2s"])
}

fn must_catch(breach: Breach, words: &[&str]) {
    load(breach).must_catch(words);
}

#[test]
fn the_real_server_behind_a_proxy_that_keeps_its_promises_passes() {
    load(Breach::None).must_pass("8,000 deliveries and 800 acknowledgements verified");
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
