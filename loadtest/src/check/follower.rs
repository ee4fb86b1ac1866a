//! The part of a reader that outlives its connections: its last id, and what it has received so far.
//!
//! A reader of our own server's API is checked by positions, and reports to the oracle. A reader of any other
//! chat, and of our own page, is checked by the stamps in the messages, and reports to its [`StampChecker`].

use std::time::{Duration, Instant};

use millchat::{EventId, Opening, Position};
use millchat_oracle as oracle;
use millchat_testkit::sse::Fields;

use crate::check::block_cache::{BlockContent, StampedBlock};
use crate::check::context::{BlockContext, Context};
use crate::check::event::{Block, Event};
use crate::check::page::{PageBlock, PageRow};
use crate::check::stamp::Stamp;
use crate::check::stamp_checker::StampChecker;
use crate::load::role::Role;
use crate::run::Run;
use crate::server_api::protocol::Protocol;
use crate::server_api::template::{Template, Transport};

/// The state of a reader over all its connections.
pub struct Follower {
    check: Check,
    role: Role,
    /// Set when it has joined once.
    pub joined: bool,
    /// Set when the present connection has opened.
    pub open: bool,
    /// Set when the present connection is a resume.
    returning: bool,
    /// The time at which the present connection was begun.
    began: Instant,
    /// The head of the room when the present connection opened, until it is reached.
    catching_up_to: Option<Position>,
    /// The number of the next event in the room's [`crate::check::block_cache::BlockCache`].
    next: u64,
}

/// The way in which a reader is checked.
enum Check {
    Positions {
        oracle: oracle::Reader,
        place: Option<EventId>,
    },
    Stamps {
        checker: Box<StampChecker>,
        place: Option<Box<str>>,
    },
    /// `patched` is a row whose place has not come yet.
    Page {
        checker: Box<StampChecker>,
        place: Option<EventId>,
        patched: Option<PageRow>,
    },
}

impl Follower {
    /// Creates a reader that has received nothing.
    pub fn new(run: &Run, number: usize, room: usize, role: Role) -> Self {
        let checker = || Box::new(StampChecker::new(role == Role::Visitor));
        let check = match &run.plan.target.protocol {
            Protocol::Millchat => {
                let oracle = run.findings.oracle.reader(&run.plan.rooms[room], number.to_string());
                Check::Positions { oracle, place: None }
            }
            Protocol::Page => Check::Page { checker: checker(), place: None, patched: None },
            Protocol::Template(_) => Check::Stamps { checker: checker(), place: None },
        };
        let began = Instant::now();
        Self {
            check,
            role,
            joined: false,
            open: false,
            returning: false,
            began,
            catching_up_to: None,
            next: 0,
        }
    }

    /// Begins a connection.
    pub fn begin_connection(&mut self) {
        self.began = Instant::now();
        self.open = false;
        self.catching_up_to = None;
        self.returning = self.joined;
        match &mut self.check {
            Check::Stamps { checker, place: None } | Check::Page { checker, place: None, .. } => {
                checker.expect_replay();
            }
            _ => {}
        }
        if let Check::Page { patched, .. } = &mut self.check {
            *patched = None;
        }
    }

    /// Returns the id by which the reader resumes.
    pub fn last_id(&self) -> Option<String> {
        match &self.check {
            Check::Positions { place, .. } | Check::Page { place, .. } => {
                place.map(|place| place.to_string())
            }
            Check::Stamps { place, .. } => place.as_deref().map(str::to_owned),
        }
    }

    /// Handles the head of the response. Where no opening event will follow, this is the opening.
    pub fn on_response(&mut self, now: Instant, context: &mut BlockContext<'_>) {
        if !matches!(self.check, Check::Positions { .. }) {
            self.opened(now, &mut context.context);
        }
    }

