//! The measurements of the server, the tester and the machine while a run went through its phases.

use std::time::{Duration, Instant};

use crate::run::series::Series;
use crate::run::stats::Latencies;

/// The measurements of a run.
#[derive(Debug, Default)]
pub struct Measurements {
    /// The server's memory before the readers joined.
    pub resident_before: Option<u64>,
    /// The server's memory with all readers joined.
    pub resident_joined: Option<u64>,
    /// The server's memory when the sending was over.
    pub resident_after: Option<u64>,
    /// The server's CPU time from the first message to the last delivery.
    pub server_cpu: Option<Duration>,
    /// The tester's own, over the same time.
    pub own_cpu: Option<Duration>,
    /// The length of that time.
    pub loaded: Duration,
    /// The share of that time in which this machine's cores had nothing to do.
    pub machine_idle: Option<f64>,
    /// Time in which all readers joined.
    pub joining: Duration,
    /// The time at which the first message was due.
    pub first: Option<Instant>,
    /// Set when the run was stopped from outside.
    pub interrupted: bool,
    /// Delay of the tester's own timers.
    pub scheduling: Latencies,
    /// The samples, second by second.
    pub series: Series,
}
