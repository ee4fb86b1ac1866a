//! The ring against a model that is as simple as it can be, over random courses of events.
//!
//! The model is the chain itself, a list. Whatever is published, deleted, learned late from the log and
//! pulled, in whatever order: a reader gets what the list has after its position, all of it, or is sent to
//! the log.

use std::sync::Arc;

use proptest::prelude::*;

use crate::event::{Body, Event, Position, RoomName, Timestamp};
use crate::limits::RING_EVENTS_MAX;
use crate::room::live::{Pull, Room};

const READERS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// Messages are posted: their number, and the bytes of each.
    Post(usize, usize),
    /// The message that many events before the head is deleted, if it is one.
    Delete(usize),
    /// The room is purged.
    Empty,
    /// Somebody who joins begins to read the newest events of the log.
    Read(usize),
    /// And brings what was read to the room.
    Learn,
    /// A reader takes what is next.
    Pull(usize),
    /// A reader comes back from the log, that many events before the head.
    Move(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40usize, prop_oneof![Just(1usize), Just(3_000)]).prop_map(|(n, bytes)| Step::Post(n, bytes)),
        1 => Just(Step::Post(RING_EVENTS_MAX, 1)),
        2 => (0..60usize).prop_map(Step::Delete),
        1 => Just(Step::Empty),
        2 => (0..120usize).prop_map(Step::Read),
        2 => Just(Step::Learn),
        6 => (0..READERS).prop_map(Step::Pull),
        2 => (0..READERS, 0..700usize).prop_map(|(reader, back)| Step::Move(reader, back)),
    ]
}

/// The room, what is true of it, and who reads.
struct Course {
    room: Room,
    chain: Vec<Arc<Event>>,
    /// Events that a join has read and not brought yet.
    read: Option<(Position, Vec<Arc<Event>>, u64)>,
    positions: [Position; READERS],
}

impl Course {
    /// A room that has a past in the log only.
    fn new(past: usize) -> Self {
        let room = Room::new(RoomName::new("r").expect("a name of one letter"), 0, &Arc::default());
        let mut course = Self { room, chain: Vec::new(), read: None, positions: [0; READERS] };
        for _ in 0..past {
            course.append(Body::Message { content: Some("past".into()), reply_to: None });
        }
        course
    }

    /// Positions of one room have holes: other rooms' events.
    fn append(&mut self, body: Body) -> Arc<Event> {
        let prev = self.head();
        let position = prev + 1 + prev % 3;
        let (room, created_at) = (self.room.name.clone(), Timestamp(0));
        let event = Arc::new(Event { position, prev, room, author: None, created_at, body });
        self.chain.push(event.clone());
        event
    }

    fn head(&self) -> Position {
        self.chain.last().map_or(0, |event| event.position)
    }

    fn publish(&mut self, body: Body) {
        if let Body::Delete { target } = body {
            for event in self.chain.iter_mut().filter(|event| event.position == target) {
                *event = Arc::new(event.redacted());
            }
        }
        let event = self.append(body);
        self.room.publish(&event, true);
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Post(count, bytes) => {
                for _ in 0..count {
                    self.publish(Body::Message { content: Some("x".repeat(bytes).into()), reply_to: None });
                }
            }
            Step::Delete(back) => {
                let target = self.chain.iter().rev().nth(back).cloned();
                if let Some(target) = target.filter(|event| matches!(event.body, Body::Message { .. })) {
                    self.publish(Body::Delete { target: target.position });
                }
            }
            Step::Empty => {
                for event in &mut self.chain {
                    *event = Arc::new(event.redacted());
                }
                self.publish(Body::Purge);
            }
            Step::Read(count) => {
                let newest = self.chain[self.chain.len().saturating_sub(count)..].to_vec();
                self.read = Some((self.head(), newest, self.room.redactions.generation()));
            }
            Step::Learn => {
                if let Some((head, newest, redaction_generation)) = self.read.take() {
                    self.room.learn(head, &newest, redaction_generation, 0);
                }
            }
            Step::Move(reader, back) => {
                self.positions[reader] = self.chain.iter().rev().nth(back).map_or(0, |event| event.position);
            }
            Step::Pull(reader) => return self.pull(reader),
        }
        Ok(())
    }

    fn pull(&mut self, reader: usize) -> Result<(), TestCaseError> {
        let position = self.positions[reader];
        let first = self.chain.partition_point(|event| event.position <= position);
        match self.room.pull_events(position) {
            Pull::Ready(events) => {
                let last = events.last().map_or(position, |event| event.position);
                prop_assert!(!events.is_empty());
                prop_assert_eq!(&events[..], &self.chain[first..first + events.len()]);
                prop_assert_eq!(last, events[events.len() - 1].position);
                self.positions[reader] = last;
            }
            // Before the log was asked, the room need not know of its past.
            Pull::CaughtUp => prop_assert!(self.room.head().is_none() || position >= self.head()),
            Pull::Behind => prop_assert!(first < self.chain.len()),
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_ring_gives_a_reader_what_the_chain_has_or_sends_it_to_the_log(
        past in 0..50usize, steps in proptest::collection::vec(step(), 1..60)
    ) {
        let mut course = Course::new(past);
        for step in &steps {
            course.take(step)?;
        }
        // A reader at the position before the newest event is served from memory, if there is any.
        if let [.., event] = &course.chain[..] && course.room.position_before_last(1, 0).is_some() {
            let newest = course.room.pull_events(event.prev);
            prop_assert!(matches!(newest, Pull::Ready(events) if events == [event.clone()]));
        }
    }
}