    /// Returns true if it has everything that it can have. `head` is the newest position of its room.
    pub fn has_reached(&self, run: &Run, room: usize, head: Position) -> bool {
        match &self.check {
            Check::Positions { place, .. } => place.map_or(0, |place| place.position) >= head,
            Check::Stamps { checker, .. } | Check::Page { checker, .. } => {
                self.joined && checker.has_all(&run.findings.sent_log.streams(room))
            }
        }
    }

    /// Evaluates a reader that stayed to the end: nothing may be missing.
    pub fn finish(&self, run: &Run, room: usize, number: usize) {
        match &self.check {
            Check::Positions { oracle, .. } => oracle.complete(),
            Check::Stamps { checker, .. } | Check::Page { checker, .. } => {
                let (faults, violations) = checker.check(&run.findings.sent_log.streams(room));
                run.findings.report_faults(faults);
                for what in violations {
                    run.findings.fail(format!("reader {number} of room {}: {what}", run.plan.rooms[room]));
                }
            }
        }
    }

    /// Handles a block that arrived.
    pub fn on_block(&mut self, block: &[u8], now: Instant, context: &mut BlockContext<'_>) {
        if let Some(content) = context.cache.matching(self.next, block) {
            self.next += 1;
            return match content {
                BlockContent::Event(event) => self.on_event(event, now, &mut context.context),
                BlockContent::Row(row) => self.on_row(*row),
                BlockContent::Stamped(stamped) => self.on_stamped(stamped, now, &mut context.context),
            };
        }
        match &context.context.run.plan.target.protocol {
            Protocol::Millchat => self.read_event(block, now, context),
            Protocol::Page => self.read_page(block, now, context),
            Protocol::Template(template) => self.read_stamps(block, template, now, context),
        }
    }

    fn read_event(&mut self, block: &[u8], now: Instant, context: &mut BlockContext<'_>) {
        match Block::parse(block, context.context.run.plan.id) {
            Ok(Block::Event(event)) => {
                self.on_event(&event, now, &mut context.context);
                let position = event.observed.position;
                context.cache.insert_positioned(block, BlockContent::Event(event));
                self.next = context.cache.number_after(position);
            }
            Ok(Block::Opening { opening, id, head }) => self.on_opening(opening, id, head, now, context),
            Ok(Block::Signal) => context.context.stats.signals += 1,
            Ok(Block::Nothing) => {}
            Err(what) => context.context.stats.error(what),
        }
    }

    fn read_page(&mut self, block: &[u8], now: Instant, context: &mut BlockContext<'_>) {
        match PageBlock::parse(block, context.context.run.plan.id) {
            Ok(PageBlock::Row(row)) => {
                self.on_row(row);
                context.cache.insert_positioned(block, BlockContent::Row(row));
                self.next = context.cache.number_after(row.position);
            }
            Ok(PageBlock::Place(at)) => self.on_place(at, now, &mut context.context),
            Ok(PageBlock::Other) => context.context.stats.signals += 1,
            Ok(PageBlock::Nothing) => {}
            Err(what) => context.context.stats.error(what),
        }
    }

    fn on_row(&mut self, row: PageRow) {
        let Check::Page { checker, patched, .. } = &mut self.check else { return };
        if let Some(before) = patched.replace(row) {
            checker.add_violation(format!("no place came behind the row at {}", before.position));
        }
    }

    /// Handles the page's place: the row that was patched before it counts now.
    fn on_place(&mut self, at: EventId, now: Instant, context: &mut Context<'_>) {
        let Check::Page { checker, place, patched } = &mut self.check else { return };
        context.run.findings.epoch.get_or_init(|| at.epoch);
        let before = place.replace(at);
        let Some(row) = patched.take() else { return };
        if row.position != at.position || before.is_some_and(|before| before.position >= at.position) {
            let before = before.map_or(0, |before| before.position);
            checker.add_violation(format!(
                "from {before}, the row at {} moved it to {}",
                row.position, at.position
            ));
        }
        self.observe(&row.stamp, now, context);
    }

