//! The authority: decides by the rules that apply now, and knows when a decision may have become another.
//!
//! What people keep in the log (roles, bans, revocations) has a version, which rises before anything that was
//! committed later is published or acknowledged; the rules and the admin token have a count of their changes. A
//! decision remembers both from before it was made, in [`Seen`]: while they are the same, the decision stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use millchat::{Chat, RoomName, Timestamp};

use super::decide::{self, Caller, Standing};
use super::denial::Denial;
use super::rules::Rules;
use super::settings::{Creator, Guests, NewRooms, Policy, RoomSettings};
use super::table::Action;
use crate::identity::operator::AdminToken;
use crate::identity::{Identity, Person, TokenError, Via};

/// Time that a decision stands after the end of the token by which it was made: a client that has a new token
/// changes over without a gap, and clocks differ.
const LEEWAY_MS: u64 = 60_000;

/// The reason why whoever had the admin token no longer does.
const REPLACED: TokenError = TokenError::Revoked("the server has another admin token now");

/// Returns the time from which nothing is decided any more by a person's token. The end of a site's token has its
/// leeway already.
fn end_of(person: &Person) -> Option<Timestamp> {
    let leeway = if matches!(person.via, Via::Site(_)) { 0 } else { LEEWAY_MS };
    person.expires_at.map(|end| Timestamp(end.0.saturating_add(leeway)))
}

/// Decides who may do what.
pub struct Authority {
    chat: Chat,
    identity: Arc<Identity>,
    rules: ArcSwap<Rules>,
    /// The operator's secret, if there is one. A reload stores another.
    admin_token: ArcSwapOption<AdminToken>,
    /// The number of times that other rules or another admin token were set. Release in [`Authority::set_rules`]
    /// and [`Authority::set_admin_token`] pairs with acquire in [`Authority::seen`].
    changes: AtomicU64,
}

/// The state of all that decisions are made by, as it was seen at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The version of what is kept.
    version: u64,
    /// The number of changes of the rules and of the admin token.
    changes: u64,
}

/// A decision that somebody may do something in a room.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The person who asked.
    pub caller: Caller,
    /// Their standing in the room.
    pub standing: Standing,
    /// The right that they asked for.
    action: Action,
    /// The state from before the decision.
    seen: Seen,
}

impl Allowed {
    /// A decision about no room: nothing is asked, and nobody is known.
    pub fn anything() -> Self {
        let standing = Standing { role: None, is_banned: false, until: None };
        let caller = Caller::nobody(TokenError::Missing);
        Self { caller, standing, action: Action::Anything, seen: Seen::default() }
    }

    /// The same for somebody who is known.
    pub fn outside(caller: Caller, action: Action) -> Self {
        Self { caller, action, ..Self::anything() }
    }

    /// Returns the right that they asked for.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns the state from before the decision.
    pub fn seen(&self) -> Seen {
        self.seen
    }
}

impl Authority {
    /// Decides by these rules, and by what the chat keeps.
    pub fn new(chat: Chat, identity: Arc<Identity>, rules: Rules) -> Self {
        let rules = ArcSwap::from_pointee(rules);
        Self { chat, identity, rules, admin_token: ArcSwapOption::empty(), changes: AtomicU64::new(0) }
    }

