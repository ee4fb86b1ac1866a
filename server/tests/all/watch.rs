//! The things that an operator watches: the metrics, and a dashboard that asks for no metric that is not
//! there.

use std::collections::BTreeSet;
use std::fs;

use reqwest::Method;
use serde_json::Value;

use crate::support::client::answer;
use crate::support::{Api, Server, Stream, within};

fn document(name: &str) -> String {
    fs::read_to_string(format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A server at which a little of everything has happened.
async fn used() -> (Server, Stream) {
    let server = Server::start_with(&["--rate-limit", "author=1/2"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    api.say("lobby", &ada, "one").await;
    api.say("lobby", &ada, "two").await;
    let too_fast = async { while answer(api.post("lobby", &ada, "too fast")).await.status != 429 {} };
    within("a refusal", too_fast).await;
    api.get("/api/v1/rooms/lobby/messages/999").await.expect(404);
    api.get("/no/such/page").await.expect(404);
    for _ in 0..2 {
        stream.logged().await;
    }
    (server, stream)
}

async fn scrape(api: &Api) -> String {
    let answer = api.get("/metrics").await.expect(200);
    let kind = answer.header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
    answer.body
}

/// The value of a sample, by its name with labels.
fn value(text: &str, sample: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{sample} in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn what_happens_is_seen_in_the_metrics() {
    let (server, stream) = used().await;
    let api = server.api();
    let text = scrape(&api).await;
    let stored = value(&text, "millchat_events_total");
    assert!(stored >= 2.0, "{text}");
    assert!((value(&text, "millchat_sends_accepted_total") - stored).abs() < 0.5, "{text}");
    assert!((value(&text, "millchat_log_head_position") - stored).abs() < 0.5, "{text}");
    for (sample, least) in [
        ("millchat_ready", 1.0),
        ("millchat_connections", 2.0),
        ("millchat_readers", 1.0),
        ("millchat_rooms", 1.0),
        ("millchat_deliveries_total", 2.0),
        ("millchat_delivered_bytes_total", 200.0),
        ("millchat_commits_total", 1.0),
        ("millchat_commit_duration_seconds_count", 1.0),
        ("millchat_commit_duration_seconds_bucket{le=\"+Inf\"}", 1.0),
        ("millchat_commit_events_bucket{le=\"8192.0\"}", 1.0),
        ("millchat_commit_events_sum", stored),
        ("millchat_send_duration_seconds_count", stored),
        ("millchat_send_duration_seconds_bucket{le=\"+Inf\"}", stored),
        ("millchat_log_floor_position", 1.0),
        ("millchat_log_live_bytes", 1.0),
        ("millchat_errors_total{kind=\"unknown-message\"}", 1.0),
        ("millchat_errors_total{kind=\"rate-limited\"}", 1.0),
        ("millchat_errors_total{kind=\"page\"}", 1.0),
        ("millchat_rate_limited_total{limit=\"author\"}", 1.0),
    ] {
        assert!(value(&text, sample) >= least, "{sample} is below {least}:\n{text}");
    }
    for sample in ["millchat_sends_queued", "millchat_readers_slow", "millchat_readers_dropped_total"] {
        assert!(value(&text, sample).abs() < 0.5, "{sample}:\n{text}");
    }

    drop(stream);
    let gone = async { while value(&scrape(&api).await, "millchat_readers") > 0.5 {} };
    within("the reader is no longer counted", gone).await;
}

#[tokio::test]
async fn nothing_that_visitors_send_becomes_a_name_or_a_label() {
    let (server, _stream) = used().await;
    let api = server.api();
    for path in ["/api/v1/rooms/a-room-name", "/another-room-name", "/api/secret-path", "/x/y/z"] {
        api.get(path).await;
    }
    answer(api.request(Method::from_bytes(b"ODD").unwrap(), "/lobby")).await;
    let text = scrape(&api).await;
    for word in ["room-name", "lobby", "secret", "Ada", "ODD", "127.0.0.1", "\"g_"] {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
}

/// Everything in a text that looks like one of our metrics.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("millchat_")).map(str::to_owned).collect()
}

/// Families by a label of which the server of the test has nothing to count.
const QUIET: [&str; 10] = [
    "millchat_bot_answers_total",
    "millchat_bot_first_piece_seconds",
    "millchat_bot_tokens_total",
    "millchat_bot_waiting",
    "millchat_jwks_fetches_total",
    "millchat_moderation_total",
    "millchat_sends_rejected_total",
    "millchat_sign_ins_total",
    "millchat_webhook_behind",
    "millchat_webhook_deliveries_total",
];

#[tokio::test]
async fn the_dashboard_and_the_page_for_operators_name_only_metrics_that_there_are() {
    let (server, _stream) = used().await;
    let text = scrape(&server.api()).await;
    let samples: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split([' ', '{']).next())
        .collect();
    let dashboard: Value = serde_json::from_str(&document("grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    let asked: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().expect("a target asks for something"))
        .collect();
    assert!(asked.len() >= 12, "{asked:?}");
    for name in asked.iter().flat_map(|asked| metrics_in(asked)).chain(metrics_in(&document("operations.md")))
    {
        // A family that counts by a label has samples once there is something to count.
        let quiet = QUIET.contains(&name.as_str());
        // A histogram's samples have names of their own.
        let is_there = samples.contains(name.as_str()) || samples.contains(format!("{name}_count").as_str());
        assert!(is_there || quiet, "{name} is no metric:\n{text}");
    }
    for name in samples.iter().filter(|name| !name.ends_with("_created")) {
        let base = name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
        assert!(document("operations.md").contains(base), "{name} is not explained in operations.md");
    }
}
