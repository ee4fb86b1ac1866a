//! The names of all metrics in one place.
//!
//! The server's figures are counted here; the core's are read from it at the moment of asking. The
//! names keep Prometheus' conventions: base units, `_total` on counters, `millchat_` before all. Labels are
//! closed lists: nothing that a visitor sends becomes one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::bot::metrics::BotMetrics;
use hyper::StatusCode;
use jiff::Timestamp;
use millchat::cluster::{NodeState, OtherNode};
use millchat::{Frames, Histogram, SendError, Stats};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::identity::Counts;
use crate::identity::site::Fetched;
use crate::sharded_counter::ShardedCounter;
use crate::stderr;

/// Upper bounds of the histogram of sends, in seconds: from a fast disk to a queue that is full.
const SEND_SECONDS: [f64; 13] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// An error that has no problem document: the page's own, such as a wrong address.
const KIND_PAGE: &str = "page";
/// A node that was heard within this time is reached.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// The ends of a handshake.
const HANDSHAKE_OUTCOMES: [&str; 6] = ["done", "refused", "closed", "timeout", "plain-http", "challenge"];

/// The figures that the server counts.
#[derive(Debug)]
pub struct Metrics {
    /// Connections that are open now.
    pub connections: Gauge,
    /// Streams that are open now.
    pub readers: Gauge,
    /// Connections in which a write waits now because the peer takes nothing.
    pub slow: Gauge,
    /// Connections given up because their peer took nothing for too long.
    pub dropped: Counter,
    /// Bytes of bodies that are being read now.
    pub reading_bytes: Gauge,
    /// Bytes of large answers that wait to be taken now.
    pub unsent_bytes: Gauge,
    /// Requests refused by a limit.
    pub refusals: Refusals,
    /// Events handed to a reader's connection.
    deliveries: Counter<u64, ShardedCounter>,
    /// Bytes of all that was handed to readers' connections.
    delivered_bytes: Counter<u64, ShardedCounter>,
    /// Sends that were acknowledged.
    accepted: Counter,
    /// Sends that were not, by reason; `unknown` may be stored all the same.
    rejected: Family<Rejection, Counter>,
    /// From the send to its acknowledgement or refusal.
    send_seconds: histogram::Histogram,
    /// Handshakes, by how they ended.
    handshakes: Family<HandshakeEnd, Counter>,
    /// The moment until which clients take the certificate, as seconds of Unix time; 0 without TLS.
    certificate_expiry: Gauge,
    /// Acts of the operator.
    moderation: Family<Deed, Counter>,
    /// Sign-ins that came back, by login and outcome.
    sign_ins: Family<SignIn, Counter>,
    /// Answers that were errors.
    errors: Family<ErrorKind, Counter>,
    /// Fetches of the keys of sites.
    jwks_fetches: Family<JwksFetch, Counter>,
    /// Messages of webhooks by their end, and tries that failed.
    webhook_deliveries: Family<WebhookDelivery, Counter>,
    /// The places of the webhooks in the log. Set once, at the start.
    webhook_places: OnceLock<Vec<(String, Arc<AtomicU64>)>>,
    /// The figures of bots.
    pub bots: BotMetrics,
}

