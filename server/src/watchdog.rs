//! The watchdog of the service manager, if there is one: it is told again and again that every thread runs,
//! and restarts a process in which one does not.
//!
//! Each serving thread beats by a task of its own; the main thread looks at the beats. So a thread that hangs
//! is noticed, whatever holds it, and so is a main thread that hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::service_manager;

/// Looks at the beats in the time within which the service manager must be told: a late one is not the end.
const LOOKS: u32 = 4;
/// Beats from one look to the next. With one, a beat that slips from just before a look to just behind it
/// would be missed: with many threads some thread would be missed at each look.
const BEATS: u32 = 2;

/// The beats of one serving thread.
#[derive(Debug, Clone, Default)]
pub struct Beats(Arc<AtomicU64>);

impl Beats {
    /// Beats for ever, if there is a watchdog.
    pub async fn run(self) {
        let Some(every) = every() else { return };
        self.beat(every / BEATS).await;
    }

    async fn beat(self, pause: Duration) {
        loop {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }
}

/// The beats of all serving threads, as they were seen.
#[derive(Debug)]
pub struct Watch {
    /// With the count of the last look.
    threads: Vec<(Beats, u64)>,
}

impl Watch {
    /// Watches these threads.
    pub fn new(threads: impl IntoIterator<Item = Beats>) -> Self {
        Self { threads: threads.into_iter().map(|beats| (beats, 0)).collect() }
    }

    /// Tells the service manager for ever that all threads run, while they do; does nothing without a
    /// watchdog.
    pub async fn run(mut self) {
        let Some(every) = every() else { return };
        loop {
            tokio::time::sleep(every).await;
            match self.silent() {
                None => service_manager::alive(),
                Some(thread) => tracing::warn!(thread, "a serving thread does not run"),
            }
        }
    }

    /// Returns the first thread that has not beaten since the last look.
    fn silent(&mut self) -> Option<usize> {
        let mut silent = None;
        for (index, (beats, seen)) in self.threads.iter_mut().enumerate() {
            let count = beats.0.load(Ordering::Relaxed);
            if count == *seen {
                silent = silent.or(Some(index));
            }
            *seen = count;
        }
        silent
    }
}

/// Returns the time between two looks; `None` without a watchdog.
fn every() -> Option<Duration> {
    service_manager::watchdog().map(|within| within / LOOKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_does_not_beat_is_noticed() {
        let threads = [Beats::default(), Beats::default()];
        let mut watch = Watch::new(threads.clone());
        let beat = |index: usize| threads[index].0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(watch.silent(), Some(0), "none has begun");
        beat(0);
        beat(1);
        assert_eq!(watch.silent(), None);
        beat(0);
        assert_eq!(watch.silent(), Some(1));
        beat(0);
        beat(1);
        assert_eq!(watch.silent(), None, "it runs again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_whose_timers_are_late_is_not_silent() {
        const EVERY: Duration = Duration::from_secs(1);
        let beats = Beats::default();
        let mut watch = Watch::new([beats.clone()]);
        // Its beats pass the looks over time.
        tokio::spawn(beats.beat(EVERY / BEATS + Duration::from_millis(5)));
        for look in 0..1_000 {
            tokio::time::sleep(EVERY).await;
            assert_eq!(watch.silent(), None, "{look}");
        }
    }
}
