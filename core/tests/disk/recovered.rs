//! A log that is opened from what a disk has left, held against what was acknowledged.

use std::collections::{BTreeMap, HashSet};

use millchat::log::{Log, READ_EVENTS_MAX};
use millchat::{Position, RetentionPolicy, RoomName, Timestamp, testing};
use millchat_oracle::{EventKind, Observed, Oracle, ReactionDigest, RecoveredLog, digest};

use crate::storage::Backend;

/// So little that the floor moves with almost every commit.
pub const KEEP: RetentionPolicy = RetentionPolicy { age: None, bytes: Some(60_000) };

pub const ROOMS: [&str; 3] = ["one", "two", "three"];

/// Reads a room from its floor to its head, as a reader of the log would.
pub fn recover(log: &dyn Log, room: &RoomName) -> RecoveredLog {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let chain = log.read_after(room, after).expect("the log reads");
        assert!(chain.events.len() <= READ_EVENTS_MAX);
        let Some(last) = chain.events.last() else {
            let (room, floor, head) = (room.clone(), chain.floor, chain.head);
            return RecoveredLog { room, floor, head, events };
        };
        after = last.position;
        events.extend(chain.events.iter().map(|event| Observed::from(&**event)));
    }
}

/// Acknowledged sends, beside the events themselves.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    /// Messages that were deleted: their text must be gone.
    pub withheld: Vec<Position>,
    /// Purged rooms and the positions of the purges: all text before must be gone.
    pub emptied: Vec<(RoomName, Position)>,
    /// Authors who were banned.
    pub bans: Vec<String>,
    /// For each key the texts that its value may have: the acknowledged one, and that of a change that was
    /// not answered yet. `None` is no value.
    pub values: BTreeMap<String, Vec<Option<String>>>,
}

impl Acknowledged {
    /// Returns the faults of a log, measured by it.
    fn broken_by(&self, log: &dyn Log, rooms: &[RecoveredLog]) -> Vec<String> {
        let mut wrong = Vec::new();
        for position in self.withheld.iter().filter(|position| **position >= log.floor()) {
            let event = log.record(*position).unwrap().and_then(|record| record.event);
            if event.is_none_or(|event| Observed::from(&*event).event.content.is_some()) {
                wrong.push(format!("the delete of {position} was acknowledged and its text is there"));
            }
        }
        for observed in rooms.iter().flat_map(|room| &room.events) {
            if let EventKind::Edit(target) = observed.event.kind
                && self.withheld.contains(&target)
                && observed.event.content.is_some()
            {
                wrong.push(format!(
                    "the delete of {target} was acknowledged and its edit {} has text",
                    observed.position
                ));
            }
        }
        for (room, emptied) in &self.emptied {
            let recovered = rooms.iter().filter(|recovered| recovered.room == *room);
            for observed in recovered.flat_map(|recovered| &recovered.events) {
                if observed.position < *emptied && observed.event.content.is_some() {
                    wrong.push(format!("{emptied} emptied {room}, and {} has its text", observed.position));
                }
            }
        }
        for author in self.bans.iter().filter(|author| !log.moderation().is_banned(author)) {
            wrong.push(format!("the ban of {author} was acknowledged and does not stand"));
        }
        for (key, texts) in &self.values {
            let there = log.values().get(key, Timestamp::now).map(|value| value.text.to_string());
            if !texts.contains(&there) {
                wrong.push(format!("the value {key} is {there:?}, and may be {texts:?}"));
            }
        }
        wrong.extend(secrets_left(log));
        for RecoveredLog { room, events, .. } in rooms {
            let mut acts = events.iter().rev().map(|observed| observed.event.kind);
            let closed = acts
                .find(|kind| matches!(kind, EventKind::Close | EventKind::Open))
                .map(|kind| kind == EventKind::Close);
            if closed.is_some_and(|closed| closed != log.moderation().is_closed(room)) {
                wrong.push(format!("{room} is closed by its table or by its events, and not by both"));
            }
        }
        wrong.extend(rooms.iter().flat_map(|room| reactions_differ(log, room)));
        wrong.extend(rooms.iter().flat_map(|room| counts_differ(log, room)));
        wrong
    }
}

