//! The check of all observations against the recovered log. The root of the crate numbers the promises.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use millchat::{Position, RoomName};

use crate::observations::{Observations, PageRecord};
use crate::observed::{
    EventDigest, EventKind, HistoryEntry, Observed, ReactionDigest, RecoveredLog, content_digest,
};
use crate::reader::{Piece, ReaderRecord};
use crate::sender::{Outcome, SenderRecord};
use crate::violation::{Rule, Violation};

/// Most violations that are listed; the rest is counted.
const VIOLATIONS_MAX: usize = 1000;

pub(crate) fn check(observations: &Observations, logs: &[RecoveredLog]) -> Vec<Violation> {
    let senders: Vec<_> = observations.senders.lock().clone();
    let inherited = observations.inherited.lock().clone();
    let mut rooms: HashMap<RoomName, Truth<'_>> = HashMap::new();
    let mut violations = Vec::new();
    for log in logs {
        if let Some(first) = rooms.get(&log.room) {
            first.must_equal(log, &mut violations);
            continue;
        }
        let mut truth = Truth::new(log);
        for &(ref room, head) in &inherited {
            if *room == log.room {
                truth.inherited = truth.inherited.max(head);
            }
        }
        for sender in &senders {
            truth.learn_texts(&sender.lock());
        }
        truth.sum_up();
        truth.check_chain(&mut violations);
        rooms.insert(log.room.clone(), truth);
    }

    let unseen = |room: &RoomName, who: String| {
        let what = "no recovered log of this room was given".to_owned();
        Violation { rule: Rule::NotLookedAt, room: room.clone(), who, positions: Vec::new(), what }
    };
    let mut tallies: HashMap<RoomName, HashMap<EventDigest, Tally>> = HashMap::new();
    for sender in &senders {
        let sender = sender.lock();
        match rooms.get(&sender.room) {
            Some(truth) => {
                let tally = tallies.entry(sender.room.clone()).or_default();
                truth.check_sender(&sender, tally, &mut violations);
            }
            None => violations.push(unseen(&sender.room, format!("sender {}", sender.name))),
        }
    }
    for (room, truth) in &rooms {
        truth.check_once(&tallies.remove(room).unwrap_or_default(), &mut violations);
    }
    for reader in observations.readers.lock().iter() {
        let reader = reader.lock();
        violations.extend(reader.violations.iter().cloned());
        match rooms.get(&reader.room) {
            Some(truth) => truth.check_reader(&reader, &mut violations),
            None => violations.push(unseen(&reader.room, format!("reader {}", reader.name))),
        }
    }
    for page in observations.pages.lock().iter() {
        match rooms.get(&page.room) {
            Some(truth) => truth.check_page(page, &mut violations),
            None => violations.push(unseen(&page.room, format!("page {}", page.name))),
        }
    }
    if violations.len() > VIOLATIONS_MAX {
        let more = violations.len() - VIOLATIONS_MAX;
        violations.truncate(VIOLATIONS_MAX);
        if let Some(last) = violations.last_mut() {
            last.what = format!("{} (and {more} more violations)", last.what);
        }
    }
    violations
}

/// The observations of all senders together of sends that say the same.
#[derive(Default)]
struct Tally {
    acknowledged: BTreeSet<Position>,
    unknown: usize,
    rejected: usize,
}

/// One message as the stream leaves it, folded: a page of history is compared with it.
#[derive(Default)]
struct Fold {
    /// The position at which each text began, oldest first; `None` for a text that nobody knows any more.
    texts: Vec<(Position, Option<u64>)>,
    deleted_at: Option<Position>,
    /// The reactions from each event on that changed them, oldest first, as [`ReactionDigest`]s added up.
    reactions: Vec<(Position, u64)>,
    /// Those that stand.
    reacting: HashSet<ReactionDigest>,
}

