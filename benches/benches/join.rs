//! Joining a room: from the call to having its newest events, 0 to 1,000 of them (no join gets more).

use millchat_benches::Results;
use millchat_benches::cursor::{self, Begin};
use millchat_benches::paths::Scratch;

const ABOUT: &str = "A reader joins a room and asks for its newest 0, 100 or 1,000 events of 200 bytes; \
    counted until it has the newest one as a frame. The room is in memory and its ring has them, or it has \
    been forgotten and they come from the log. Beside it: the bare records of the same events, read by \
    position from the same table with nothing but redb.";

fn main() {
    let results = Results::new("join", "joining a room", ABOUT, cursor::OURS);
    let cases = [(0, false), (100, false), (0, true), (100, true), (1_000, true)];
    cursor::compare(&results, &Scratch::new("join"), Begin::Join, &cases);
    results.finish();
}
