//! Resuming: from the call with an id 0 to 10,000 events behind until the reader has caught up.

use millchat_benches::Results;
use millchat_benches::cursor::{self, Begin};
use millchat_benches::paths::Scratch;

const ABOUT: &str = "A reader comes back with the place that it had 0, 100 or 10,000 events of 200 bytes \
    ago; counted until it has the newest one as a frame. The room is in memory and its ring reaches back so \
    far, or it has been forgotten and they come from the log. Beside it: the bare records of the same \
    events, read by position from the same table with nothing but redb.";

fn main() {
    let results = Results::new("resume", "resuming in a room", ABOUT, cursor::OURS);
    let cases = [(0, false), (100, false), (0, true), (100, true), (10_000, true)];
    cursor::compare(&results, &Scratch::new("resume"), Begin::Resume, &cases);
    results.finish();
}
