//! The stamp in each message of the tester: its run, its numbers, and the time at which it was due.
//!
//! The time travels in the message, so a receiver can compute the latency without a table of what was sent.
//! It counts from the run's origin, on the clock of this process, which sends and receives. The ordered
//! stream and the number within it show loss, duplicates and wrong order in any chat that shows its messages,
//! in any wrapping: a stamp has only letters, digits and hyphens, which JSON, HTML, forms and URLs all leave
//! unchanged.

use std::time::{Duration, Instant};

use memchr::memmem;

/// The beginning of a stamp.
const MARK: &[u8] = b"load-";
/// Size of a message that can hold any stamp, in bytes.
pub const STAMP_BYTES_MAX: u64 = 80;

/// The stamp of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// A random number of the run, so that messages of an earlier run in the same room are not measured.
    pub run: u32,
    /// The number of the message in the run.
    pub sequence: u64,
    /// The time at which the message was due, since the run's origin.
    pub due: Duration,
    /// The ordered stream of its room on which it was sent.
    pub stream: u32,
    /// The number of the message in its ordered stream.
    pub number: u64,
}

impl Stamp {
    /// Returns the content of the message: the stamp, padded to `size` bytes.
    pub fn write(self, size: usize) -> String {
        let Self { run, sequence, due, stream, number } = self;
        let mut content = format!("load-{run:08x}-{sequence}-{}-{stream}-{number}-", due.as_nanos());
        while content.len() < size {
            content.push('x');
        }
        content
    }

    /// Reads the stamp that `content` begins with; `None` when the tester did not write it.
    pub fn read(content: &[u8]) -> Option<Self> {
        let mut words = content.strip_prefix(MARK)?.split(|&byte| byte == b'-');
        let mut word = || std::str::from_utf8(words.next()?).ok();
        let run = u32::from_str_radix(word()?, 16).ok()?;
        let sequence = word()?.parse().ok()?;
        let due = Duration::from_nanos(word()?.parse().ok()?);
        let stream = word()?.parse().ok()?;
        let number = word()?.parse().ok()?;
        // The text after the last hyphen is padding; without the hyphen the number may be cut.
        words.next()?;
        Some(Self { run, sequence, due, stream, number })
    }

    /// Finds all stamps of a run anywhere in `text`, each once: a page may show a message in two places.
    pub fn find(text: &[u8], run: u32) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for at in memmem::find_iter(text, MARK) {
            let stamp = Self::read(&text[at..]).filter(|stamp| stamp.run == run);
            found.extend(stamp.filter(|stamp| !found.contains(stamp)));
        }
        found
    }
}

/// The clock of a run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The instant at which the run began.
    pub origin: Instant,
}

impl Clock {
    /// Returns the instant that is this long after the origin.
    pub fn at(self, since: Duration) -> Instant {
        self.origin + since
    }

    /// Returns the time between the origin and an instant.
    pub fn since(self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(number: u64) -> Stamp {
        Stamp { run: 7, sequence: 42, due: Duration::from_nanos(123_456_789_012), stream: 3, number }
    }

    #[test]
    fn a_stamp_reads_back_from_a_message_of_the_asked_size() {
        let content = stamp(9).write(200);
        assert_eq!(content.len(), 200);
        assert_eq!(Stamp::read(content.as_bytes()), Some(stamp(9)));
        assert_eq!(Stamp::read(b"load-of-nonsense"), None);
        assert_eq!(Stamp::read(b"hello"), None);
        let longest =
            Stamp { run: u32::MAX, sequence: u64::MAX >> 14, stream: 65_535, ..stamp(u64::MAX >> 14) };
        assert!(longest.write(0).len() as u64 <= STAMP_BYTES_MAX);
    }

    #[test]
    fn stamps_are_found_wherever_they_stand_and_each_once() {
        let (first, second) = (stamp(1).write(80), stamp(2).write(80));
        let page = format!("data: <p title=\"{first}\">{first}</p><p>{second}</p>load-ffffffff-1-1-1-1-");
        assert_eq!(Stamp::find(page.as_bytes(), 7), [stamp(1), stamp(2)]);
        assert_eq!(Stamp::find(&page.as_bytes()[..40], 7), []);
    }
}
