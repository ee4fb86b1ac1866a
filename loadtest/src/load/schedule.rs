//! The schedule of the messages: a thread that does nothing else.
//!
//! It is a thread of its own because the runtime's timers have a resolution of a millisecond, and because a
//! busy runtime would be late itself. The delay with which a message still leaves is measured, and reported
//! as the tester's.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

/// Messages of one sender that are due and not yet taken. Beyond that the schedule waits; the latency of a
/// message still counts from its due time.
pub const DUE_MAX: usize = 65_536;

/// A message that is due.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    /// The number of the message in the run.
    pub sequence: u64,
    /// The time at which it is due.
    pub due: Instant,
}

/// Starts the schedule: `rate` messages a second, from `first` on for `duration`, handed to the senders in
/// turn. The channels close after the last message.
pub fn start(senders: Vec<Sender<Ticket>>, first: Instant, duration: Duration, rate: f64) {
    thread::spawn(move || {
        for (sequence, sender) in (0..).zip(senders.iter().cycle()) {
            let after = Duration::from_secs_f64(sequence as f64 / rate);
            if after >= duration {
                return;
            }
            let due = first + after;
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait);
            }
            if sender.blocking_send(Ticket { sequence, due }).is_err() {
                // The senders are gone: the run was stopped.
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::channel;

    #[test]
    fn the_schedule_is_whole_and_shared_in_turn() {
        let (senders, mut receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| channel(DUE_MAX)).unzip();
        let first = Instant::now();
        start(senders, first, Duration::from_millis(10), 1000.0);
        let mut all = Vec::new();
        for (index, receiver) in receivers.iter_mut().enumerate() {
            while let Some(ticket) = receiver.blocking_recv() {
                assert_eq!(ticket.sequence % 3, index as u64);
                assert_eq!(ticket.due, first + Duration::from_secs_f64(ticket.sequence as f64 / 1000.0));
                all.push(ticket.sequence);
            }
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}
