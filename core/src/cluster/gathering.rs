//! The moment for which a busy leader waits before it makes the next entry.
//!
//! An entry costs about the same for many messages as for one. So after one with many answers the leader waits until as
//! many have sent again, or for a moment.

use std::time::Duration;

/// An entry has many answers from this number on.
const ANSWERS_MIN: usize = 8;
/// Longest wait, from when they are given.
const WAIT_MAX: Duration = Duration::from_millis(2);

/// See the module. Holds the number of proposals for which the next entry waits, and until when: not known before the
/// answers are given.
#[derive(Debug, Default)]
pub(super) struct Gathering(Option<(usize, Option<Duration>)>);

impl Gathering {
    /// An entry of this leader was read; so many proposals are there already.
    pub fn read(&mut self, answers: usize, proposals: usize) {
        self.0 = (answers >= ANSWERS_MIN).then_some((proposals + answers, None));
    }

    /// The answers of all entries that were read are given.
    pub fn answered(&mut self, now: Duration) {
        if let Some((_, until)) = &mut self.0 {
            until.get_or_insert(now + WAIT_MAX);
        }
    }

    /// Returns the end of the wait, if it is known.
    pub fn until(&self) -> Option<Duration> {
        self.0.and_then(|(_, until)| until)
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) {
        if self.until().is_some_and(|until| now >= until) {
            self.end();
        }
    }

    /// Returns true while so many proposals are to wait for more.
    pub fn waits_with(&self, proposals: usize) -> bool {
        self.0.is_some_and(|(count, _)| proposals < count)
    }

    /// Waits for nobody any more.
    pub fn end(&mut self) {
        self.0 = None;
    }
}
