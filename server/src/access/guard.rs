//! The guard of a stream: says if its reader may still read, each time before events go out.

use std::task::Waker;

use millchat::{RoomName, Timestamp};

use super::authority::{Allowed, after_leeway};
use super::denial::Denial;
use super::watch::{Place, RightsWatch};
use crate::identity::TokenError;

/// The guard of one stream.
pub struct Guard {
    allowed: Allowed,
    room: RoomName,
    place: Place,
    /// The round of the watch in which it was decided.
    round: u64,
}

impl Guard {
    /// Guards a stream of the room that was allowed by this decision.
    pub fn new(watch: &std::rc::Rc<RightsWatch>, allowed: Allowed, room: RoomName) -> Self {
        Self { allowed, room, round: watch.round(), place: watch.place() }
    }

    /// Returns true if nothing has changed since it was decided.
    pub fn is_current(&self) -> bool {
        let watch = self.place.watch();
        watch.authority().version() == self.allowed.version() && watch.round() == self.round
    }

    /// Decides anew.
    pub fn check(&mut self) -> Result<(), Denial> {
        let watch = self.place.watch();
        self.round = watch.round();
        self.allowed = watch.authority().decide_again(&self.allowed, &self.room)?;
        Ok(())
    }

    /// Has this task woken when something changes.
    pub fn wait(&self, waker: &Waker) {
        self.place.wait(waker);
    }

    /// Returns the time at which it is to be decided anew, if there is one that is known.
    pub fn until(&self) -> Option<Timestamp> {
        let person = self.allowed.caller.person.as_ref().ok();
        let token = person.and_then(|person| person.expires_at);
        [token.map(after_leeway), self.allowed.standing.until].into_iter().flatten().min()
    }

    /// Returns why the reader counts as nobody, if they tried to be somebody.
    pub fn nobody(&self) -> Option<TokenError> {
        self.allowed.caller.person.as_ref().err().copied().filter(|error| *error != TokenError::Missing)
    }
}