impl Fold {
    /// Takes an event that adds a reaction or takes it back; false when it is so already.
    fn react(&mut self, at: Position, reacting: ReactionDigest, on: bool) -> bool {
        let before = self.reactions.last().map_or(0, |(_, sum)| *sum);
        let digest = reacting.digest();
        self.reactions.push((at, if on { before.wrapping_add(digest) } else { before.wrapping_sub(digest) }));
        if on { self.reacting.insert(reacting) } else { self.reacting.remove(&reacting) }
    }
}

/// A recovered log with its sums.
struct Truth<'a> {
    log: &'a RecoveredLog,
    inherited: Position,
    /// Texts that a delete took from the log, as their senders remember them.
    remembered: HashMap<Position, u64>,
    /// Index i: the sum over the first i events, as in a [`Piece`].
    shapes: Vec<u64>,
    contents: Vec<u64>,
    /// Index i: how many of the first i events had a text that nobody knows any more.
    forgotten: Vec<usize>,
    /// Indices of the posted messages.
    posted: Vec<usize>,
    folds: HashMap<Position, Fold>,
    /// The newest Empty; 0 for none.
    emptied_at: Position,
    /// Events that add a reaction that is there, take back one that is not, or are about a message that is
    /// gone.
    idle: Vec<Position>,
}

impl<'a> Truth<'a> {
    fn new(log: &'a RecoveredLog) -> Self {
        Self {
            log,
            inherited: 0,
            remembered: HashMap::new(),
            shapes: Vec::new(),
            contents: Vec::new(),
            forgotten: Vec::new(),
            posted: Vec::new(),
            folds: HashMap::new(),
            emptied_at: 0,
            idle: Vec::new(),
        }
    }

    fn violation(
        &self,
        rule: Rule,
        who: impl Into<String>,
        positions: Vec<Position>,
        what: String,
    ) -> Violation {
        Violation { rule, room: self.log.room.clone(), who: who.into(), positions, what }
    }

    /// Returns the number of events at or below this position.
    fn index_after(&self, position: Position) -> usize {
        self.log.events.partition_point(|observed| observed.position <= position)
    }

