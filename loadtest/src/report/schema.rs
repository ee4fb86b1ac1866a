//! The content of a report: the terminal and the HTML page show it, the JSON file holds it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::distribution::Distribution;
use crate::run::series::Series;
use crate::run::stats::Latencies;

/// A finished run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The requested load.
    pub asked: LoadSummary,
    /// The verification, and the violations.
    pub verdict: Verdict,
    /// Time in which all readers joined, in seconds.
    pub joining_s: f64,
    /// From the first message to the last delivery, in seconds.
    pub sending_s: f64,
    /// The amounts of messages, bytes and connections.
    pub moved: Traffic,
    /// Latencies in microseconds.
    pub latency_us: LatencyTable,
    /// The latencies as distributions.
    pub distribution: Distributions,
    /// The samples over time.
    pub series: Series,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// The server, when it runs on this machine.
    pub server: ServerUsage,
    /// The tester itself.
    pub tester: TesterUsage,
}

/// The requested load.
#[derive(Debug, Serialize)]
pub struct LoadSummary {
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
    /// Slow readers.
    #[serde(rename = "laggards")]
    pub slow_readers: usize,
    /// Seconds between storms.
    pub storm_every_s: Option<f64>,
    /// Rooms.
    pub rooms: u64,
    /// Distribution of readers and messages over the rooms.
    pub spread: String,
    /// Senders.
    pub senders: usize,
    /// Messages a second; `None` for as fast as they are acknowledged.
    pub rate: Option<f64>,
    /// Seconds of sending.
    pub duration_s: f64,
    /// Bytes of a message's content.
    pub size: u64,
}

/// The result of the verification.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Set when every promise held, and something was verified.
    pub passed: bool,
    /// Readers that joined.
    pub joined: u64,
    /// Deliveries compared with the recovered log, or with the sent messages.
    pub deliveries: u64,
    /// Acknowledgements compared with it.
    pub acknowledgements: u64,
    /// With a server that has no positions: messages that a reader should have received and did not.
    pub lost: u64,
    /// The same: messages that a reader received twice.
    pub doubled: u64,
    /// The same: messages that a reader received after a later one.
    pub disordered: u64,
    /// All violations.
    pub violations: usize,
    /// The first of them, in words.
    pub first_violations: Vec<String>,
}

/// The amounts of messages, bytes and connections.
#[derive(Debug, Serialize)]
pub struct Traffic {
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Messages refused.
    pub rejected: u64,
    /// Messages whose outcome is unknown.
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
    /// Connections that were opened.
    pub connections: u64,
    /// Times that all readers lost their connection.
    pub storms: u64,
}

/// The latencies that are drawn.
#[derive(Debug, Default, Serialize)]
pub struct Distributions {
    /// As in [`LatencyTable`].
    pub delivery: Distribution,
    /// As in [`LatencyTable`].
    pub acknowledgement: Distribution,
    /// As in [`LatencyTable`].
    pub join: Distribution,
    /// As in [`LatencyTable`].
    pub resume: Distribution,
}

/// The latencies, by kind.
#[derive(Debug, Serialize)]
pub struct LatencyTable {
    /// From due to received.
    pub delivery: LatencySummary,
    /// From due to acknowledged.
    pub acknowledgement: LatencySummary,
    /// From connecting to the first event; where none is promised, to the answer.
    pub join: LatencySummary,
    /// From connecting until the head of that moment was reached.
    pub join_whole: LatencySummary,
    /// As `join`, when a reader comes back with its last id.
    pub resume: LatencySummary,
    /// As `join_whole`, when a reader comes back with its last id.
    pub resume_whole: LatencySummary,
    /// A page of history.
    pub history: LatencySummary,
    /// From due to being sent: the tester's own lateness.
    pub lag: LatencySummary,
    /// Delay of the tester's own timers.
    pub scheduling: LatencySummary,
}

/// One kind of latency.
#[derive(Debug, Serialize)]
pub struct LatencySummary {
    /// The number of latencies.
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

/// The resources that the server used.
#[derive(Debug, Serialize)]
pub struct ServerUsage {
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

/// The resources that the tester used.
#[derive(Debug, Serialize)]
pub struct TesterUsage {
    /// CPU seconds from the first message to the last delivery.
    pub cpu_s: Option<f64>,
    /// The same in cores, on the average.
    pub cores: Option<f64>,
    /// The same per delivery, in microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// Set when the tester was late itself, so that latencies are partly its own.
    pub was_late: bool,
    /// Reasons for which the tester was the bottleneck and the figures are not the server's; empty when they
    /// are.
    pub bottleneck: Vec<String>,
    /// Set when server and tester shared a machine that had no core to spare.
    pub machine_was_full: bool,
}

impl From<&Latencies> for LatencySummary {
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
