//! The part of a reader that outlives its connections: where it is, and what it has seen so far.
//!
//! With our own server it goes by positions and tells the oracle; with any other, and on our own page, it goes by the
//! stamps in what was said and tells its [`Witness`].

use std::time::{Duration, Instant};

use millchat::{Opening, Place, Position, oracle};

use crate::check::block_cache::{Says, Stamped};
use crate::check::context::{Scene, Step};
use crate::check::event::{Block, Event};
use crate::check::page::{self, Row};
use crate::check::stamp::Stamp;
use crate::check::stamp_checker::Witness;
use crate::client::sse::Fields;
use crate::load::role::Role;
use crate::run::Run;
use crate::server_api::speech::Speech;
use crate::server_api::template::{Template, Wire};

/// How far a reader has come.
pub struct Follower {
    check: Check,
    role: Role,
    /// Whether it ever joined.
    pub joined: bool,
    /// Whether the present connection has opened.
    pub open: bool,
    /// Whether the present connection is a return.
    returning: bool,
    /// When the present connection was begun.
    began: Instant,
    /// The head of the room when the present connection opened, until it is reached.
    behind: Option<Position>,
    /// The number of the event that should come next, in the room's [`crate::check::block_cache::Frames`].
    next: u64,
}

/// What it goes by.
enum Check {
    Positions {
        oracle: oracle::Reader,
        place: Option<Place>,
    },
    Stamps {
        witness: Box<Witness>,
        place: Option<Box<str>>,
    },
    /// `patched`: a row whose place has not come yet.
    Page {
        witness: Box<Witness>,
        place: Option<Place>,
        patched: Option<Row>,
    },
}

impl Follower {
    /// A reader that has seen nothing.
    pub fn new(run: &Run, number: usize, room: usize, role: Role) -> Self {
        let witness = || Box::new(Witness::new(role == Role::Visitor));
        let check = match &run.plan.target.speech {
            Speech::Millchat => {
                let oracle = run.findings.oracle.reader(&run.plan.rooms[room], number.to_string());
                Check::Positions { oracle, place: None }
            }
            Speech::Page => Check::Page { witness: witness(), place: None, patched: None },
            Speech::Template(_) => Check::Stamps { witness: witness(), place: None },
        };
        let began = Instant::now();
        Self { check, role, joined: false, open: false, returning: false, began, behind: None, next: 0 }
    }

    /// A connection is begun.
    pub fn begins(&mut self) {
        self.began = Instant::now();
        self.open = false;
        self.behind = None;
        self.returning = self.joined;
        match &mut self.check {
            Check::Stamps { witness, place: None } | Check::Page { witness, place: None, .. } => {
                witness.begins_without_id();
            }
            _ => {}
        }
        if let Check::Page { patched, .. } = &mut self.check {
            *patched = None;
        }
    }

    /// What it comes back by.
    pub fn last_id(&self) -> Option<String> {
        match &self.check {
            Check::Positions { place, .. } | Check::Page { place, .. } => {
                place.map(|place| place.to_string())
            }
            Check::Stamps { place, .. } => place.as_deref().map(str::to_owned),
        }
    }

    /// The server has let it in. Where no opening will follow, this is the opening.
    pub fn answered(&mut self, now: Instant, step: &mut Step<'_>) {
        if !matches!(self.check, Check::Positions { .. }) {
            self.opened(now, &mut step.scene);
        }
    }

    /// Whether it has all that it can have. `head`: the newest position of its room.
    pub fn reached(&self, run: &Run, room: usize, head: Position) -> bool {
        match &self.check {
            Check::Positions { place, .. } => place.map_or(0, |place| place.position) >= head,
            Check::Stamps { witness, .. } | Check::Page { witness, .. } => {
                self.joined && witness.has_all(&run.findings.ledger.lanes(room))
            }
        }
    }

    /// It stayed to the end, so that nothing may be missing.
    pub fn complete(&self, run: &Run, room: usize, number: usize) {
        match &self.check {
            Check::Positions { oracle, .. } => oracle.complete(),
            Check::Stamps { witness, .. } | Check::Page { witness, .. } => {
                let (faults, violations) = witness.judge(&run.findings.ledger.lanes(room));
                run.findings.report_faults(faults);
                for what in violations {
                    run.findings.fail(format!("reader {number} of room {}: {what}", run.plan.rooms[room]));
                }
            }
        }
    }

    /// A block arrived.
    pub fn block(&mut self, block: &[u8], now: Instant, step: &mut Step<'_>) {
        if let Some(says) = step.frames.matching(self.next, block) {
            self.next += 1;
            return match says {
                Says::Event(event) => self.event(event, now, &mut step.scene),
                Says::Row(row) => self.row(*row),
                Says::Stamped(stamped) => self.stamped(stamped, now, &mut step.scene),
            };
        }
        match &step.scene.run.plan.target.speech {
            Speech::Millchat => self.read_event(block, now, step),
            Speech::Page => self.read_page(block, now, step),
            Speech::Template(template) => self.read_stamps(block, template, now, step),
        }
    }

    fn read_event(&mut self, block: &[u8], now: Instant, step: &mut Step<'_>) {
        match Block::parse(block, step.scene.run.plan.id) {
            Ok(Block::Event(event)) => {
                self.event(&event, now, &mut step.scene);
                let position = event.seen.position;
                step.frames.keep_placed(block, Says::Event(event));
                self.next = step.frames.number_after(position);
            }
            Ok(Block::Opening { opening, id, head }) => self.opening(opening, id, head, now, step),
            Ok(Block::Signal) => step.scene.tally.signals += 1,
            Ok(Block::Nothing) => {}
            Err(what) => step.scene.tally.error(what),
        }
    }

