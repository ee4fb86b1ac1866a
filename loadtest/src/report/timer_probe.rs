//! A clock of the tester's own, which does nothing but notice how late it is.
//!
//! What delays it delays the tester's readers as much: when it is late, latencies are the tester's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::run::stats::Latencies;

/// How often it ticks.
const EVERY: Duration = Duration::from_millis(10);

/// The clock.
pub struct Ticker {
    late: Arc<Mutex<Latencies>>,
    task: JoinHandle<()>,
}

impl Ticker {
    /// Begins to tick, on the runtime that the readers are on.
    pub fn start() -> Self {
        let late = Arc::new(Mutex::new(Latencies::default()));
        let writes = Arc::clone(&late);
        let task = tokio::spawn(async move {
            loop {
                let due = Instant::now() + EVERY;
                tokio::time::sleep_until(due.into()).await;
                writes.lock().record(due.elapsed());
            }
        });
        Self { late, task }
    }

    /// How late it was since the last time it was asked.
    pub fn take(&self) -> Latencies {
        std::mem::take(&mut self.late.lock())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.task.abort();
    }
}
