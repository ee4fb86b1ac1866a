//! The tables of the profile as Markdown, and the goals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::greedy::book::{Kind, Sample};
use crate::greedy::round::Round;
use crate::greedy::settings::{GreedyFlags, ServerLimits};
use crate::report::units;

/// Largest p99 under attack, as a multiple of the baseline's.
const RATIO_MAX: f64 = 2.0;
/// The same without limits.
const RATIO_WITHOUT_LIMITS_MAX: f64 = 5.0;
/// Largest p99 under attack; without limits, one that is no larger is good whatever the ratio.
const P99_US_MAX: u64 = 250_000;
/// The most memory that the server may have under attack, in bytes.
const MEMORY_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Outcomes that the table names; the rest are summed up.
const OUTCOMES_MAX: usize = 4;

/// Returns the goals that a round falls short of, in words.
pub fn shortfalls(round: &Round, limits: ServerLimits) -> Vec<String> {
    let mut short = Vec::new();
    for kind in Kind::ALL {
        let (p99, ratio) = (p99(&round.attacked.sample, kind), ratio(round, kind));
        let is_met = match limits {
            ServerLimits::Public => ratio <= RATIO_MAX && p99 < P99_US_MAX,
            ServerLimits::Off => ratio <= RATIO_WITHOUT_LIMITS_MAX || p99 <= P99_US_MAX,
        };
        if !is_met {
            short.push(format!("{} p99", kind.name()));
        }
    }
    if limits == ServerLimits::Off {
        return short;
    }
    if !round.attacked.sample.sends_refused.is_empty() {
        short.push("sends refused".to_owned());
    }
    if round.attacked.memory_peak.is_none_or(|peak| peak > MEMORY_BYTES_MAX) {
        short.push("memory".to_owned());
    }
    if round.refusals.is_empty() && !round.attacked.counts.outcomes.keys().any(|words| is_refusal(words)) {
        short.push("nothing refused the attacker".to_owned());
    }
    short
}

/// Returns the line that is shown when a round is over.
pub fn line(round: &Round, limits: ServerLimits) -> String {
    format!("{:<24} {}", round.attack, goal(round, limits))
}

/// Says that a round meets the goals, or what it falls short of.
fn goal(round: &Round, limits: ServerLimits) -> String {
    let short = shortfalls(round, limits);
    if short.is_empty() { "met".to_owned() } else { format!("short: {}", short.join(", ")) }
}

/// Returns both tables.
pub fn render(rounds: &[Round], flags: &GreedyFlags) -> String {
    let mut out = String::new();
    let limits = match flags.greedy_limits {
        ServerLimits::Public => "with the limits of a public address",
        ServerLimits::Off => "without limits",
    };
    // Writing into a text cannot fail.
    let _ = writeln!(out, "Greedy clients, {limits}, {} s each and as long before it.\n", flags.seconds);
    goals_table(rounds, flags.greedy_limits, &mut out);
    let _ = writeln!(out);
    details_table(rounds, &mut out);
    let met = rounds.iter().filter(|round| shortfalls(round, flags.greedy_limits).is_empty()).count();
    let _ = writeln!(out, "\n{met} of {} attacks within the goals.", rounds.len());
    out
}

fn goals_table(rounds: &[Round], limits: ServerLimits, out: &mut String) {
    let _ = writeln!(
        out,
        "| attack | baseline p99, ms: send, delivery, join, page | p99, ms | ratio | innocents refused | \
         peak memory: baseline, attack | refused or ended the attacker | goal |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for round in rounds {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {}, {} | {} | {} |",
            round.attack,
            all_ms(&round.baseline.sample, 0.99),
            all_ms(&round.attacked.sample, 0.99),
            Kind::ALL.map(|kind| format!("{:.1}", ratio(round, kind))).join(", "),
            innocents_refused(&round.attacked.sample),
            memory(round.baseline.memory_peak),
            memory(round.attacked.memory_peak),
            refused_by(round),
            goal(round, limits),
        );
    }
}