    fn read_page(&mut self, block: &[u8], now: Instant, step: &mut Step<'_>) {
        match page::Block::parse(block, step.scene.run.plan.id) {
            Ok(page::Block::Row(row)) => {
                self.row(row);
                step.frames.keep_placed(block, Says::Row(row));
                self.next = step.frames.number_after(row.position);
            }
            Ok(page::Block::Place(at)) => self.moved(at, now, &mut step.scene),
            Ok(page::Block::Other) => step.scene.tally.signals += 1,
            Ok(page::Block::Nothing) => {}
            Err(what) => step.scene.tally.error(what),
        }
    }

    fn row(&mut self, row: Row) {
        let Check::Page { witness, patched, .. } = &mut self.check else { return };
        if let Some(before) = patched.replace(row) {
            witness.objects(format!("no place came behind the row at {}", before.position));
        }
    }

    /// The page's place: what was patched before it has come.
    fn moved(&mut self, at: Place, now: Instant, scene: &mut Scene<'_>) {
        let Check::Page { witness, place, patched } = &mut self.check else { return };
        scene.run.findings.epoch.get_or_init(|| at.epoch);
        let before = place.replace(at);
        let Some(row) = patched.take() else { return };
        if row.position != at.position || before.is_some_and(|before| before.position >= at.position) {
            let before = before.map_or(0, |before| before.position);
            witness
                .objects(format!("from {before}, the row at {} moved it to {}", row.position, at.position));
        }
        self.saw(&row.stamp, now, scene);
    }

    fn read_stamps(&mut self, block: &[u8], template: &Template, now: Instant, step: &mut Step<'_>) {
        let fields = match template.wire {
            Wire::Sse => Fields::parse(block),
            Wire::SocketIo => Fields { data: Some(block.into()), ..Fields::default() },
        };
        let Some(data) = fields.data else { return };
        let stamps = Stamp::find(&data, step.scene.run.plan.id);
        let Check::Stamps { place, .. } = &mut self.check else { return };
        let after = template.place(fields.id, &data, place.as_deref());
        if stamps.is_empty() {
            step.scene.tally.signals += 1;
            *place = after.or(place.take());
            return;
        }
        let stamped = Stamped { stamps, place: after };
        self.stamped(&stamped, now, &mut step.scene);
        self.next = step.frames.keep_stamped(block, stamped) + 1;
    }

    fn event(&mut self, event: &Event, now: Instant, scene: &mut Scene<'_>) {
        let Check::Positions { oracle, place } = &mut self.check else { return };
        *place = Some(event.place);
        oracle.event(event.seen);
        scene.tally.deliveries += 1;
        measure(self.began, self.role, event.due, now, scene);
        if self.behind.is_some_and(|head| event.seen.position >= head) {
            self.caught_up(now, scene);
        }
    }

    fn stamped(&mut self, stamped: &Stamped, now: Instant, scene: &mut Scene<'_>) {
        let Check::Stamps { place, .. } = &mut self.check else { return };
        if stamped.place.is_some() {
            place.clone_from(&stamped.place);
        }
        for stamp in &stamped.stamps {
            self.saw(stamp, now, scene);
        }
    }

    fn saw(&mut self, stamp: &Stamp, now: Instant, scene: &mut Scene<'_>) {
        let (Check::Stamps { witness, .. } | Check::Page { witness, .. }) = &mut self.check else { return };
        if witness.saw(stamp) {
            scene.tally.deliveries += 1;
            measure(self.began, self.role, Some(stamp.due), now, scene);
        }
    }

    fn opening(
        &mut self,
        opening: Opening,
        id: Place,
        head: Option<Position>,
        now: Instant,
        step: &mut Step<'_>,
    ) {
        let Check::Positions { oracle, place } = &mut self.check else { return };
        match opening {
            Opening::Gap { from, to } if self.open => oracle.gap(from, to),
            _ => oracle.opened(place.map(|place| place.position), opening, id.position),
        }
        *place = Some(id);
        step.scene.run.findings.epoch.get_or_init(|| id.epoch);
        self.next = step.frames.number_after(id.position);
        self.behind = head;
        if !self.open {
            self.opened(now, &mut step.scene);
        }
        if head.is_some_and(|head| id.position >= head) {
            self.caught_up(now, &mut step.scene);
        }
    }

    fn opened(&mut self, now: Instant, scene: &mut Scene<'_>) {
        let latency = now.saturating_duration_since(self.began);
        if self.returning {
            scene.tally.resume.record(latency);
        } else {
            scene.tally.join.record(latency);
            scene.tally.joins.push(latency);
        }
        self.open = true;
        self.joined = true;
    }

    fn caught_up(&mut self, now: Instant, scene: &mut Scene<'_>) {
        self.behind = None;
        if self.role.lags() {
            return;
        }
        let latency = now.saturating_duration_since(self.began);
        let latencies =
            if self.returning { &mut scene.tally.resume_whole } else { &mut scene.tally.join_whole };
        latencies.record(latency);
    }
}

/// A message that was due before this connection began is history, not a delivery that could be on time.
fn measure(began: Instant, role: Role, due: Option<Duration>, now: Instant, scene: &mut Scene<'_>) {
    scene.tally.last = Some(now);
    let Some(due) = due.map(|due| scene.run.plan.clock.at(due)) else { return };
    if due >= began && !role.lags() {
        scene.tally.window.record(now.saturating_duration_since(due));
    }
}
