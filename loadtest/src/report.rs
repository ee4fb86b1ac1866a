//! The numbers of a finished run: what the terminal shows and the JSON file holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::run::{Measured, Run};
use crate::settings::Rate;
use crate::tally::{Latencies, Tally};

/// Violations that a report lists; the rest is counted.
const VIOLATIONS_LISTED_MAX: usize = 20;
/// A tester that is so much late in sending (p99) measures itself, in microseconds.
const LAG_US_MAX: u64 = 5_000;

/// A finished run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub asked: Asked,
    /// What was verified, and what was wrong.
    pub verdict: Verdict,
    /// How long all readers took to join, in seconds.
    pub joining_s: f64,
    /// From the first message to the last delivery, in seconds.
    pub sending_s: f64,
    /// What was moved.
    pub moved: Moved,
    /// Latencies in microseconds.
    pub latency_us: Table,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// The server, when it runs on this machine.
    pub server: Server,
    /// The tester itself.
    pub tester: Tester,
    /// The delivery latencies themselves, for the histogram.
    #[serde(skip)]
    pub delivery: Latencies,
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// The server's address.
    pub url: String,
    /// Readers.
    pub readers: usize,
    /// Rooms.
    pub rooms: u64,
    /// Senders.
    pub senders: usize,
    /// Messages a second; none for as fast as they are acknowledged.
    pub rate: Option<f64>,
    /// Seconds of sending.
    pub duration_s: f64,
    /// Bytes of a message's content.
    pub size: u64,
}

/// What was verified.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Whether every promise held, and something was verified.
    pub passed: bool,
    /// Readers that got their `start`.
    pub joined: u64,
    /// Deliveries held against the recovered log.
    pub deliveries: u64,
    /// Acknowledgements held against it.
    pub acknowledgements: u64,
    /// All violations.
    pub violations: usize,
    /// The first of them, in words.
    pub first_violations: Vec<String>,
}

/// What was moved.
#[derive(Debug, Serialize)]
pub struct Moved {
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Messages refused.
    pub rejected: u64,
    /// Messages whose outcome nobody knows.
    pub unknown: u64,
    /// Acknowledgements a second.
    pub acknowledged_per_s: f64,
    /// Events received by readers.
    pub deliveries: u64,
    /// The same a second.
    pub deliveries_per_s: f64,
    /// Signals received by readers.
    pub signals: u64,
    /// Bytes received by readers.
    pub bytes: u64,
}

/// The latencies.
#[derive(Debug, Serialize)]
pub struct Table {
    /// From due to received.
    pub delivery: Row,
    /// From due to acknowledged.
    pub acknowledgement: Row,
    /// From connecting to `start`.
    pub join: Row,
    /// The same after a lost connection.
    pub resume: Row,
    /// From due to being sent: the tester's own lateness.
    pub lag: Row,
}

/// One kind of latency.
#[derive(Debug, Serialize)]
pub struct Row {
    /// How many.
    pub count: u64,
    /// The median.
    pub p50: u64,
    /// 90 of 100 are not above it.
    pub p90: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// The largest.
    pub max: u64,
}

/// The server's share.
#[derive(Debug, Serialize)]
pub struct Server {
    /// CPU seconds from the first message to the last delivery.
    pub cpu_s: Option<f64>,
    /// The same per delivery, in microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// Resident bytes before the readers joined.
    pub resident_before: Option<u64>,
    /// Resident bytes with all readers joined, before the first message.
    pub resident_joined: Option<u64>,
    /// Resident bytes when the sending was over.
    pub resident_after: Option<u64>,
    /// Resident bytes that each reader added: at the end of an idle run, else before the first message.
    pub resident_per_reader: Option<f64>,
}

/// The tester's share.
#[derive(Debug, Serialize)]
pub struct Tester {
    /// CPU seconds from the first message to the last delivery.
    pub cpu_s: Option<f64>,
    /// The same per delivery, in microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// Whether it was late itself, so that latencies are partly its own.
    pub was_late: bool,
}

impl From<&Latencies> for Row {
    fn from(latencies: &Latencies) -> Self {
        Self {
            count: latencies.0.len(),
            p50: latencies.quantile_us(0.5),
            p90: latencies.quantile_us(0.9),
            p99: latencies.quantile_us(0.99),
            p999: latencies.quantile_us(0.999),
            max: latencies.0.max(),
        }
    }
}

impl Report {
    /// Puts the numbers together. `violations` is all that was wrong.
    pub fn new(run: &Run, tally: Tally, measured: &Measured, mut violations: Vec<String>) -> Self {
        let settings = &run.settings;
        let idle = settings.rate == Rate::Idle;
        let joined = run.counts.joined.get();
        let verified_something = joined > 0 && (idle || tally.deliveries > 0 && tally.acknowledged > 0);
        if !verified_something {
            violations.push("nothing was verified".to_owned());
        }
        let sending = match (measured.first, tally.last) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => settings.duration,
        };
        let per_second = |count: u64| count as f64 / sending.as_secs_f64().max(f64::EPSILON);
        let per_delivery = |cpu: Option<Duration>| {
            cpu.filter(|_| tally.deliveries > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / tally.deliveries as f64)
        };
        let resident = if idle { measured.resident_after } else { measured.resident_joined };
        let added = resident.zip(measured.resident_before).filter(|_| joined > 0);
        let lag = Row::from(&tally.lag);
        Self {
            asked: Asked {
                url: run.target.base.clone(),
                readers: settings.readers,
                rooms: settings.rooms,
                senders: run.senders(),
                rate: match settings.rate {
                    Rate::Idle => Some(0.0),
                    Rate::PerSecond(rate) => Some(rate),
                    Rate::Max => None,
                },
                duration_s: settings.duration.as_secs_f64(),
                size: settings.size,
            },
            verdict: Verdict {
                passed: violations.is_empty(),
                joined,
                deliveries: tally.deliveries,
                acknowledgements: tally.acknowledged,
                violations: violations.len(),
                first_violations: violations.into_iter().take(VIOLATIONS_LISTED_MAX).collect(),
            },
            joining_s: measured.joining.as_secs_f64(),
            sending_s: sending.as_secs_f64(),
            moved: Moved {
                acknowledged: tally.acknowledged,
                rejected: tally.rejected,
                unknown: tally.unknown,
                acknowledged_per_s: per_second(tally.acknowledged),
                deliveries: tally.deliveries,
                deliveries_per_s: per_second(tally.deliveries),
                signals: tally.signals,
                bytes: tally.bytes,
            },
            server: Server {
                cpu_s: measured.server_cpu.map(|cpu| cpu.as_secs_f64()),
                cpu_us_per_delivery: per_delivery(measured.server_cpu),
                resident_before: measured.resident_before,
                resident_joined: measured.resident_joined,
                resident_after: measured.resident_after,
                resident_per_reader: added
                    .map(|(now, before)| now.saturating_sub(before) as f64 / joined as f64),
            },
            tester: Tester {
                cpu_s: measured.own_cpu.map(|cpu| cpu.as_secs_f64()),
                cpu_us_per_delivery: per_delivery(measured.own_cpu),
                was_late: lag.p99 > LAG_US_MAX && settings.rate != Rate::Max,
            },
            latency_us: Table {
                delivery: Row::from(&tally.delivery),
                acknowledgement: Row::from(&tally.acknowledgement),
                join: Row::from(&tally.join),
                resume: Row::from(&tally.resume),
                lag,
            },
            errors: tally.errors,
            delivery: tally.delivery,
        }
    }
}
