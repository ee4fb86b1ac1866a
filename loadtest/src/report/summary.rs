//! The words and rows that the terminal and the HTML page share.

use crate::report::schema::{LatencySummary, LoadSummary, Report};
use crate::report::units::{counted, grouped};

/// Returns the requested load in one line.
pub fn title(asked: &LoadSummary) -> String {
    let mut parts = vec![counted(asked.readers as u64, "reader")];
    for (count, thing) in [(asked.visitors, "visitor"), (asked.slow_readers, "laggard")] {
        if count > 0 {
            parts.push(counted(count as u64, thing));
        }
    }
    let spread = if asked.rooms > 1 { format!(" ({})", asked.spread) } else { String::new() };
    let rooms = format!("{}{spread}", counted(asked.rooms, "room"));
    let sends = match asked.rate {
        Some(0.0) => "no messages".to_owned(),
        Some(rate) => format!("{}, {rate} messages/s", counted(asked.senders as u64, "sender")),
        None => format!("{}, as fast as acknowledged", counted(asked.senders as u64, "sender")),
    };
    let storms = asked.storm_every_s.map(|every| format!(", a storm every {every} s")).unwrap_or_default();
    let profile = asked.profile.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    format!("{profile}{} in {rooms}, {sends} of {} bytes{storms}", parts.join(", "), grouped(asked.size))
}

/// Returns the latencies that were measured, by name; those of the tester itself last.
pub fn rows(report: &Report) -> Vec<(&'static str, &LatencySummary)> {
    let table = &report.latency_us;
    [
        ("delivery", &table.delivery),
        ("acknowledgement", &table.acknowledgement),
        ("join", &table.join),
        ("join, caught up", &table.join_whole),
        ("resume", &table.resume),
        ("resume, caught up", &table.resume_whole),
        ("history page", &table.history),
        ("tester: sends late", &table.lag),
        ("tester: timers late", &table.scheduling),
    ]
    .into_iter()
    .filter(|(_, row)| row.count > 0)
    .collect()
}
