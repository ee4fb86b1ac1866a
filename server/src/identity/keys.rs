//! The keys that sign our tokens, and their rotation.
//!
//! A log begins with two keys that follow from its signing key: key 0, which signed the tokens of earlier
//! releases, and key 1. A rotation keeps a new random key as a secret value of the log, `.key/N`, with the
//! time from which all older keys are void: so a rotation is one record. The newest key signs; each purpose
//! has a key of its own that is derived from it, so that no token passes for one of another purpose.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::{Author, Chat, NewValue, Replaces, SendError, Timestamp, Value};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Most keys that are in force at a time, beside key 0.
pub const KEYS_MAX: usize = 4;
/// Most keys that are stored: those in force, and as many that are void and not yet removed.
const KEYS_STORED_MAX: usize = 2 * KEYS_MAX;
/// The kind of their values.
pub const KIND: &str = ".key";
/// The beginning of the names of their values.
const PREFIX: &str = ".key/";
/// Derives the key of the tokens of earlier releases from the log's signing key.
const V1_CONTEXT: &str = "millchat 2026-11-23 author tokens v1";
/// Derives key 1 from the log's signing key.
const FIRST_CONTEXT: &str = "millchat 2026-11-28 token key 1";
/// Time until the older keys are void, unless the operator says another.
const RETIRE_DEFAULT: Duration = Duration::from_hours(30 * 24);
/// Shortest time until the older keys are void, but for `now`.
const RETIRE_MIN: Duration = Duration::from_secs(1);
/// Longest time until the older keys are void: the lifetime of a guest's token.
const RETIRE_MAX: Duration = Duration::from_hours(365 * 24);
/// The older keys are void at once.
const NOW: &str = "now";
/// Number of the key of the tokens of earlier releases.
pub const V1: u32 = 0;

/// The purpose of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To be somebody: a guest, or a user who signed in.
    Session,
    /// To read one room by an address.
    Ticket,
    /// To find back to a sign-in that has begun.
    Login,
    /// To be a user who signed in, in the panel of one page of a site.
    Panel,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Self::Session => "millchat 2026-11-28 session tokens v2",
            Self::Ticket => "millchat 2026-11-28 ticket tokens v2",
            Self::Login => "millchat 2026-11-28 login tokens v2",
            Self::Panel => "millchat 2026-11-29 panel tokens v2",
        }
    }
}

/// A key that signs, or did.
pub struct Key {
    pub number: u32,
    /// The time from which it is void.
    void_from: Option<Timestamp>,
    session: [u8; 32],
    ticket: [u8; 32],
    login: [u8; 32],
    panel: [u8; 32],
}

impl Key {
    fn new(number: u32, secret: &[u8; 32]) -> Self {
        let derive = |purpose: Purpose| blake3::derive_key(purpose.context(), secret);
        Self {
            number,
            void_from: None,
            session: derive(Purpose::Session),
            ticket: derive(Purpose::Ticket),
            login: derive(Purpose::Login),
            panel: derive(Purpose::Panel),
        }
    }

    /// The MAC over some text, for a purpose.
    pub fn mac(&self, purpose: Purpose, text: &[u8]) -> blake3::Hash {
        let key = match purpose {
            Purpose::Session => &self.session,
            Purpose::Ticket => &self.ticket,
            Purpose::Login => &self.login,
            Purpose::Panel => &self.panel,
        };
        blake3::keyed_hash(key, text)
    }

    fn is_in_force(&self, now: Timestamp) -> bool {
        self.void_from.is_none_or(|end| now < end)
    }
}

/// A key as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    /// 32 bytes as base64url.
    key: String,
    /// When it was made, in milliseconds since the Unix epoch.
    made: u64,
    /// The time from which all older keys are void.
    older_void_from: u64,
    /// The time from which keys 0 and 1 are void by the keys before it, which may be removed: the clock may be
    /// set back later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_void_from: Option<u64>,
}

impl StoredKey {
    fn read((name, value): &(Arc<str>, Value)) -> Option<(u32, Self)> {
        let number = name.strip_prefix(PREFIX)?.parse().ok()?;
        serde_json::from_str(&value.text).ok().map(|stored| (number, stored))
    }

    fn secret(&self) -> Option<[u8; 32]> {
        URL_SAFE_NO_PAD.decode(&self.key).ok()?.try_into().ok()
    }
}

/// The keys of a log, the newest first. Key 0 is apart: it signs nothing any more.
pub struct Ring {
    keys: Vec<Key>,
    v1: [u8; 32],
    v1_void_from: Option<Timestamp>,
}

impl Ring {
    /// Reads the keys of a log.
    pub fn read(chat: &Chat) -> Self {
        let signing_key = chat.signing_key();
        let mut stored: Vec<_> = chat.values(PREFIX).iter().filter_map(StoredKey::read).collect();
        stored.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let mut keys = Vec::new();
        let mut void_from: Option<Timestamp> = None;
        let firsts = stored.iter().filter_map(|(_, stored)| stored.first_void_from.map(Timestamp));
        let first_void_from = firsts.min();
        for (number, stored) in stored {
            if let Some(secret) = stored.secret() {
                keys.push(Key { void_from, ..Key::new(number, &secret) });
            }
            let older = Timestamp(stored.older_void_from);
            void_from = Some(void_from.map_or(older, |end| end.min(older)));
        }
        let void_from = void_from.into_iter().chain(first_void_from).min();
        let first = blake3::derive_key(FIRST_CONTEXT, &signing_key);
        keys.push(Key { void_from, ..Key::new(1, &first) });
        Self { keys, v1: blake3::derive_key(V1_CONTEXT, &signing_key), v1_void_from: void_from }
    }

