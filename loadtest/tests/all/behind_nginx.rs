//! nginx between the tester and the server, as in production: the tester catches one message in some hundreds
//! that is lost, doubled or reordered on either side of it.

use std::thread;

use crate::nginx::Nginx;
use crate::real;
use crate::tester::load;

/// Enough messages that each of the two breaks its promise more than once.
const LOAD: [&str; 6] = ["--readers", "20", "--rate", "400", "--duration", "1s"];
/// Every reader got every message.
const VERIFIED: &str = "8,000 deliveries and 400 acknowledgements verified";

#[test]
fn what_a_server_behind_nginx_does_to_one_message_in_some_hundreds_is_caught() {
    use crate::broken::{Breach, Server};
    let run = |breach| {
        let nginx = Nginx::start(&Server::start(breach).url());
        load(&nginx.url, &LOAD)
    };
    thread::scope(|at_once| {
        at_once.spawn(|| run(Breach::None).must_pass(VERIFIED));
        at_once.spawn(|| run(Breach::Drop).must_catch(&["Stream broken", "the reader was at"]));
        at_once.spawn(|| run(Breach::Double).must_catch(&["Stream broken", "came after"]));
        at_once.spawn(|| run(Breach::Swap).must_catch(&["Stream broken", "reader "]));
    });
}

#[test]
fn what_happens_between_nginx_and_the_readers_to_one_message_in_some_hundreds_is_caught() {
    use crate::breaking::{Breach, Proxy};
    let server = real::Server::start();
    let run = |breach| {
        let nginx = Nginx::start(&server.url);
        load(&Proxy::start(&nginx.url, breach).url, &LOAD)
    };
    thread::scope(|at_once| {
        at_once.spawn(|| run(Breach::None).must_pass(VERIFIED));
        at_once.spawn(|| run(Breach::Drop).must_catch(&["Stream broken", "the reader was at"]));
        at_once.spawn(|| run(Breach::Double).must_catch(&["Stream broken", "came after"]));
        at_once.spawn(|| run(Breach::Swap).must_catch(&["Stream broken", "reader "]));
    });
}