/// The records that have the text of a secret value which is not in force.
fn secrets_left(log: &dyn Log) -> Vec<String> {
    let (mut wrong, mut next) = (Vec::new(), log.floor());
    loop {
        let records = log.scan(next).expect("the log reads");
        let Some(last) = records.last() else { return wrong };
        next = last.position + 1;
        for record in records {
            let Some(value) = record.value.filter(|value| value.is_secret() && value.text.is_some()) else {
                continue;
            };
            let in_force = log.values().get(&value.key, Timestamp::now);
            if in_force.is_none_or(|value| value.position != record.position) {
                wrong.push(format!(
                    "{} has the text of {}, which is not in force",
                    record.position, value.key
                ));
            }
        }
    }
}

/// The messages of which the reactions that stand are not those that the room's events leave.
fn reactions_differ(log: &dyn Log, room: &RecoveredLog) -> Vec<String> {
    let mut there: HashSet<(Position, ReactionDigest)> = HashSet::new();
    for observed in &room.events {
        match observed.event.kind {
            EventKind::React(target, reaction, true) => {
                there.insert((target, ReactionDigest(reaction, observed.event.author)));
            }
            EventKind::React(target, reaction, false) => {
                there.remove(&(target, ReactionDigest(reaction, observed.event.author)));
            }
            _ => {}
        }
    }
    let has_text =
        |observed: &&Observed| observed.event.kind == EventKind::Message && observed.event.content.is_some();
    let differs = |message: &&Observed| {
        let stand = log.reactions(message.position).expect("the log reads").into_iter();
        let stand = stand.map(|it| (message.position, ReactionDigest(it.reaction, digest(&it.author.id))));
        let left = there.iter().filter(|(target, _)| *target == message.position).copied();
        stand.collect::<HashSet<_>>() != left.collect()
    };
    let wrong = room.events.iter().filter(has_text).filter(differs);
    wrong
        .map(|message| format!("the reactions to {} are not those of its events", message.position))
        .collect()
}

/// The messages of which the stored counts are not those of the rows and of the room's events.
fn counts_differ(log: &dyn Log, room: &RecoveredLog) -> Vec<String> {
    let has_text =
        |observed: &&Observed| observed.event.kind == EventKind::Message && observed.event.content.is_some();
    let differs = |message: &&Observed| {
        let counts = log.counts(message.position).expect("the log reads");
        let is_edit = |event: &&Observed| event.event.kind == EventKind::Edit(message.position);
        let edits = room.events.iter().filter(is_edit).count();
        let reactions = log.reactions(message.position).expect("the log reads").len();
        (counts.edits, counts.all_reactions()) != (edits, reactions)
    };
    let wrong = room.events.iter().filter(has_text).filter(differs);
    wrong.map(|message| format!("the counts of {} are not those of its events", message.position)).collect()
}

/// A look at a log.
#[derive(Debug, Default)]
pub struct Inspected {
    /// The faults.
    pub wrong: Vec<String>,
    /// Text was still to be erased.
    pub is_erasing: bool,
}

/// Opens what a power loss left and returns what is wrong with it.
pub fn inspect(image: Vec<u8>, oracle: &Oracle, acknowledged: &Acknowledged) -> Inspected {
    let log = match testing::open_log(Backend::of(image)) {
        Ok(log) => log,
        Err(error) => {
            return Inspected { wrong: vec![format!("it does not open: {error}")], is_erasing: false };
        }
    };
    let is_erasing = log.moderation().counts().is_erasing();
    let rooms: Vec<_> = ROOMS.iter().map(|room| recover(&*log, &RoomName::new(room).unwrap())).collect();
    let mut wrong: Vec<String> = oracle.check(&rooms).iter().map(ToString::to_string).collect();
    wrong.extend(acknowledged.broken_by(&*log, &rooms));
    // What was being erased comes to its end.
    while log.moderation().counts().is_erasing() {
        log.commit(&[], 0).expect("the log takes a step");
    }
    if !acknowledged.emptied.is_empty() || !acknowledged.withheld.is_empty() {
        let rooms: Vec<_> = rooms.iter().map(|room| recover(&*log, &room.room)).collect();
        wrong.extend(acknowledged.broken_by(&*log, &rooms));
    }
    let records =
        (log.floor()..=log.head()).map(|position| log.record(position).unwrap().map_or(0, |it| it.bytes));
    let bytes: u64 = records.sum();
    if bytes != log.live_bytes() {
        wrong.push(format!("the records take {bytes} bytes, the log says {}", log.live_bytes()));
    }
    Inspected { wrong, is_erasing }
}
