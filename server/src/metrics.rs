//! The names of all metrics in one place, and the probes: `/metrics`, `/healthz`, `/readyz`.
//!
//! What the server counts is counted here; what the core counts is read from it at the moment of asking.

use crate::app::Worker;
use crate::http::{self, Response};
use hyper::StatusCode;
use millchat::{SendError, Stats};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

/// What the server counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that are open now.
    pub connections: Gauge,
    /// Streams that are open now.
    pub streams: Gauge,
    /// Sends that were acknowledged.
    accepted: Counter,
    /// Sends that were not, by reason; `unknown` may be stored all the same.
    rejected: Family<Rejection, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rejection {
    reason: &'static str,
}

impl Metrics {
    /// Counts how a send went.
    pub fn sent(&self, error: Option<&SendError>) {
        match error {
            None => self.accepted.inc(),
            Some(error) => self.rejected.get_or_create(&Rejection { reason: reason(error) }).inc(),
        };
    }

    /// The text that Prometheus reads.
    fn text(&self, core: &Stats) -> String {
        let mut registry = Registry::with_prefix("millchat");
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("streams", "Open streams", self.streams.clone());
        registry.register("sends_accepted", "Sends that were acknowledged", self.accepted.clone());
        registry.register("sends_rejected", "Sends that were not", self.rejected.clone());
        let counters = [
            ("commits", "Commits of the log", core.commits),
            ("commits_failed", "Commits of the log that failed", core.commits_failed),
            ("events_stored", "Events stored since start", core.events),
        ];
        for (name, help, value) in counters {
            registry.register(name, help, ConstCounter::new(value));
        }
        let seconds = ConstCounter::new(core.commit_time.as_secs_f64());
        registry.register_with_unit("commit_time", "Time spent in commits", Unit::Seconds, seconds);
        let gauges = [
            ("sends_queued", "Sends that wait for the committer", core.queued as u64),
            ("rooms", "Rooms in memory", core.rooms as u64),
            ("subscriptions", "Readers in rooms", core.subscriptions as u64),
            ("log_head", "Newest position of the log", core.head),
            ("log_floor", "Oldest position that is kept", core.floor),
        ];
        for (name, help, value) in gauges {
            registry.register(name, help, ConstGauge::new(value));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes whatever is written to it");
        text
    }
}

/// The label of a rejection: a closed list, whatever the error says beside it.
fn reason(error: &SendError) -> &'static str {
    match error {
        SendError::QueueFull { .. } => "queue_full",
        SendError::TooLarge { .. } => "too_large",
        SendError::Empty => "empty",
        SendError::InvalidKey { .. } => "invalid_key",
        SendError::InvalidAuthor(_) => "invalid_author",
        SendError::KeyReused => "key_reused",
        SendError::UnknownTarget(_) => "unknown_target",
        SendError::TargetDeleted(_) => "target_deleted",
        SendError::NotAuthor(_) => "not_author",
        SendError::DiskFull { .. } => "disk_full",
        SendError::Unavailable(_) => "unavailable",
        SendError::Unknown(_) => "unknown",
        _ => "other",
    }
}

/// `GET /metrics`.
pub fn metrics(w: &Worker) -> Response {
    let text = w.app.metrics.text(&w.app.chat.stats());
    http::bytes(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
}

/// `GET /healthz`: the process answers.
pub fn healthz() -> Response {
    http::text(StatusCode::OK, "ok\n")
}

/// `GET /readyz`: whether it takes writes, and if not, why.
pub fn readyz(w: &Worker) -> Response {
    if w.app.drain.is_raised() {
        return http::text(StatusCode::SERVICE_UNAVAILABLE, "the server is closing\n");
    }
    match w.app.chat.ready() {
        Ok(()) => http::text(StatusCode::OK, "ready\n"),
        Err(why) => http::text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_counted_by_its_reason() {
        let metrics = Metrics::default();
        metrics.sent(None);
        metrics.sent(Some(&SendError::KeyReused));
        let text = metrics.text(&Stats { head: 7, ..Stats::default() });
        for line in [
            "millchat_sends_accepted_total 1",
            "millchat_sends_rejected_total{reason=\"key_reused\"} 1",
            "millchat_log_head 7",
            "millchat_commits_total 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }
}
