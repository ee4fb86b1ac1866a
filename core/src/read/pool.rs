//! The threads that read the log.
//!
//! A read may wait for the disk, so it never runs on a thread that serves sockets. Reads wait in one bounded
//! queue, which is served by turns (see [`crate::read::fair_queue`]). There are as many threads as cores.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::error::ReadError;
use crate::log::{Log, LogError};
use crate::read::fair_queue::{FairQueue, Lane};

/// Fewest threads that read the log: one long page does not stop all reads.
pub const LOG_READ_THREADS_MIN: usize = 2;
/// Most threads that read the log.
pub const LOG_READ_THREADS_MAX: usize = 64;

/// The reason given for a log whose storage panics while it reads.
const PANICKED: &str = "the log cannot be read (its pages do not hang together); a restart opens it again";

/// A read: of the log, or else it is told why not.
type Job = Box<dyn FnOnce(Result<&dyn Log, ReadError>) + Send>;

pub(crate) struct ReadPool {
    queue: Arc<Queue>,
    /// The first read that the storage did not answer: it may answer none after it.
    failed: Arc<OnceLock<String>>,
}

struct Queue {
    /// Held to put a job in or to take one out.
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: FairQueue<Job>,
    is_closed: bool,
}

/// The one who waits for a read.
pub(crate) trait Answer<T>: Send + 'static {
    /// Returns false if nobody waits any more.
    fn is_wanted(&mut self) -> bool;
    fn give(self, result: Result<T, ReadError>);
}

impl<T: Send + 'static> Answer<T> for oneshot::Sender<Result<T, ReadError>> {
    fn is_wanted(&mut self) -> bool {
        !self.is_closed()
    }

    fn give(self, result: Result<T, ReadError>) {
        let _ = self.send(result);
    }
}

impl ReadPool {
    /// The threads end when the pool is dropped.
    pub fn start(log: &Arc<dyn Log>) -> std::io::Result<Self> {
        let pool = Self::new(false);
        let cores = thread::available_parallelism().map_or(LOG_READ_THREADS_MIN, NonZero::get);
        for n in 0..cores.clamp(LOG_READ_THREADS_MIN, LOG_READ_THREADS_MAX) {
            let (queue, log) = (pool.queue.clone(), log.clone());
            thread::Builder::new().name(format!("millchat-read-{n}")).spawn(move || {
                while let Some(job) = queue.next() {
                    job(Ok(&*log));
                }
            })?;
        }
        Ok(pool)
    }

    /// A pool that reads nothing: its threads would be unknown to loom.
    #[cfg(loom)]
    pub fn idle() -> Self {
        Self::new(true)
    }

    fn new(is_closed: bool) -> Self {
        let state = State { jobs: FairQueue::new(), is_closed };
        let queue = Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() });
        Self { queue, failed: Arc::default() }
    }

    /// Fails with the reason once the storage did not answer a read.
    pub fn ready(&self) -> Result<(), String> {
        self.failed.get().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Runs a read for a client, when it is its turn.
    pub fn start_read<T>(
        &self,
        (lane, client): (Lane, u64),
        mut answer: impl Answer<T>,
        read: impl FnOnce(&dyn Log) -> Result<T, LogError> + Send + 'static,
    ) {
        let failed = self.failed.clone();
        let job: Job = Box::new(move |log| {
            let log = match log {
                Ok(log) => log,
                Err(error) => return answer.give(Err(error)),
            };
            // The caller may be gone.
            if answer.is_wanted() {
                // A read that panics takes its answer with it, and not the thread.
                let Ok(result) = catch_unwind(AssertUnwindSafe(|| read(log))) else {
                    let _ = failed.set(PANICKED.into());
                    return;
                };
                if let Err(LogError::Storage(why)) = &result {
                    // The first failure is the one to report.
                    let _ = failed.set(format!("the log cannot be read ({why}); a restart opens it again"));
                }
                answer.give(result.map_err(ReadError::from));
            }
        });
        if let Err((job, error)) = self.queue.push(lane, client, job) {
            job(Err(error));
        }
    }

    /// Runs a read for a client and waits for it.
    pub async fn read<T: Send + 'static>(
        &self,
        turn: (Lane, u64),
        read: impl FnOnce(&dyn Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (answer, answered) = oneshot::channel();
        self.start_read(turn, answer, read);
        answered.await.map_err(|_| ReadError::Failed)?
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        self.queue.state.lock().is_closed = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn push(&self, lane: Lane, client: u64, job: Job) -> Result<(), (Job, ReadError)> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err((job, ReadError::Closed));
        }
        state.jobs.push(lane, client, job).map_err(|job| (job, ReadError::Busy))?;
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for a job; `None` when there are no more.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop() {
                return Some(job);
            } else if state.is_closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }
}