    /// The key that signs.
    pub fn newest(&self) -> &Key {
        &self.keys[0]
    }

    /// The keys whose tokens are good at this time.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.is_in_force(now))
    }

    /// Returns true if tokens of this key were good once and are not at this time.
    pub fn is_void(&self, number: u32, now: Timestamp) -> bool {
        number < self.newest().number && !self.is_good(number, now)
    }

    /// Returns the time from which the tokens of this key are void, if there is one.
    pub fn void_from(&self, number: u32) -> Option<Timestamp> {
        if number == V1 {
            return self.v1_void_from;
        }
        self.keys.iter().find(|key| key.number == number)?.void_from
    }

    /// Returns true if tokens of this key are good at this time.
    pub fn is_good(&self, number: u32, now: Timestamp) -> bool {
        if number == V1 {
            return self.v1_void_from.is_none_or(|end| now < end);
        }
        self.in_force(now).any(|key| key.number == number)
    }

    /// The MAC of a token of an earlier release.
    pub fn v1_mac(&self, text: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.v1, text)
    }

    fn oldest_void_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.in_force(now).filter_map(|key| key.void_from).min()
    }
}

/// The time at which a rotation makes the older keys void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retire {
    /// At once: every token that they signed is void.
    Now,
    /// After this time.
    After(Duration),
}

impl Default for Retire {
    fn default() -> Self {
        Self::After(RETIRE_DEFAULT)
    }
}

impl FromStr for Retire {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NOW {
            return Ok(Self::Now);
        }
        let time = humantime::parse_duration(text).ok();
        let time = time.filter(|time| (RETIRE_MIN..=RETIRE_MAX).contains(time));
        time.map(Self::After).ok_or_else(|| {
            let [least, most] = [RETIRE_MIN, RETIRE_MAX].map(humantime::format_duration);
            format!("`retire` is {NOW} or a time such as 30d or 12h, {least} to {most}")
        })
    }
}

impl fmt::Display for Retire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str(NOW),
            Self::After(time) => humantime::format_duration(*time).fmt(f),
        }
    }
}

/// A rotation that was done.
#[derive(Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The number of the new key.
    pub key: u32,
    /// The time from which the older ones are void.
    pub older_void_from: Timestamp,
}

/// A rotation that was not done.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// As many keys are in force as there can be.
    #[error(
        "{KEYS_MAX} keys are in force, which is the most there can be{}; to retire them `now` makes them all void",
        .0.map(|end| format!("; the oldest is void in {} seconds", end / 1_000)).unwrap_or_default()
    )]
    TooMany(Option<u64>),
    /// The log did not take it.
    #[error("the new key was not stored: {0}")]
    NotStored(#[from] SendError),
}

/// Makes a new key, which signs from now on.
pub async fn rotate(chat: &Chat, retire: Retire, by: &Author) -> Result<Rotated, RotateError> {
    loop {
        let (ring, now) = (Ring::read(chat), Timestamp::now());
        remove_void(chat, &ring, now, by).await;
        if retire != Retire::Now && ring.in_force(now).count() >= KEYS_MAX {
            return Err(RotateError::TooMany(ring.oldest_void_from(now).map(|end| end.0 - now.0)));
        }
        let older_void_from = match retire {
            Retire::Now => now,
            Retire::After(time) => Timestamp(now.0.saturating_add(time.as_millis() as u64)),
        };
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        // Void for ever, also when the clock is turned back.
        let stored_until = if retire == Retire::Now { 0 } else { older_void_from.0 };
        let key = URL_SAFE_NO_PAD.encode(secret);
        let first_void_from = ring.v1_void_from.map(|end| end.0);
        let stored = StoredKey { key, made: now.0, older_void_from: stored_until, first_void_from };
        let number = ring.newest().number + 1;
        let value = NewValue {
            text: serde_json::to_string(&stored).expect("a key is a text and numbers"),
            until: None,
            by: Some(by.clone()),
            replaces: Replaces::Absent,
            limit: KEYS_STORED_MAX,
        };
        match chat.set_value(&format!("{PREFIX}{number}"), value).await {
            Ok(_) => {
                remove_void(chat, &Ring::read(chat), now, by).await;
                return Ok(Rotated { key: number, older_void_from });
            }
            // Somebody else was faster: the next number is free.
            Err(SendError::ValueChanged) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Removes the keys that are void, so that no copy of the log has them. One that cannot be removed now is
/// void all the same, and is removed by the next rotation.
async fn remove_void(chat: &Chat, ring: &Ring, now: Timestamp, by: &Author) {
    for key in ring.keys.iter().filter(|key| key.number > 1 && !key.is_in_force(now)) {
        let removed = chat.remove_value(&format!("{PREFIX}{}", key.number), Some(by.clone())).await;
        if let Err(error) = removed {
            tracing::warn!(key = key.number, %error, "a key that is void is still stored");
        }
    }
}
