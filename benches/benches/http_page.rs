//! The page's streams compared with the API's: the same messages to as many readers, as patches in HTML and
//! as JSON.

use std::time::Duration;

use millchat_benches::paths::Scratch;
use millchat_benches::readers::{API_STREAM, PAGE_STREAM, Readers};
use millchat_benches::server::Server;
use millchat_benches::steady::{self, CPU, Sender};
use millchat_benches::{Results, http, limits};

const ABOUT: &str = "1,000 readers follow one room, to which 50 messages of 200 bytes a second are posted \
    over HTTP: as browsers do, by the page's stream, whose frames are patches in HTML (about twice as many \
    bytes); and as programs do, by the API's stream, whose frames are JSON. Delivery is counted as in \
    `http_fanout`.";
const PAGE: &str = "page's streams";
const API: &str = "API's streams";
const CASE: &str = "1,000 readers";
const READERS: usize = 1_000;
/// Messages a second, and the length of a round.
const PACE: (u32, Duration) = (50, Duration::from_secs(4));
const ROUNDS: usize = 5;
/// The goal.
const RATIO_MAX: f64 = 1.3;

fn main() {
    limits::raise_descriptors();
    let results = Results::new("http_page", "a room's messages to pages and to programs", ABOUT, PAGE);
    let scratch = Scratch::new("http_page");
    for round in 0..ROUNDS {
        for (name, path) in [(PAGE, PAGE_STREAM), (API, API_STREAM)] {
            let server = Server::start(&scratch.file(&format!("{name}-{round}.redb")).to_string_lossy());
            let token = server.guest("Bench");
            let request = |_| http::get(server.address, path, None);
            let mut readers = Readers::connect_by(server.address, READERS, request);
            let sender = Sender::connect(server.address, &token);
            steady::round(&results, (CASE, name), &mut readers, sender, PACE, server.process());
        }
    }
    let what = "CPU per delivery of page streams, 1,000 readers, 50 messages a second, of the API's";
    results.goal(what, &format!("at most {RATIO_MAX}"), |found| {
        let ratio = found.ratio(CASE, CPU, API)?;
        Some((format!("{ratio:.2}"), ratio <= RATIO_MAX))
    });
    results.finish();
}
