//! The whole profile: one attack after the other, a line on stderr for each, and the table at the end.

use std::path::Path;
use std::time::Duration;

use millchat_testkit::descriptors;

use crate::greedy::attacks::list;
use crate::greedy::round;
use crate::greedy::settings::GreedyFlags;
use crate::greedy::table;

/// Descriptors that the attackers of one attack need: some are thousands of readers. Children inherit it.
const DESCRIPTORS: u64 = 8_192;

/// Runs the attacks; returns true if every goal is met.
pub async fn run(flags: &GreedyFlags, program: &Path) -> Result<bool, String> {
    descriptors::raise_limit(DESCRIPTORS)?;
    let mut rounds = Vec::new();
    for attack in list::ALL {
        if !flags.attacks.is_empty() && !flags.attacks.iter().any(|name| name == attack.name) {
            continue;
        }
        let length = Duration::from_secs(flags.seconds);
        let round = Box::pin(round::run(attack, flags.greedy_limits, length, program)).await;
        let round = round.map_err(|error| format!("{}: {error}", attack.name))?;
        eprintln!("{}", table::line(&round, flags.greedy_limits));
        rounds.push(round);
    }
    print!("{}", table::render(&rounds, flags));
    Ok(rounds.iter().all(|round| table::shortfalls(round, flags.greedy_limits).is_empty()))
}