/// The webhooks are those of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookDelivery {
    webhook: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookName {
    webhook: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JwksFetch {
    /// One of the settings' names.
    site: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Deed {
    kind: &'static str,
}

/// The logins are those of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignIn {
    login: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeEnd {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rejection {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorKind {
    kind: &'static str,
}

/// Requests and connections refused by a limit, by its name.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Family<Refusal, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    limit: &'static str,
}

impl Refusals {
    /// Counts one.
    pub fn count(&self, limit: &'static str) {
        self.0.get_or_create(&Refusal { limit }).inc();
    }
}

/// A histogram that the core counts.
#[derive(Debug)]
struct Counted(Histogram);

impl EncodeMetric for Counted {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.encode_histogram::<NoLabelSet>(self.0.sum, self.0.count, &self.0.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            connections: Gauge::default(),
            readers: Gauge::default(),
            slow: Gauge::default(),
            dropped: Counter::default(),
            reading_bytes: Gauge::default(),
            unsent_bytes: Gauge::default(),
            refusals: Refusals::default(),
            deliveries: Counter::default(),
            delivered_bytes: Counter::default(),
            accepted: Counter::default(),
            rejected: Family::default(),
            send_seconds: histogram::Histogram::new(SEND_SECONDS),
            handshakes: counted_from_zero(),
            certificate_expiry: Gauge::default(),
            moderation: Family::default(),
            sign_ins: Family::default(),
            errors: Family::default(),
            jwks_fetches: Family::default(),
            webhook_deliveries: Family::default(),
            webhook_places: OnceLock::new(),
            bots: BotMetrics::default(),
        }
    }
}

/// Returns the counters of handshakes, each of them at 0: what has not happened yet can be seen too.
fn counted_from_zero() -> Family<HandshakeEnd, Counter> {
    let handshakes = Family::default();
    for outcome in HANDSHAKE_OUTCOMES {
        drop(handshakes.get_or_create(&HandshakeEnd { outcome }));
    }
    handshakes
}

impl Metrics {
    /// Counts how a send went, and how long it took.
    pub fn sent(&self, error: Option<&SendError>, took: Duration) {
        self.send_seconds.observe(took.as_secs_f64());
        match error {
            None => self.accepted.inc(),
            Some(error) => self.rejected.get_or_create(&Rejection { reason: reason(error) }).inc(),
        };
    }

    /// Counts what an operator, an owner or a moderator did.
    pub fn moderated(&self, kind: &'static str) {
        self.moderation.get_or_create(&Deed { kind }).inc();
    }

    /// Counts a handshake by its end.
    pub fn shook_hands(&self, outcome: &'static str) {
        self.handshakes.get_or_create(&HandshakeEnd { outcome }).inc();
    }

    /// Shows the moment until which clients take the certificate.
    pub fn certificate_expires(&self, at: Option<Timestamp>) {
        self.certificate_expiry.set(at.map_or(0, Timestamp::as_second));
    }

    /// Counts a sign-in at a login of the settings.
    pub fn signed_in(&self, login: &str, outcome: &'static str) {
        self.sign_ins.get_or_create(&SignIn { login: login.to_owned(), outcome }).inc();
    }

    /// Counts a fetch of the keys of a site.
    pub fn jwks_fetched(&self, site: &str, fetched: Fetched) {
        let outcome = match fetched {
            Fetched::Keys => "ok",
            Fetched::Failed => "failed",
        };
        self.jwks_fetches.get_or_create(&JwksFetch { site: site.to_owned(), outcome }).inc();
    }

    /// Counts what became of a message of a webhook of the settings, or a try that failed.
    pub fn webhook_delivered(&self, webhook: &str, outcome: &'static str) {
        self.webhook_deliveries
            .get_or_create(&WebhookDelivery { webhook: webhook.to_owned(), outcome })
            .inc();
    }

    /// Counts records that a webhook cannot see any more.
    pub fn webhook_lost(&self, webhook: &str, records: u64) {
        let lost = WebhookDelivery { webhook: webhook.to_owned(), outcome: "lost" };
        self.webhook_deliveries.get_or_create(&lost).inc_by(records);
    }

    /// Shows from now on how far the webhooks are behind these places.
    pub fn watch_webhooks(&self, places: Vec<(String, Arc<AtomicU64>)>) {
        let is_first = self.webhook_places.set(places).is_ok();
        debug_assert!(is_first, "the webhooks start once");
    }

    /// Counts frames that were handed to a reader's connection.
    pub fn delivered(&self, frames: &Frames) {
        self.deliveries.inc_by(frames.events.into());
        self.delivered_bytes.inc_by(frames.bytes.len() as u64);
    }

    /// Counts frames that were handed to as many readers' connections at once.
    pub fn delivered_to(&self, frames: &Frames, readers: usize) {
        let readers = readers as u64;
        self.deliveries.inc_by(readers * u64::from(frames.events));
        self.delivered_bytes.inc_by(readers * frames.bytes.len() as u64);
    }

    /// Counts an answer of this status if it is an error, by the kind of its problem.
    pub fn answered(&self, status: StatusCode, problem: Option<&'static str>) {
        if status.is_client_error() || status.is_server_error() {
            self.error(problem.unwrap_or(KIND_PAGE));
        }
    }

    /// Counts an error that is not an answer.
    pub fn error(&self, kind: &'static str) {
        self.errors.get_or_create(&ErrorKind { kind }).inc();
    }

    /// The text that Prometheus reads.
    pub fn text(&self, core: &Stats, credentials: &Counts, ready: bool, node: Option<&NodeState>) -> String {
        let mut registry = Registry::with_prefix("millchat");
        registry.register("build", "What runs here", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        self.register(&mut registry);
        for (name, help, value) in [
            ("commits", "Commits of the log", core.commits),
            ("commits_failed", "Commits of the log that failed", core.commits_failed),
            ("events", "Events stored since the start", core.events),
            ("log_lines_lost", "Log lines that stderr did not take", stderr::lost()),
        ] {
            registry.register(name, help, ConstCounter::new(value));
        }
        let seconds = Counted(core.commit_seconds.clone());
        registry.register_with_unit("commit_duration", "Time of each commit", Unit::Seconds, seconds);
        let events = Counted(core.commit_events.clone());
        registry.register("commit_events", "Events that each commit stored", events);
        for (name, help, value) in [
            ("ready", "1 while writes are taken, else 0; /readyz says why", u64::from(ready)),
            ("sends_queued", "Sends that wait for the writer", core.queued as u64),
            ("rooms", "Rooms in memory", core.rooms as u64),
            ("rooms_closed", "Rooms that are closed to writing", core.closed_rooms as u64),
            ("rooms_emptying", "Emptied rooms whose records are still being rewritten", core.purges as u64),
            ("authors_banned", "Authors who are banned for good", core.bans as u64),
            (
                "revocations",
                "Sessions and authors whose tokens are void before their time",
                credentials.revocations as u64,
            ),
            ("api_tokens", "API tokens of programs", credentials.api_tokens as u64),
            ("kept_values", "Values that the log keeps beside the rooms", core.values as u64),
            ("log_head_position", "Newest position of the log", core.head),
            ("log_floor_position", "Oldest position that is kept", core.floor),
        ] {
            registry.register(name, help, ConstGauge::new(value));
        }
        if let Some(node) = node {
            register_node(&mut registry, node);
        }
        let behind = Family::<WebhookName, Gauge>::default();
        for (webhook, place) in self.webhook_places.get().into_iter().flatten() {
            let left = core.head.saturating_sub(place.load(Ordering::Relaxed));
            behind.get_or_create(&WebhookName { webhook: webhook.clone() }).set(left.cast_signed());
        }
        registry.register(
            "webhook_behind",
            "Records of the log that a webhook has not looked at yet",
            behind,
        );
        let live = ConstGauge::new(core.live_bytes);
        registry.register_with_unit("log_live", "Bytes of the records that are kept", Unit::Bytes, live);
        let values = ConstGauge::new(core.values_bytes as u64);
        registry.register_with_unit("kept_values", "Memory for the kept values", Unit::Bytes, values);
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes whatever is written to it");
        text
    }

    fn register(&self, registry: &mut Registry) {
        self.bots.register(registry);
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("readers", "Open streams", self.readers.clone());
        registry.register(
            "readers_slow",
            "Connections whose peer takes nothing at this moment",
            self.slow.clone(),
        );
        registry.register(
            "readers_dropped",
            "Connections given up because their peer took nothing for too long",
            self.dropped.clone(),
        );
        registry.register_with_unit(
            "reading",
            "Memory for bodies of requests that have not arrived whole",
            Unit::Bytes,
            self.reading_bytes.clone(),
        );
        registry.register_with_unit(
            "unsent",
            "Memory for large answers that their clients have not taken",
            Unit::Bytes,
            self.unsent_bytes.clone(),
        );
        registry.register("deliveries", "Events handed to readers' connections", self.deliveries.clone());
        registry.register_with_unit(
            "delivered",
            "Handed to readers' connections",
            Unit::Bytes,
            self.delivered_bytes.clone(),
        );
        registry.register("sends_accepted", "Sends that were acknowledged", self.accepted.clone());
        registry.register("sends_rejected", "Sends that were not, by reason", self.rejected.clone());
        registry.register_with_unit(
            "send_duration",
            "From a send to its acknowledgement or refusal",
            Unit::Seconds,
            self.send_seconds.clone(),
        );
        registry.register("tls_handshakes", "Handshakes of TLS, by outcome", self.handshakes.clone());
        registry.register_with_unit(
            "tls_certificate_expiry",
            "Unix time at which the certificate in use expires; 0 without TLS",
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
        registry.register(
            "moderation",
            "What operators, owners and moderators did, by kind",
            self.moderation.clone(),
        );
        registry.register("sign_ins", "Sign-ins, by login and outcome", self.sign_ins.clone());
        registry.register("jwks_fetches", "Fetches of the keys of sites", self.jwks_fetches.clone());
        registry.register(
            "webhook_deliveries",
            "What became of the messages of webhooks, by outcome",
            self.webhook_deliveries.clone(),
        );
        registry.register("errors", "Answers that were errors, by kind", self.errors.clone());
        registry.register(
            "rate_limited",
            "Refused or ended by a limit on one author or address, by limit",
            self.refusals.0.clone(),
        );
    }
}

/// The label of a rejection: a closed list, whatever the error says beside it.
fn reason(error: &SendError) -> &'static str {
    match error {
        SendError::QueueFull { .. } => "queue_full",
        SendError::TooLarge { .. } => "too_large",
        SendError::NoText => "empty",
        SendError::InvalidKey { .. } => "invalid_key",
        SendError::InvalidAuthor(_) => "invalid_author",
        SendError::KeyReused => "key_reused",
        SendError::UnknownTarget(_) => "unknown_target",
        SendError::TargetDeleted(_) => "target_deleted",
        SendError::NotAuthor(_) => "not_author",
        SendError::RoomClosed => "room_closed",
        SendError::Banned => "banned",
        SendError::NotAllowed => "not_allowed",
        SendError::TooMany(_) => "too_many",
        SendError::InvalidValue(_) => "invalid_value",
        SendError::UnknownValue => "unknown_value",
        SendError::ValueChanged => "value_changed",
        SendError::DiskFull { .. } => "disk_full",
        SendError::Unavailable(_) => "unavailable",
        SendError::Unknown(_) => "unknown",
        _ => "other",
    }
}

/// Registers what a node of many knows of its cluster.
fn register_node(registry: &mut Registry, node: &NodeState) {
    let heard = |other: &&OtherNode| other.heard.is_some_and(|(ago, _)| ago <= HEARD_WITHIN);
    for (name, help, value) in [
        (
            "node_current",
            "1 while this node serves all that was acknowledged at any node",
            u64::from(node.is_current),
        ),
        ("node_leads", "1 while this node is the leader of the cluster", u64::from(node.is_leader)),
        ("cluster_term", "Number of the present leadership", node.mark.term),
        (
            "cluster_nodes_reached",
            "Other nodes that were heard just now",
            node.others.iter().filter(heard).count() as u64,
        ),
        ("journal_entry", "Newest entry of the journal that this node has read", node.mark.seq),
        (
            "journal_behind",
            "Entries of the journal that this node has not read yet",
            node.newest.saturating_sub(node.mark.seq),
        ),
        (
            "journal_erasing",
            "Entries of the journal with deleted texts that this node has to erase",
            node.erasing as u64,
        ),
    ] {
        registry.register(name, help, ConstGauge::new(value));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_happens_is_counted_by_its_kind() {
        let metrics = Metrics::default();
        metrics.sent(None, Duration::from_millis(2));
        metrics.sent(Some(&SendError::KeyReused), Duration::from_millis(200));
        metrics.answered(StatusCode::UNPROCESSABLE_ENTITY, Some("invalid-name"));
        metrics.answered(StatusCode::NOT_FOUND, None);
        metrics.answered(StatusCode::OK, None);
        metrics.refusals.count("author");
        metrics.moderated("close");
        metrics.shook_hands("done");
        metrics.certificate_expires(Timestamp::from_second(1_900_000_000).ok());
        metrics.signed_in("corp", "refused");
        let counts = Counts { revocations: 5, api_tokens: 2 };
        let kept = Stats { values: 5, values_bytes: 6, ..Stats::default() };
        let text = metrics.text(&Stats { head: 7, live_bytes: 9, bans: 3, ..kept }, &counts, true, None);
        for line in [
            "millchat_sends_accepted_total 1",
            "millchat_sends_rejected_total{reason=\"key_reused\"} 1",
            "millchat_send_duration_seconds_bucket{le=\"0.0025\"} 1",
            "millchat_send_duration_seconds_count 2",
            "millchat_errors_total{kind=\"invalid-name\"} 1",
            "millchat_errors_total{kind=\"page\"} 1",
            "millchat_rate_limited_total{limit=\"author\"} 1",
            "millchat_moderation_total{kind=\"close\"} 1",
            "millchat_tls_handshakes_total{outcome=\"done\"} 1",
            "millchat_tls_certificate_expiry_seconds 1900000000",
            "millchat_sign_ins_total{login=\"corp\",outcome=\"refused\"} 1",
            "millchat_authors_banned 3",
            "millchat_revocations 5",
            "millchat_api_tokens 2",
            "millchat_kept_values 5",
            "millchat_kept_values_bytes 6",
            "millchat_log_head_position 7",
            "millchat_log_live_bytes 9",
            "millchat_commits_total 0",
            "millchat_ready 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn deliveries_are_events_and_not_writes() {
        let metrics = Metrics::default();
        let frames = Frames { bytes: Bytes::from_static(b"id: 5f3c9a2e-1\n\nid: 5f3c9a2e-2\n\n"), events: 2 };
        metrics.delivered(&frames);
        assert_eq!((metrics.deliveries.get(), metrics.delivered_bytes.get()), (2, frames.bytes.len() as u64));
    }
}