fn details_table(rounds: &[Round], out: &mut String) {
    let _ = writeln!(
        out,
        "| attack | baseline p50, ms: send, delivery, join, page | p50, ms | count | attackers: requests and \
         bytes, baseline | attack | answers | tester's timers late, p99: baseline, attack |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for round in rounds {
        let sent = |counts: &crate::greedy::attacks::tally::Counts| {
            format!("{}, {}", units::grouped(counts.requests), units::bytes(counts.bytes as f64))
        };
        let late = |latencies: &crate::run::stats::Latencies| units::time(latencies.quantile_us(0.99));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {}, {} |",
            round.attack,
            all_ms(&round.baseline.sample, 0.5),
            all_ms(&round.attacked.sample, 0.5),
            Kind::ALL.map(|kind| units::grouped(round.attacked.sample.of(kind).0.len())).join(", "),
            sent(&round.baseline.counts),
            sent(&round.attacked.counts),
            counted(&round.attacked.counts.outcomes),
            late(&round.baseline.timers_late),
            late(&round.attacked.timers_late),
        );
    }
}

fn p99(sample: &Sample, kind: Kind) -> u64 {
    sample.of(kind).quantile_us(0.99)
}

fn ratio(round: &Round, kind: Kind) -> f64 {
    p99(&round.attacked.sample, kind) as f64 / p99(&round.baseline.sample, kind).max(1) as f64
}

fn all_ms(sample: &Sample, quantile: f64) -> String {
    let ms = |kind| {
        let ms = sample.of(kind).quantile_us(quantile) as f64 / 1e3;
        if ms < 9.95 { format!("{ms:.1}") } else { units::grouped(units::whole(ms)) }
    };
    Kind::ALL.map(ms).join(", ")
}

fn memory(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "gone".to_owned(), |bytes| units::bytes(bytes as f64))
}

fn innocents_refused(sample: &Sample) -> String {
    let sends = sample.sends_refused.iter().map(|(words, count)| (format!("send {words}"), *count));
    let all = sends.chain(sample.others_refused.iter().map(|(words, count)| (words.clone(), *count)));
    counted(&all.collect())
}

/// Returns the limits by which the server refused or ended something, by its own count, and the refusals
/// that the attackers saw.
fn refused_by(round: &Round) -> String {
    let seen = round.attacked.counts.outcomes.iter().filter(|(words, _)| is_refusal(words));
    let seen: BTreeMap<_, _> = seen.map(|(words, count)| (words.clone(), *count)).collect();
    match (round.refusals.is_empty(), seen.is_empty()) {
        (true, true) => "nothing".to_owned(),
        (false, true) => counted(&round.refusals),
        (true, false) => format!("seen: {}", counted(&seen)),
        (false, false) => format!("{}; seen: {}", counted(&round.refusals), counted(&seen)),
    }
}

/// Returns true if an attacker's outcome is an answer of 400 and above, or an end by the server.
fn is_refusal(words: &str) -> bool {
    matches!(words, "closed" | "reset" | "ended by the server")
        || words.get(..3).and_then(|status| status.parse::<u16>().ok()).is_some_and(|status| status >= 400)
}

/// Returns the largest counts, each with its name.
fn counted(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
    let (named, rest) = counts.split_at(counts.len().min(OUTCOMES_MAX));
    let mut words: Vec<String> =
        named.iter().map(|(name, count)| format!("{name} ×{}", units::grouped(count))).collect();
    let rest: u64 = rest.iter().map(|(_, count)| **count).sum();
    if rest > 0 {
        words.push(format!("others ×{}", units::grouped(rest)));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_answers() {
        for words in ["429 messages by one author", "503 busy", "closed", "ended by the server"] {
            assert!(is_refusal(words), "{words}");
        }
        for words in ["201", "200", "no answer", "no free port"] {
            assert!(!is_refusal(words), "{words}");
        }
    }

    #[test]
    fn the_largest_counts_are_named() {
        let counts = (1..=6).map(|n| (format!("n{n}"), n)).collect();
        assert_eq!(counted(&counts), "n6 ×6, n5 ×5, n4 ×4, n3 ×3, others ×3");
    }
}
