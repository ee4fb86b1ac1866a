//! The end of the process in two steps. Announced, it is visible to load balancers: `/readyz` is red, and
//! each answer ends its connection, while everything is still served. Raised, it ends idle connections and
//! open streams.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Notify;

use crate::as_text::as_text;

/// Longest time between the two steps.
const DRAIN_DELAY_MAX: Duration = Duration::from_hours(1);
/// The same by default. Short, and enough for requests that were on their way to a connection that is open.
const DRAIN_DELAY_DEFAULT: Duration = Duration::from_millis(500);

/// The time between the two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DrainDelay(pub Duration);

impl Default for DrainDelay {
    fn default() -> Self {
        Self(DRAIN_DELAY_DEFAULT)
    }
}

impl FromStr for DrainDelay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(delay) if delay <= DRAIN_DELAY_MAX => Ok(Self(delay)),
            Ok(_) => Err(format!("`{text}` is too long; it is 1h at most")),
            Err(_) => Err(format!("`{text}` is not a time; write it like 500ms, 10s, or 0s for none")),
        }
    }
}

impl fmt::Display for DrainDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

as_text!(DrainDelay);

/// The wish to end, seen by every connection.
///
/// A connection waits on it beside its socket; a stream only looks at the flag when it is polled, which
/// its connection does right after it was woken. So nothing per stream is registered anywhere.
#[derive(Debug, Default)]
pub struct Drain {
    /// Release in [`Drain::announce`] pairs with acquire in [`Drain::is_announced`].
    announced: AtomicBool,
    /// Release in [`Drain::raise`] pairs with acquire in [`Drain::is_raised`].
    raised: AtomicBool,
    /// Wakes those who wait in [`Drain::wait`].
    notify: Notify,
}

impl Drain {
    /// Says that the process will end soon, and still serves.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Release);
    }

    /// Returns true if the process will end soon, or is to end now.
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// Says once and for all that the process is to end.
    pub fn raise(&self) {
        self.announce();
        self.raised.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    /// Returns true if the process is to end.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Resolves when the process is to end, at once if it already is.
    pub async fn wait(&self) {
        // `notified` hears `notify_waiters` from the moment it exists, so between the look at the flag and
        // the wait nothing can be missed.
        let notified = self.notify.notified();
        if !self.is_raised() {
            notified.await;
        }
    }
}
