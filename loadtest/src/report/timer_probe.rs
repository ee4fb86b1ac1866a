//! A timer of the tester's own that only measures its delay.
//!
//! A delay of this timer is also a delay of the tester's readers: when it is late, latencies are the
//! tester's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::run::stats::Latencies;

/// Interval of the timer.
const EVERY: Duration = Duration::from_millis(10);

/// The timer.
pub struct TimerProbe {
    late: Arc<Mutex<Latencies>>,
    task: JoinHandle<()>,
}

impl TimerProbe {
    /// Starts the timer, on the runtime that the readers use.
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

    /// Takes the delays since the last call.
    pub fn take(&self) -> Latencies {
        std::mem::take(&mut self.late.lock())
    }
}

impl Drop for TimerProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}
