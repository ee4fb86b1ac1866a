//! The guard of a stream: says if its reader may still read, each time before events go out.

use std::sync::Arc;
use std::task::Waker;

use millchat::{RoomName, Timestamp};

use super::authority::{Allowed, Authority, Seen};
use super::denial::Denial;
use super::watch::{Place, RightsWatch};
use crate::identity::TokenError;

/// The guard of one stream.
pub struct Guard {
    allowed: Allowed,
    room: RoomName,
    place: Place,
    /// The time at which the reader's credential ends, if that is known.
    end: Option<Timestamp>,
}

impl Guard {
    /// Guards a stream of the room that was allowed by this decision.
    pub fn new(watch: &std::rc::Rc<RightsWatch>, allowed: Allowed, room: RoomName) -> Self {
        let end = watch.authority().end_of(&allowed.caller);
        Self { allowed, room, end, place: watch.place() }
    }

    /// Returns true if nothing has changed since it was decided.
    pub fn is_current(&self) -> bool {
        self.place.watch().authority().seen() == self.allowed.seen()
    }

    /// Returns the state that it was decided by, if nothing has changed since.
    pub fn seen(&self) -> Option<Seen> {
        self.is_current().then(|| self.allowed.seen())
    }

    /// Returns whoever decides.
    pub fn authority(&self) -> &Arc<Authority> {
        self.place.watch().authority()
    }

    /// Decides again.
    pub fn check(&mut self) -> Result<(), Denial> {
        let authority = self.place.watch().authority();
        self.allowed = authority.decide_again(&self.allowed, &self.room)?;
        self.end = authority.end_of(&self.allowed.caller);
        Ok(())
    }

    /// Has this task woken when something changes, and when the process is to end.
    pub fn wait(&self, waker: &Waker) {
        self.place.wait(waker);
    }

    /// Returns the time at which it is to be decided again, if there is one that is known.
    pub fn until(&self) -> Option<Timestamp> {
        [self.end, self.allowed.standing.until].into_iter().flatten().min()
    }

    /// Returns why the reader counts as nobody, if they tried to be somebody.
    pub fn nobody(&self) -> Option<TokenError> {
        self.allowed.caller.person.as_ref().err().copied().filter(|error| *error != TokenError::Missing)
    }
}
