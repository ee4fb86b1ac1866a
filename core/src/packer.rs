//! The thread that prepares the search index. It only reads: what it prepares goes along with the writer's
//! commits.

use std::sync::Weak;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};

use crate::event::Position;
use crate::shared::Shared;

/// Interval between two looks for something to prepare.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Parts of its time that it rests for each part that it works.
const RESTS_PER_WORK: u32 = 3;
/// The same while more events than [`BUSY_EVENTS_A_SECOND`] come: with 3 it took a fifth from the senders at
/// full speed of a machine of two cores.
const RESTS_PER_WORK_WHEN_BUSY: u32 = 60;
/// Events a second from which on the index gives way to senders. It catches up behind them.
const BUSY_EVENTS_A_SECOND: u128 = 2_000;
/// Longest rest, after a read for which the disk took long.
const REST_MAX: Duration = Duration::from_secs(1);
/// It works at most this long before it rests.
const WORK_MAX: Duration = Duration::from_millis(5);

/// Runs until `stop` is dropped, the chat is gone, or the log cannot be read.
pub(crate) fn start(shared: Weak<Shared>, stop: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("millchat-packer".into()).spawn(move || {
        let mut rest = LOOK_EVERY;
        let mut pace = Pace::new();
        while stop.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
            let Some(shared) = shared.upgrade() else { return };
            let started = Instant::now();
            let rests = if pace.is_busy(shared.log.head(), started) {
                RESTS_PER_WORK_WHEN_BUSY
            } else {
                RESTS_PER_WORK
            };
            rest = loop {
                match shared.log.prepare_index() {
                    Ok(true) if started.elapsed() < WORK_MAX => {}
                    Ok(true) => break (started.elapsed() * rests).min(REST_MAX),
                    Ok(false) => break LOOK_EVERY,
                    // Searches read the texts, and report what they meet.
                    Err(_) => return,
                }
            };
        }
    })
}

/// The newest event at the last look, and its time.
struct Pace(Position, Instant);

impl Pace {
    fn new() -> Self {
        Self(Position::MAX, Instant::now())
    }

    /// Returns true if events come faster than the index may take time from.
    fn is_busy(&mut self, head: Position, now: Instant) -> bool {
        let Self(before, at) = std::mem::replace(self, Self(head, now));
        let events = u128::from(head.saturating_sub(before));
        events * 1_000_000 > BUSY_EVENTS_A_SECOND * now.saturating_duration_since(at).as_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_busy_while_more_events_come_than_a_machine_does_besides() {
        let (mut pace, begun) = (Pace::new(), Instant::now());
        assert!(!pace.is_busy(1_000_000, begun), "an old log is not events that come");
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert!(!pace.is_busy(1_002_000, after(1)));
        assert!(pace.is_busy(1_004_001, after(2)));
        assert!(!pace.is_busy(1_004_001, after(3)), "and no more when they stop");
    }
}
