//! The authority: decides by the rules that apply now, and knows when a decision may have become another.
//!
//! What people keep in the log (roles, bans, revocations) has a version, which rises before anything that was
//! committed later is published or acknowledged. A decision remembers the version that was there before it was
//! made: while it is the same, the decision stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use millchat::{Chat, RoomName, Timestamp};

use super::decide::{self, Caller, Standing};
use super::denial::Denial;
use super::rules::Rules;
use super::settings::NewRooms;
use super::table::Action;
use crate::identity::{Identity, Person, TokenError};

/// Time that a decision stands after the end of the token by which it was made: a client that has a new token
/// changes over without a gap, and clocks differ.
const LEEWAY_MS: u64 = 60_000;

/// Returns the time from which nothing is decided any more by a token that ends at this time.
pub fn after_leeway(end: Timestamp) -> Timestamp {
    Timestamp(end.0.saturating_add(LEEWAY_MS))
}

/// Decides who may do what.
pub struct Authority {
    chat: Chat,
    identity: Arc<Identity>,
    rules: ArcSwap<Rules>,
    /// The number of times that other rules were set. Release in [`Authority::set_rules`] pairs with acquire in
    /// [`Authority::decide`] and [`Authority::confirm`].
    changes: AtomicU64,
}

/// A decision that somebody may do something in a room.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Who it is.
    pub caller: Caller,
    /// What they are in the room.
    pub standing: Standing,
    /// The right that they asked for.
    action: Action,
    /// The version of what is kept, from before the decision.
    version: u64,
    /// The number of changes of the rules, from before the decision.
    changes: u64,
}

impl Allowed {
    /// A decision about no room: nothing is asked, and nobody is known.
    pub fn anything() -> Self {
        let standing = Standing { role: None, is_banned: false, until: None };
        let caller = Caller::nobody(TokenError::Missing);
        Self { caller, standing, action: Action::Anything, version: 0, changes: 0 }
    }

    /// The same for somebody who is known.
    pub fn outside(caller: Caller, action: Action) -> Self {
        Self { caller, action, ..Self::anything() }
    }

    /// Returns the right that they asked for.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns the version from before the decision.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl Authority {
    /// Decides by these rules, and by what the chat keeps.
    pub fn new(chat: Chat, identity: Arc<Identity>, rules: Rules) -> Self {
        Self { chat, identity, rules: ArcSwap::from_pointee(rules), changes: AtomicU64::new(0) }
    }

    /// Returns the rules that apply now.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Lets other rules apply. Streams notice them within moments.
    pub fn set_rules(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Returns the version of what is kept: one load of one atomic.
    pub fn version(&self) -> u64 {
        self.chat.values_version()
    }

    /// Decides if somebody may do something in a room.
    pub fn decide(
        &self,
        caller: Caller,
        room: &RoomName,
        action: Action,
    ) -> Result<Allowed, (Caller, Denial)> {
        // Before all that is looked at.
        let (version, changes) = (self.version(), self.changes.load(Ordering::Acquire));
        match decide::decide(&self.rules.load(), &self.chat, &caller, room, action) {
            Ok(standing) => Ok(Allowed { caller, standing, action, version, changes }),
            Err(denial) => Err((caller, denial)),
        }
    }

    /// Decides if somebody may do something that is about no room.
    pub fn decide_outside(&self, caller: &Caller, action: Action) -> Result<(), Denial> {
        decide::decide_outside(&self.rules.load(), caller, action)
    }

    /// Decides anew, by what there is now.
    pub fn decide_again(&self, allowed: &Allowed, room: &RoomName) -> Result<Allowed, Denial> {
        if let Ok(person) = &allowed.caller.person {
            self.hold(person, Timestamp::now()).map_err(Denial::Nobody)?;
        }
        self.decide(allowed.caller.clone(), room, allowed.action).map_err(|(_, denial)| denial)
    }

    /// Fails if a credential is no longer good at this time.
    fn hold(&self, person: &Person, now: Timestamp) -> Result<(), TokenError> {
        if person.expires_at.is_some_and(|end| after_leeway(end) <= now) {
            return Err(TokenError::OLD);
        }
        // In its leeway it is held against all but its end.
        let at = person.expires_at.map_or(now, |end| now.min(Timestamp(end.0.saturating_sub(1))));
        if person.is_in_force(&self.identity, at) {
            Ok(())
        } else {
            Err(TokenError::Revoked("it is no longer good"))
        }
    }

    /// Refuses what was allowed, if it no longer is: for somebody who took their time to send the rest.
    pub fn confirm(&self, allowed: &Allowed, room: &RoomName) -> Result<(), Denial> {
        let is_current =
            self.version() == allowed.version && self.changes.load(Ordering::Acquire) == allowed.changes;
        if is_current { Ok(()) } else { self.decide_again(allowed, room).map(drop) }
    }

    /// Returns what somebody is in a room, where that decides nothing by itself.
    pub fn standing(&self, caller: &Caller, room: &RoomName) -> Standing {
        decide::standing(&self.rules.load(), &self.chat, caller, room)
    }

    /// Returns true if not everybody who may write in a room may write its first event.
    pub fn limits_beginnings(&self) -> bool {
        self.rules.load().new_rooms != NewRooms::Anyone
    }

    /// Refuses the first event of a room to somebody who may write no such.
    pub fn may_begin(&self, allowed: &Allowed) -> Result<(), Denial> {
        decide::may_begin(self.rules.load().new_rooms, &allowed.caller, allowed.standing.role)
    }
}
