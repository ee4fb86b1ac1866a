//! The content of a report: the terminal and the HTML page show it, the JSON file holds it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::distribution::Distribution;
use crate::run::series::Series;
use crate::run::stats::Latencies;

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
    /// The latencies as distributions.
    pub distribution: Distributions,
    /// How it went over time.
    pub series: Series,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// The server, when it runs on this machine.
    pub server: Server,
    /// The tester itself.
    pub tester: Tester,
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// The profile, if one was named.
    pub profile: Option<String>,
    /// The kind of server.
    pub target: String,
    /// The server's address.
    pub url: String,
    /// Readers.
    pub readers: usize,
    /// Visitors.
    pub visitors: usize,
    /// Laggards.
    pub laggards: usize,
    /// Seconds between storms.
    pub storm_every_s: Option<f64>,
    /// Rooms.
    pub rooms: u64,
    /// How readers and messages are spread over them.
    pub spread: String,
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
    /// Readers that joined.
    pub joined: u64,
    /// Deliveries held against the recovered log, or against what was sent.
    pub deliveries: u64,
    /// Acknowledgements held against it.
    pub acknowledgements: u64,
    /// With a server that has no positions: messages that a reader should have got and did not.
    pub lost: u64,
    /// The same: messages that a reader got twice.
    pub doubled: u64,
    /// The same: messages that a reader got after a later one.
    pub disordered: u64,
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
    /// Streams that were opened.
    pub connections: u64,
    /// Times that all readers lost their connection.
    pub storms: u64,
}

/// The latencies that are drawn.
#[derive(Debug, Default, Serialize)]
pub struct Distributions {
    /// As in [`Table`].
    pub delivery: Distribution,
    /// As in [`Table`].
    pub acknowledgement: Distribution,
    /// As in [`Table`].
    pub join: Distribution,
    /// As in [`Table`].
    pub resume: Distribution,
}

/// The latencies.
#[derive(Debug, Serialize)]
pub struct Table {
    /// From due to received.
    pub delivery: Row,
    /// From due to acknowledged.
    pub acknowledgement: Row,
    /// From connecting to the first event; where none is promised, to the answer.
    pub join: Row,
    /// From connecting until the head of that moment was reached.
    pub join_whole: Row,
    /// As `join`, when a reader comes back with its last id.
    pub resume: Row,
    /// As `join_whole`, when a reader comes back with its last id.
    pub resume_whole: Row,
    /// A page of history.
    pub history: Row,
    /// From due to being sent: the tester's own lateness.
    pub lag: Row,
    /// How late the tester's own timers were.
    pub scheduling: Row,
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
    /// The same in cores, on the average.
    pub cores: Option<f64>,
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
    /// The same in cores, on the average.
    pub cores: Option<f64>,
    /// The same per delivery, in microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// Whether it was late itself, so that latencies are partly its own.
    pub was_late: bool,
    /// Why the tester was the bottleneck and the figures are not the server's; empty when they are.
    pub bottleneck: Vec<String>,
    /// Server and tester shared a machine that had no core to spare.
    pub machine_was_full: bool,
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
