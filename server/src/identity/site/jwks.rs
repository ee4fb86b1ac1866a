//! The public keys of a site at an address (JWKS): fetched when a token needs them, and kept.
//!
//! A key that is not there makes the server look again, at most once in 30 seconds, whatever tokens say: so a
//! flood of made-up keys fetches nothing. While the address does not answer, the keys that were there stay
//! good for a day.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderMap};
use hyper::{Request, StatusCode, Uri};
use millchat::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::timeout;

use super::key::{Jwk, VerifyingKey};
use crate::log_throttle::LogThrottle;
use crate::outgoing::{Bounds, Outgoing, Trust};

/// Shortest time between two fetches of a site's keys.
const FETCH_EVERY: Duration = Duration::from_secs(30);
/// Shortest and longest time for which keys are kept without another look.
const FRESH: [Duration; 2] = [Duration::from_mins(5), Duration::from_hours(24)];
/// Time for which keys stay good that cannot be looked at again.
const STALE_MAX: Duration = Duration::from_hours(24);
/// Longest time that a request waits for keys.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest time of a fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest set of keys, in bytes.
const SET_BYTES_MAX: usize = 64 * 1024;
/// Most keys of a site.
const KEYS_MAX: usize = 32;

/// Limits the log lines of keys that cannot be fetched.
static FAILURES: LogThrottle = LogThrottle::new();

/// A key and its name.
pub struct NamedKey {
    kid: Option<String>,
    /// The key.
    pub key: VerifyingKey,
}

/// The end of a fetch, for the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The keys are there.
    Keys,
    /// They are not.
    Failed,
}

/// Called after each fetch.
pub type Count = Box<dyn Fn(Fetched) + Send + Sync>;

/// The keys of one site.
pub struct Jwks {
    site: String,
    url: Uri,
    outgoing: Arc<Outgoing>,
    trust: Trust,
    /// Held for memory work only.
    state: Mutex<State>,
    /// Rises with each fetch that has ended.
    ended: watch::Sender<u64>,
    count: Count,
}

#[derive(Default)]
struct State {
    keys: Arc<[NamedKey]>,
    /// When the keys should be looked at again; `None` before the first look.
    fresh_until: Option<Timestamp>,
    /// When the last fetch began.
    tried_at: Option<Timestamp>,
    is_fetching: bool,
}

impl Jwks {
    /// The keys of the site of this name, which have not been looked at.
    pub fn new(site: &str, url: Uri, (outgoing, trust): (Arc<Outgoing>, Trust), count: Count) -> Self {
        let (ended, _) = watch::channel(0);
        Self { site: site.to_owned(), url, outgoing, trust, state: Mutex::default(), ended, count }
    }

    /// Returns the key of this name. Without a name it is the only key that there is.
    pub fn key(&self, kid: Option<&str>, now: Timestamp) -> Option<Key> {
        let state = self.state.lock();
        if state.fresh_until?.0.saturating_add(millis(STALE_MAX)) <= now.0 {
            return None;
        }
        let at = match kid {
            Some(kid) => state.keys.iter().position(|key| key.kid.as_deref() == Some(kid))?,
            None => (state.keys.len() == 1).then_some(0)?,
        };
        Some(Key { keys: state.keys.clone(), at })
    }

    /// Fetches the keys if this one is not there, and waits for them; or if they have not been looked at for
    /// long, and waits for nothing.
    pub async fn prepare(self: &Arc<Self>, kid: Option<&str>, now: Timestamp) {
        let is_there = self.key(kid, now).is_some();
        let mut ended = self.ended.subscribe();
        let is_fetching = {
            let mut state = self.state.lock();
            let is_wanted = !is_there || state.fresh_until <= Some(now);
            // A clock that was set back waits for nothing.
            let waited = |tried: Timestamp| now < tried || now.0 - tried.0 >= millis(FETCH_EVERY);
            if is_wanted && !state.is_fetching && state.tried_at.is_none_or(waited) {
                state.is_fetching = true;
                state.tried_at = Some(now);
                // It outlives the request that began it.
                tokio::spawn(Arc::clone(self).fetch(now));
            }
            state.is_fetching
        };
        if is_fetching && !is_there {
            let _ = timeout(WAIT_MAX, ended.changed()).await;
        }
    }

    async fn fetch(self: Arc<Self>, now: Timestamp) {
        let fetched = self.ask().await;
        (self.count)(if fetched.is_ok() { Fetched::Keys } else { Fetched::Failed });
        let mut state = self.state.lock();
        state.is_fetching = false;
        match fetched {
            Ok((keys, fresh)) => {
                state.keys = keys.into();
                state.fresh_until = Some(Timestamp(now.0.saturating_add(millis(fresh))));
            }
            Err(error) => {
                if FAILURES.is_due() {
                    tracing::warn!(site = self.site, url = %self.url, error, "the keys of a site cannot be fetched");
                }
            }
        }
        drop(state);
        self.ended.send_modify(|ended| *ended += 1);
    }

    async fn ask(&self) -> Result<(Vec<NamedKey>, Duration), String> {
        let request = Request::get(&self.url).header(header::ACCEPT, "application/json");
        let request = request.body(Bytes::new()).map_err(|error| error.to_string())?;
        let bounds = Bounds { bytes_max: SET_BYTES_MAX, timeout: FETCH_TIMEOUT, ..Bounds::default() };
        let answered = self.outgoing.call(&self.trust, request, bounds).await;
        let answered = answered.map_err(|error| error.to_string())?;
        if answered.status() != StatusCode::OK {
            return Err(format!("it answers {}", answered.status()));
        }
        let keys = read(answered.body())?;
        Ok((keys, freshness(answered.headers())))
    }
}

/// A key of a set that may have been replaced meanwhile.
pub struct Key {
    keys: Arc<[NamedKey]>,
    at: usize,
}

impl std::ops::Deref for Key {
    type Target = VerifyingKey;

    fn deref(&self) -> &VerifyingKey {
        &self.keys[self.at].key
    }
}

/// Reads a set of keys; those of kinds that are not taken are passed over.
fn read(json: &[u8]) -> Result<Vec<NamedKey>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(json).map_err(|error| format!("this is no JWKS: {error}"))?;
    if set.keys.len() > KEYS_MAX {
        return Err(format!("there are {} keys; the limit is {KEYS_MAX}", set.keys.len()));
    }
    let jwks = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let keys: Vec<_> =
        jwks.filter_map(|jwk| Some(NamedKey { key: jwk.verifying()?, kid: jwk.kid })).collect();
    if keys.is_empty() {
        return Err("there is no key of Ed25519, RSA with 2,048 bits, or P-256".to_owned());
    }
    Ok(keys)
}

/// The time for which an answer is fresh.
fn freshness(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let age = directives
        .flat_map(|value| value.split(','))
        .find_map(|directive| directive.trim().to_ascii_lowercase().strip_prefix("max-age=")?.parse().ok());
    let [least, most] = FRESH;
    Duration::from_secs(age.unwrap_or(0)).clamp(least, most)
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}