    /// Returns the chat by whose values is decided.
    pub fn chat(&self) -> &Chat {
        &self.chat
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

    /// Returns the operator's secret, if there is one.
    pub fn admin_token(&self) -> Option<Arc<AdminToken>> {
        self.admin_token.load_full()
    }

    /// Lets another secret be the operator's. Whoever had the one before is nobody from now on.
    pub fn set_admin_token(&self, token: Option<AdminToken>) {
        if self.admin_token().as_deref() != token.as_ref() {
            self.admin_token.store(token.map(Arc::new));
            self.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// Returns the state of all that decisions are made by: two loads of atomics.
    pub fn seen(&self) -> Seen {
        Seen { version: self.chat.values_version(), changes: self.changes.load(Ordering::Acquire) }
    }

    /// Decides if somebody may do something in a room.
    pub fn decide(
        &self,
        caller: Caller,
        room: &RoomName,
        action: Action,
    ) -> Result<Allowed, (Caller, Denial)> {
        // Before all that is looked at. Also the credential: it was looked at before this.
        let seen = self.seen();
        if let Err(error) = self.hold(&caller) {
            return Err((caller, Denial::Nobody(error)));
        }
        match decide::decide(&self.rules.load(), &self.chat, &caller, room, action) {
            Ok(standing) => Ok(Allowed { caller, standing, action, seen }),
            Err(denial) => Err((caller, denial)),
        }
    }

    /// Decides if somebody may do something that is about no room, as things are now. Whoever reads a body asks
    /// behind it, too.
    pub fn decide_outside(&self, caller: &Caller, action: Action) -> Result<(), Denial> {
        self.hold(caller).map_err(Denial::Nobody)?;
        decide::decide_outside(&self.rules.load(), caller, action)
    }

    /// Refuses what was allowed outside of rooms, if it no longer is.
    pub fn confirm_outside(&self, allowed: &Allowed) -> Result<(), Denial> {
        self.decide_outside(&allowed.caller, allowed.action)
    }

    /// Refuses somebody whose credential is no longer good.
    pub fn confirm_person(&self, person: &Person) -> Result<(), Denial> {
        self.hold_person(person, Timestamp::now()).map_err(Denial::Nobody)
    }

    /// Decides again, by what there is now.
    pub fn decide_again(&self, allowed: &Allowed, room: &RoomName) -> Result<Allowed, Denial> {
        self.decide(allowed.caller.clone(), room, allowed.action).map_err(|(_, denial)| denial)
    }

    /// Fails if the credential of somebody is no longer good.
    fn hold(&self, caller: &Caller) -> Result<(), TokenError> {
        match (&caller.admin, &caller.person) {
            (Some(token), _) if self.admin_token().as_ref() != Some(token) => Err(REPLACED),
            (None, Ok(person)) => self.hold_person(person, Timestamp::now()),
            _ => Ok(()),
        }
    }

    fn hold_person(&self, person: &Person, now: Timestamp) -> Result<(), TokenError> {
        if end_of(person).is_some_and(|end| end <= now) {
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

    /// Refuses what was allowed, if it no longer is: for somebody who took their time to send the rest. Returns what
    /// they are now.
    pub fn confirm(&self, allowed: &Allowed, room: &RoomName) -> Result<Standing, Denial> {
        let is_current = self.seen() == allowed.seen;
        if is_current { Ok(allowed.standing) } else { Ok(self.decide_again(allowed, room)?.standing) }
    }

    /// Refuses an action in a room to somebody who was allowed it, by the right that they asked for or by one
    /// above, if they no longer may.
    pub fn still_allows(&self, allowed: &Allowed, room: &RoomName, action: Action) -> Result<(), Denial> {
        if matches!(allowed.action, Action::Operate | Action::Keys) {
            // By a route of the operator, where no room is asked for rights.
            return self.confirm_outside(allowed);
        }
        decide::refuse(self.confirm(allowed, room)?, action)
    }

    /// Returns the time at which the credential of somebody ends as far as is known, if it does.
    pub fn end_of(&self, caller: &Caller) -> Option<Timestamp> {
        let person = caller.person.as_ref().ok().filter(|_| caller.admin.is_none())?;
        let void_from = person.void_from(&self.identity);
        // In its leeway it is held against all but its end.
        let void_from = void_from.filter(|void| person.expires_at.is_none_or(|end| *void < end));
        [end_of(person), void_from].into_iter().flatten().min()
    }

    /// Returns what somebody is in a room, where that decides nothing by itself.
    pub fn standing(&self, caller: &Caller, room: &RoomName) -> Standing {
        decide::standing(&self.rules.load(), &self.chat, caller, room)
    }

    /// Returns true if the first event of a room is not like any other: not everybody may write it who may write
    /// others, or whoever writes it owns the room.
    pub fn watches_beginning(&self, room: &RoomName) -> bool {
        let rules = self.rules.load();
        let is_limited = rules.new_rooms != NewRooms::Anyone && rules.of(room).policy != Policy::Visitor;
        is_limited || self.has_creator(room)
    }

    /// Returns true if whoever writes the first event of a room owns it.
    pub fn has_creator(&self, room: &RoomName) -> bool {
        self.rules.load().of(room).creator == Creator::Owner
    }

    /// Refuses the first event of a room to somebody who stands so and may write no such. Returns true if they own
    /// the room by it.
    pub fn may_begin(&self, caller: &Caller, standing: Standing, room: &RoomName) -> Result<bool, Denial> {
        let rules = self.rules.load();
        decide::may_begin(rules.new_rooms, caller, standing.role)?;
        Ok(decide::owns_beginning(&rules, caller, room))
    }

    /// Returns a room that would be this person's alone if they began it, with these letters in its name. `None`: the
    /// settings have no such rooms, or not for them.
    pub fn private_room(&self, caller: &Caller, letters: &str) -> Option<(RoomName, Allowed)> {
        let rules = self.rules.load();
        let is_private = |of: &RoomSettings| of.creator == Creator::Owner && of.guests() == Guests::None;
        let tables = rules.tables.iter().filter(|table| is_private(table));
        let mut names = tables.filter_map(|table| table.name.filled(letters));
        names.find_map(|room| {
            let allowed = self.decide(caller.clone(), &room, Action::Post).ok()?;
            let owns = self.may_begin(caller, allowed.standing, &room).is_ok_and(|owns| owns);
            (owns && is_private(rules.of(&room))).then_some((room, allowed))
        })
    }
}
