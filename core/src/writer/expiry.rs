//! Expiry of kept values: when their rows may go.
//!
//! For readers a value expires at its moment, by the clock. Its row goes later, and only when the clock can be
//! trusted: what keeps somebody out must be there again when a clock that was ahead is set right. The rule is
//! that of [`super::retention`].

use std::time::Duration;

use crate::event::Timestamp;
use crate::log::ValuesState;
use crate::writer::retention::{ClockDoubt, Moment};

/// See the module.
#[derive(Default)]
pub(super) struct Expiry {
    clock: ClockDoubt,
}

impl Expiry {
    /// Lets rows go that may. Returns true if there are any.
    pub fn advance(&mut self, values: &ValuesState, now: Moment) -> bool {
        let overdue_ms = values.oldest_until().and_then(|oldest| now.wall.0.checked_sub(oldest.0));
        let may_go = if let Some(overdue_ms) = overdue_ms {
            self.clock.allows(now, Duration::from_millis(overdue_ms))
        } else {
            self.clock = ClockDoubt::default();
            false
        };
        values.let_expire(if may_go { now.wall } else { Timestamp(0) });
        may_go
    }
}
