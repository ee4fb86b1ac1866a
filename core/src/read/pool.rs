//! The threads that read the log.
//!
//! A read may wait for the disk, so it never runs on a thread that serves sockets. Jobs wait in one bounded
//! queue; a reader has at most one job in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam::channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::error::ReadError;
use crate::log::{Log, LogError};

/// Threads that read the log.
pub const LOG_READ_THREADS: usize = 2;
/// Most reads that may wait.
pub const LOG_READS_QUEUED_MAX: usize = 65_536;

/// The reason given for a log whose storage panics while it reads.
const PANICKED: &str = "the log cannot be read (its pages do not hang together); a restart opens it anew";

type Job = Box<dyn FnOnce(&dyn Log) + Send>;

pub(crate) struct ReadPool {
    jobs: Sender<Job>,
    /// The first read that the storage did not answer: it may answer none after it.
    failed: Arc<OnceLock<String>>,
}

impl ReadPool {
    /// The threads end when the pool is dropped.
    pub fn start(log: &Arc<dyn Log>) -> std::io::Result<Self> {
        let (jobs, queue) = bounded::<Job>(LOG_READS_QUEUED_MAX);
        for n in 0..LOG_READ_THREADS {
            let (queue, log) = (queue.clone(), log.clone());
            thread::Builder::new().name(format!("millchat-read-{n}")).spawn(move || {
                for job in queue {
                    job(&*log);
                }
            })?;
        }
        Ok(Self { jobs, failed: Arc::default() })
    }

    /// Fails with the reason once the storage did not answer a read.
    pub fn ready(&self) -> Result<(), String> {
        self.failed.get().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// A pool that reads nothing: its threads would be unknown to loom.
    #[cfg(loom)]
    pub fn idle() -> Self {
        Self { jobs: bounded(0).0, failed: Arc::default() }
    }

    /// Runs a read; the answer comes by the channel.
    pub fn start_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, LogError>>, ReadError> {
        let (answer, answered) = oneshot::channel();
        let failed = self.failed.clone();
        let job: Job = Box::new(move |log| {
            // The caller may be gone.
            if !answer.is_closed() {
                // A read that panics takes its answer with it, and not the thread.
                let Ok(result) = catch_unwind(AssertUnwindSafe(|| read(log))) else {
                    let _ = failed.set(PANICKED.into());
                    return;
                };
                if let Err(LogError::Storage(why)) = &result {
                    // The first failure is the one to report.
                    let _ = failed.set(format!("the log cannot be read ({why}); a restart opens it anew"));
                }
                let _ = answer.send(result);
            }
        });
        match self.jobs.try_send(job) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_)) => Err(ReadError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(ReadError::Closed),
        }
    }

    /// Runs a read and waits for it.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, ReadError> {
        Ok(self.start_read(read)?.await.map_err(|_| ReadError::Failed)??)
    }
}
