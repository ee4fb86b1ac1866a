//! What a message of the tester says: which run it belongs to, its number, and when it was due.
//!
//! The time travels in the message, so that whoever receives it can tell the latency without a table of
//! what was sent. It counts from the run's origin, on the clock of this process, which sends and receives.

use std::time::{Duration, Instant};

/// The stamp of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// A random number of the run, so that messages of an earlier run in the same room are not measured.
    pub run: u32,
    /// Counts the run's messages.
    pub sequence: u64,
    /// When the message was due, since the run's origin.
    pub due: Duration,
}

impl Stamp {
    /// The content of the message: the stamp, filled up to `size` bytes.
    pub fn write(self, size: usize) -> String {
        let mut content = format!("load {:08x} {} {} ", self.run, self.sequence, self.due.as_nanos());
        while content.len() < size {
            content.push('.');
        }
        content
    }

    /// Reads the stamp of a message; `None` when the tester did not write it.
    pub fn read(content: &str) -> Option<Self> {
        let mut words = content.split(' ');
        if words.next() != Some("load") {
            return None;
        }
        let run = u32::from_str_radix(words.next()?, 16).ok()?;
        let sequence = words.next()?.parse().ok()?;
        let due = Duration::from_nanos(words.next()?.parse().ok()?);
        Some(Self { run, sequence, due })
    }
}

/// The clock of a run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// When the run began.
    pub origin: Instant,
}

impl Clock {
    /// The instant that lies so far after the origin.
    pub fn at(self, since: Duration) -> Instant {
        self.origin + since
    }

    /// How far after the origin an instant lies.
    pub fn since(self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_from_a_message_of_the_asked_size() {
        let stamp = Stamp { run: 7, sequence: 42, due: Duration::from_nanos(123_456_789_012) };
        let content = stamp.write(200);
        assert_eq!(content.len(), 200);
        assert_eq!(Stamp::read(&content), Some(stamp));
        assert_eq!(Stamp::read("load of nonsense"), None);
        assert_eq!(Stamp::read("hello"), None);
    }
}
