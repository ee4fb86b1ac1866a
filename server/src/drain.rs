//! The end of the process in two steps. Announced, it is visible to load balancers: `/readyz` is red, and
//! each answer ends its connection, while everything is still served. Raised, it ends idle connections and
//! open streams.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The wish to end, seen by every connection.
///
/// A connection waits on it beside its socket; a stream only looks at the flag when it is polled, which
/// its connection does right after it was woken. The streams that have left hyper are woken by the
/// [watch](crate::access::watch) of their thread. So nothing per stream is registered here.
#[derive(Debug, Default)]
pub struct Drain {
    /// Release in [`Drain::announce`] pairs with acquire in [`Drain::is_announced`].
    announced: AtomicBool,
    /// Release in [`Drain::raise`] pairs with acquire in [`Drain::is_raised`].
    raised: AtomicBool,
    /// Wakes those who wait in [`Drain::wait_announced`].
    notify_announced: Notify,
    /// Wakes those who wait in [`Drain::wait`].
    notify: Notify,
}

impl Drain {
    /// Says that the process will end soon, and still serves.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Release);
        self.notify_announced.notify_waiters();
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

    /// Resolves when the end is announced, at once if it already is.
    pub async fn wait_announced(&self) {
        let notified = self.notify_announced.notified();
        if !self.is_announced() {
            notified.await;
        }
    }
}