    fn read_stamps(
        &mut self,
        block: &[u8],
        template: &Template,
        now: Instant,
        context: &mut BlockContext<'_>,
    ) {
        let fields = match template.transport {
            Transport::Sse => Fields::parse(block),
            Transport::SocketIo => Fields { data: Some(block.into()), ..Fields::default() },
        };
        let Some(data) = fields.data else { return };
        let stamps = Stamp::find(&data, context.context.run.plan.id);
        let Check::Stamps { place, .. } = &mut self.check else { return };
        let after = template.place(fields.id, &data, place.as_deref());
        if stamps.is_empty() {
            context.context.stats.signals += 1;
            *place = after.or(place.take());
            return;
        }
        let stamped = StampedBlock { stamps, place: after };
        self.on_stamped(&stamped, now, &mut context.context);
        self.next = context.cache.insert_stamped(block, stamped) + 1;
    }

    fn on_event(&mut self, event: &Event, now: Instant, context: &mut Context<'_>) {
        let Check::Positions { oracle, place } = &mut self.check else { return };
        *place = Some(event.place);
        oracle.event(event.observed);
        context.stats.deliveries += 1;
        measure(self.began, self.role, event.due, now, context);
        if self.catching_up_to.is_some_and(|head| event.observed.position >= head) {
            self.caught_up(now, context);
        }
    }

    fn on_stamped(&mut self, stamped: &StampedBlock, now: Instant, context: &mut Context<'_>) {
        let Check::Stamps { place, .. } = &mut self.check else { return };
        if stamped.place.is_some() {
            place.clone_from(&stamped.place);
        }
        for stamp in &stamped.stamps {
            self.observe(stamp, now, context);
        }
    }

    fn observe(&mut self, stamp: &Stamp, now: Instant, context: &mut Context<'_>) {
        let (Check::Stamps { checker, .. } | Check::Page { checker, .. }) = &mut self.check else { return };
        if checker.observe(stamp) {
            context.stats.deliveries += 1;
            measure(self.began, self.role, Some(stamp.due), now, context);
        }
    }

    fn on_opening(
        &mut self,
        opening: Opening,
        id: EventId,
        head: Option<Position>,
        now: Instant,
        context: &mut BlockContext<'_>,
    ) {
        let Check::Positions { oracle, place } = &mut self.check else { return };
        match opening {
            Opening::Gap { from, to } if self.open => oracle.gap(from, to),
            _ => oracle.opened(place.map(|place| place.position), opening, id.position),
        }
        *place = Some(id);
        context.context.run.findings.epoch.get_or_init(|| id.epoch);
        self.next = context.cache.number_after(id.position);
        self.catching_up_to = head;
        if !self.open {
            self.opened(now, &mut context.context);
        }
        if head.is_some_and(|head| id.position >= head) {
            self.caught_up(now, &mut context.context);
        }
    }

    fn opened(&mut self, now: Instant, context: &mut Context<'_>) {
        let latency = now.saturating_duration_since(self.began);
        if self.returning {
            context.stats.resume.record(latency);
        } else {
            context.stats.join.record(latency);
            context.stats.joins.push(latency);
        }
        self.open = true;
        self.joined = true;
    }

    fn caught_up(&mut self, now: Instant, context: &mut Context<'_>) {
        self.catching_up_to = None;
        if self.role.reads_late() {
            return;
        }
        let latency = now.saturating_duration_since(self.began);
        let latencies =
            if self.returning { &mut context.stats.resume_whole } else { &mut context.stats.join_whole };
        latencies.record(latency);
    }
}

/// Records the latency of a delivery. A message that was due before this connection began is history, and
/// could not be on time.
fn measure(began: Instant, role: Role, due: Option<Duration>, now: Instant, context: &mut Context<'_>) {
    context.stats.last = Some(now);
    let Some(due) = due.map(|due| context.run.plan.clock.at(due)) else { return };
    if due >= began && !role.reads_late() {
        context.stats.recent.record(now.saturating_duration_since(due));
    }
}