    fn at(&self, position: Position) -> Option<&'a Observed> {
        let index = self.index_after(position).checked_sub(1)?;
        self.log.events.get(index).filter(|observed| observed.position == position)
    }

    fn learn_texts(&mut self, sender: &SenderRecord) {
        if sender.room != self.log.room {
            return;
        }
        for sent in &sender.sent {
            if let (Outcome::Acknowledged { position, .. }, Some(content)) =
                (sent.outcome, sent.event.content)
            {
                self.remembered.insert(position, content);
            }
        }
    }

    fn sum_up(&mut self) {
        let (mut shapes, mut contents, mut forgotten) = (0_u64, 0_u64, 0);
        (self.shapes, self.contents, self.forgotten) = (vec![0], vec![0], vec![0]);
        for (index, observed) in self.log.events.iter().enumerate() {
            let text = observed.event.content.or_else(|| self.remembered.get(&observed.position).copied());
            match observed.event.kind {
                EventKind::Message | EventKind::Reply(_) => {
                    self.posted.push(index);
                    self.folds.entry(observed.position).or_default().texts.push((observed.position, text));
                }
                EventKind::Edit(target) => {
                    self.folds.entry(target).or_default().texts.push((observed.position, text));
                }
                EventKind::Delete(target) => {
                    self.folds.entry(target).or_default().deleted_at = Some(observed.position);
                }
                EventKind::Empty => {
                    self.emptied_at = observed.position;
                    for fold in self.folds.values_mut() {
                        fold.deleted_at.get_or_insert(observed.position);
                    }
                }
                // Of a message below the floor it is not known what was there before.
                EventKind::React(target, ..) if target < self.log.floor => {}
                EventKind::React(target, reaction, on) => {
                    let reacting = ReactionDigest(reaction, observed.event.author);
                    let fold = self.folds.entry(target).or_default();
                    let gone = fold.texts.is_empty() || fold.deleted_at.is_some();
                    if !fold.react(observed.position, reacting, on) || gone {
                        self.idle.push(observed.position);
                    }
                }
                EventKind::Close | EventKind::Open | EventKind::Other => {}
            }
            shapes = shapes.wrapping_add(observed.shape_digest());
            match text {
                Some(text) => contents = contents.wrapping_add(content_digest(observed.position, text)),
                None if withheld(observed) => forgotten += 1,
                None => {}
            }
            self.shapes.push(shapes);
            self.contents.push(contents);
            self.forgotten.push(forgotten);
        }
    }

    fn check_chain(&self, violations: &mut Vec<Violation>) {
        let RecoveredLog { floor, head, events, .. } = self.log;
        let mut last: Option<&Observed> = None;
        for observed in events {
            let linked = match last {
                Some(last) => observed.prev == last.position && observed.position > last.position,
                None => observed.prev < *floor || observed.prev == 0,
            };
            if !linked {
                let from = last.map_or(*floor, |last| last.position);
                let what = format!(
                    "event {} links to {}, the event before it is {from}",
                    observed.position, observed.prev
                );
                violations.push(self.violation(Rule::Chain, "log", vec![from, observed.position], what));
            }
            let message =
                if let EventKind::Edit(target) = observed.event.kind { target } else { observed.position };
            let deleted = self.folds.get(&message).is_some_and(|fold| fold.deleted_at.is_some());
            if withheld(observed) && !deleted {
                let what = format!("event {} has no text, and nobody deleted it", observed.position);
                violations.push(self.violation(Rule::Chain, "log", vec![observed.position], what));
            }
            if observed.event.content.is_some() && observed.position < self.emptied_at {
                let at = self.emptied_at;
                let what = format!("event {} has a text, and {at} emptied the room", observed.position);
                violations.push(self.violation(Rule::Chain, "log", vec![observed.position, at], what));
            }
            last = Some(observed);
        }
        for &position in &self.idle {
            let what = format!("event {position} is a reaction that changes nothing");
            violations.push(self.violation(Rule::Chain, "log", vec![position], what));
        }
        let end = last.map_or(0, |last| last.position);
        if end != *head && (last.is_some() || *head >= *floor) {
            let what = format!("the head is stated as {head}, the events end at {end}");
            violations.push(self.violation(Rule::Chain, "log", vec![*head, end], what));
        }
    }

    /// Another reading of the same room, by another node perhaps.
    fn must_equal(&self, other: &RecoveredLog, violations: &mut Vec<Violation>) {
        let floor = self.log.floor.max(other.floor);
        let above = |observed: &&Observed| observed.position >= floor;
        let ours = self.log.events.iter().filter(above).map(Some).chain(std::iter::once(None));
        let theirs = other.events.iter().filter(above).map(Some).chain(std::iter::once(None));
        if let Some((ours, theirs)) = ours.zip(theirs).find(|(ours, theirs)| ours != theirs) {
            let positions = [ours, theirs].into_iter().flatten().map(|observed| observed.position).collect();
            let what = format!("two readings differ: {ours:?} and {theirs:?}");
            violations.push(self.violation(Rule::Chain, "log", positions, what));
        }
    }

    fn check_sender(
        &self,
        sender: &SenderRecord,
        tallies: &mut HashMap<EventDigest, Tally>,
        violations: &mut Vec<Violation>,
    ) {
        let who = format!("sender {}", sender.name);
        let mut acknowledged: BTreeMap<u64, Position> = BTreeMap::new();
        for sent in &sender.sent {
            let Outcome::Acknowledged { position, prev } = sent.outcome else { continue };
            let sequence = sent.sequence;
            let first = *acknowledged.entry(sequence).or_insert(position);
            if first != position {
                let what = format!("send {sequence} was acknowledged at {first} and at {position}");
                violations.push(self.violation(Rule::Acknowledged, &who, vec![first, position], what));
            }
            let tally = tallies.entry(sent.event).or_default();
            if !tally.acknowledged.insert(position) && first != position {
                let what = format!("send {sequence} shares {position} with another send");
                violations.push(self.violation(Rule::Acknowledged, &who, vec![position], what));
            }
            if position < self.log.floor {
                continue;
            }
            let wrong = match self.at(position) {
                None => "the log has no such event".to_owned(),
                Some(found) if found.prev != prev => {
                    format!("the acknowledgement said prev {prev}, the log says {}", found.prev)
                }
                Some(found) if found.event == sent.event => continue,
                Some(found) if withheld(found) && found.event == sent.event.shape() => continue,
                Some(found) => format!("the log has another event there: {:?}", found.event),
            };
            let what = format!("send {sequence} was acknowledged at {position}, but {wrong}");
            violations.push(self.violation(Rule::Acknowledged, &who, vec![position], what));
        }
        let mut in_doubt = HashSet::new();
        for sent in &sender.sent {
            if acknowledged.contains_key(&sent.sequence) {
                continue;
            }
            match sent.outcome {
                // A retry without an answer leaves the same send in doubt, not another one.
                Outcome::Unknown if in_doubt.insert(sent.sequence) => {
                    tallies.entry(sent.event).or_default().unknown += 1;
                }
                Outcome::Rejected => tallies.entry(sent.event).or_default().rejected += 1,
                Outcome::Unknown | Outcome::Acknowledged { .. } => {}
            }
        }
        let order: Vec<(u64, Position)> = acknowledged.into_iter().collect();
        for pair in order.windows(2) {
            if let [(earlier, before), (later, after)] = *pair
                && before >= after
            {
                let what = format!("send {later} is at {after}, send {earlier} before it at {before}");
                violations.push(self.violation(Rule::Order, &who, vec![before, after], what));
            }
        }
    }

    /// Every stored event was sent, and not more often stored than sent.
    fn check_once(&self, tallies: &HashMap<EventDigest, Tally>, violations: &mut Vec<Violation>) {
        let mut stored: HashMap<EventDigest, Vec<Position>> = HashMap::new();
        for observed in &self.log.events {
            if observed.position > self.inherited
                && !withheld(observed)
                && observed.event.kind != EventKind::Other
            {
                stored.entry(observed.event).or_default().push(observed.position);
            }
        }
        for (event, positions) in stored {
            let none = Tally::default();
            let tally = tallies.get(&event).unwrap_or(&none);
            let extra = positions.iter().filter(|position| !tally.acknowledged.contains(position)).count();
            if extra <= tally.unknown {
                continue;
            }
            let (acknowledged, unknown, rejected) = (tally.acknowledged.len(), tally.unknown, tally.rejected);
            let what = format!(
                "stored {} times; of its sends {acknowledged} were acknowledged, {unknown} unknown, {rejected} \
                 rejected: {event:?}",
                positions.len()
            );
            violations.push(self.violation(Rule::Once, "log", positions, what));
        }
    }

    fn check_reader(&self, reader: &ReaderRecord, violations: &mut Vec<Violation>) {
        let who = format!("reader {}", reader.name);
        for piece in reader.pieces.iter().chain([&reader.current]) {
            if let Some(what) = self.piece_differs(piece) {
                violations.push(self.violation(Rule::Stream, &who, vec![piece.from, piece.to], what));
            }
        }
        if reader.gap_to >= self.log.floor.max(1) {
            let what =
                format!("was told that all up to {} is gone; the floor is {}", reader.gap_to, self.log.floor);
            violations.push(self.violation(Rule::Stream, &who, vec![reader.gap_to], what));
        }
        let (reached, head) = (reader.current.to, self.log.head);
        if reader.complete && reached < head {
            let what = format!("stayed to the end but got to {reached}; the head is {head}");
            violations.push(self.violation(Rule::Stream, &who, vec![reached, head], what));
        }
    }

    fn piece_differs(&self, piece: &Piece) -> Option<String> {
        // What retention took cannot be compared any more. The place of an empty piece is no event.
        if piece.count == 0 || piece.from + 1 < self.log.floor {
            return None;
        }
        let (low, high) = (self.index_after(piece.from), self.index_after(piece.to));
        let sum = |sums: &[u64]| sums[high].wrapping_sub(sums[low]);
        if piece.count != (high - low) as u64 || piece.shapes != sum(&self.shapes) {
            let (observed, stored) = (piece.count, high - low);
            return Some(format!(
                "received {observed} events that are not the {stored} that the log has there"
            ));
        }
        let mut expected = sum(&self.contents);
        let mut forgotten = self.forgotten[high] - self.forgotten[low];
        for &position in &piece.textless {
            let stored = self.at(position)?;
            if stored.event.content.is_some() {
                return Some(format!("event {position} came without its text, which nobody deleted"));
            }
            match self.remembered.get(&position) {
                Some(&text) => expected = expected.wrapping_sub(content_digest(position, text)),
                None if withheld(stored) => forgotten -= 1,
                None => {}
            }
        }
        (forgotten == 0 && piece.contents != expected)
            .then(|| "received other texts than the log has".to_owned())
    }

    fn check_page(&self, record: &PageRecord, violations: &mut Vec<Violation>) {
        let who = format!("page {}", record.name);
        let messages = record.page.messages.iter().filter(|entry| entry.position >= self.log.floor);
        let mut expected: Option<usize> = None;
        for entry in messages {
            let found =
                self.posted.partition_point(|&index| self.log.events[index].position < entry.position);
            let wrong = match self.posted.get(found).map(|&index| &self.log.events[index]) {
                Some(observed) if observed.position == entry.position => {
                    if expected.is_some_and(|expected| expected != found) {
                        Some("a message before it is missing, doubled or out of order".to_owned())
                    } else if observed.prev != entry.prev
                        || observed.event.author != entry.author
                        || answered(observed) != entry.reply_to
                    {
                        Some(format!("the log has {observed:?}"))
                    } else {
                        self.fold_differs(record.page.head, entry)
                    }
                }
                _ => Some("the log has no message there".to_owned()),
            };
            expected = Some(found + 1);
            if let Some(what) = wrong {
                violations.push(self.violation(Rule::History, &who, vec![entry.position], what));
            }
        }
    }

    /// The page may show any state that the message had since the head that the page states.
    fn fold_differs(&self, page_head: Position, entry: &HistoryEntry) -> Option<String> {
        let fold = self.folds.get(&entry.position)?;
        if !entry.reactions.is_none_or(|sum| reactions_known(fold, page_head, entry.content.is_some(), sum)) {
            return Some("shown with reactions that it has not".to_owned());
        }
        let Some(content) = entry.content else {
            return fold.deleted_at.is_none().then(|| "shown as deleted, which it is not".to_owned());
        };
        if let Some(deleted_at) = fold.deleted_at.filter(|&deleted_at| deleted_at <= page_head) {
            return Some(format!("shown with a text that {deleted_at} took away"));
        }
        let newest = fold.texts.partition_point(|&(at, _)| at <= page_head).saturating_sub(1);
        let known = fold.texts[newest..].iter().any(|&(_, text)| text.is_none_or(|text| text == content));
        (!known).then(|| "shown with a text that is not its latest".to_owned())
    }
}

/// Returns true if a message had such reactions at some moment since the page's head. A deleted message has
/// none.
fn reactions_known(fold: &Fold, page_head: Position, has_text: bool, sum: u64) -> bool {
    if sum == 0 && (!has_text || fold.deleted_at.is_some()) {
        return true;
    }
    let newest = fold.reactions.partition_point(|&(at, _)| at <= page_head);
    let at_head = newest.checked_sub(1).map_or(0, |index| fold.reactions[index].1);
    has_text && (at_head == sum || fold.reactions[newest..].iter().any(|&(_, since)| since == sum))
}

/// The message that a posted one answers.
fn answered(observed: &Observed) -> Option<Position> {
    if let EventKind::Reply(target) = observed.event.kind { Some(target) } else { None }
}

/// Returns true if a text is missing where there was one.
fn withheld(observed: &Observed) -> bool {
    observed.event.content.is_none()
        && matches!(observed.event.kind, EventKind::Message | EventKind::Reply(_) | EventKind::Edit(_))
}
