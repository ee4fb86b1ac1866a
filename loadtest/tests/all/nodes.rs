//! The nodes of a cluster, loaded as one chat.

use crate::broken::{Breach, Server};
use crate::real;
use crate::tester::{self, LIGHT};

#[test]
fn three_real_nodes_pass_while_all_readers_move_twice() {
    let nodes = real::Nodes::start();
    let ran = tester::load(&nodes.urls(), &["--readers", "60", "--rate", "100", "--duration", "3s"]);
    ran.must_pass("18,000 deliveries and 300 acknowledgements verified");
    ran.must_pass("2 storms");
}

#[test]
fn a_node_that_has_another_log_at_the_end_is_caught() {
    let node = Server::start(Breach::None);
    let other = node.beside(Breach::OtherLog);
    let urls = [node.url(), node.beside(Breach::None).url(), other.url()];
    let ran = tester::load(&urls.join(","), &LIGHT);
    ran.must_catch(&["room load-", &other.url(), "is another one"]);
}
