//! The count of what the server did with an attacker's requests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::client::exchange::Answer;

/// Longest words of an answer that are kept.
const WORDS_MAX: usize = 60;
/// Different answers that are counted apart.
const OUTCOMES_MAX: usize = 24;
/// Time between two looks for a first request.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The counts of one phase.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that were begun.
    pub requests: u64,
    /// Bytes that were sent.
    pub bytes: u64,
    /// The answers and the ends of connections.
    pub outcomes: BTreeMap<String, u64>,
}

/// The running count.
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    bytes: AtomicU64,
    outcomes: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    /// Counts a request that leaves.
    pub fn request(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns when a request has left since the last [`Tally::take`].
    pub async fn begun(&self) {
        while self.requests.load(Ordering::Relaxed) == 0 {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Counts an answer.
    pub fn answer(&self, answer: &Answer) {
        self.outcome(&describe(answer.status, &answer.body));
    }

    /// Counts the end of a connection, or an answer in words.
    pub fn outcome(&self, words: &str) {
        let mut outcomes = self.outcomes.lock();
        let words = if outcomes.len() < OUTCOMES_MAX { words } else { "other" };
        *outcomes.entry(words.to_owned()).or_default() += 1;
    }

    /// Takes the counts.
    pub fn take(&self) -> Counts {
        Counts {
            requests: self.requests.swap(0, Ordering::Relaxed),
            bytes: self.bytes.swap(0, Ordering::Relaxed),
            outcomes: std::mem::take(&mut self.outcomes.lock()),
        }
    }
}

/// Returns a status, and for a refusal the limit or the problem that it names.
pub fn describe(status: u16, body: &[u8]) -> String {
    let behind = |word: &[u8], ends: &[u8]| {
        let from = memmem::find(body, word)? + word.len();
        let rest = &body[from..];
        let end = rest.iter().position(|byte| ends.contains(byte))?.min(WORDS_MAX);
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    };
    let words = match status {
        ..400 => None,
        429 => behind(br#""detail":""#, b":;\""),
        _ => behind(b"urn:millchat:problem:", b"\""),
    };
    words.map_or_else(|| status.to_string(), |words| format!("{status} {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_described_by_its_limit() {
        let body = br#"{"detail":"new guests from one address: at most 10 a minute; come back"}"#;
        assert_eq!(describe(429, body), "429 new guests from one address");
        assert_eq!(describe(503, br#"{"type":"urn:millchat:problem:busy"}"#), "503 busy");
        assert_eq!(describe(201, b""), "201");
    }
}
