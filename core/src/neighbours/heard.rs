//! The rooms as the other nodes told them last.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::cluster::NodeId;
use crate::event::{Position, RoomName};
use crate::neighbours::telling::{ROOMS_BUSY_MAX, ROOMS_TOLD_MAX};
use crate::neighbours::wire;
use crate::room::elsewhere::RoomSignals;

/// A room is forgotten when it was not told again for this long.
const HEARD_LASTS: Duration = Duration::from_secs(5);
/// Most rooms of a node that are kept.
const ROOMS_MAX: usize = ROOMS_TOLD_MAX + ROOMS_BUSY_MAX;
/// Most bytes of them. A node that follows the bounds of a message cannot repeat more in time.
const ROOMS_BYTES_MAX: usize = 16 * wire::SIGNALS_BYTES_MAX;

/// By node, so that names always come in one order. There are no more nodes than the members of the cluster.
#[derive(Default)]
pub(super) struct Heard(BTreeMap<NodeId, Node>);

#[derive(Default)]
struct Node {
    rooms: HashMap<RoomName, Said>,
    bytes: usize,
}

struct Said {
    at: Instant,
    /// The position of the log up to which the node knew what was posted.
    published: Position,
    signals: RoomSignals,
    bytes: usize,
}

impl Heard {
    /// Takes what a node tells of a room, in place of what it told before. Returns true if that is to be shown.
    pub fn take(
        &mut self,
        from: NodeId,
        room: RoomName,
        (published, signals): (Position, RoomSignals),
        now: Instant,
    ) -> bool {
        let node = self.0.entry(from).or_default();
        let before = node.remove(&room);
        if signals.is_empty() {
            return before.is_some();
        }
        let bytes = wire::cost_bytes(&signals);
        if node.rooms.len() >= ROOMS_MAX || node.bytes + bytes > ROOMS_BYTES_MAX {
            return before.is_some();
        }
        // What events may have ended is looked at each time.
        let differs = signals.passes() || before.is_none_or(|before| before.signals != signals);
        node.bytes += bytes;
        node.rooms.insert(room, Said { at: now, published, signals, bytes });
        differs
    }

    /// Returns what the nodes told of a room, each with the position of the log that it had reached.
    pub fn of<'a>(&'a self, room: &'a RoomName) -> impl Iterator<Item = (Position, &'a RoomSignals)> {
        let said = self.0.values().filter_map(|node| node.rooms.get(room));
        said.map(|said| (said.published, &said.signals))
    }

    /// Forgets what was not told again. Returns the rooms of which that was.
    pub fn expire(&mut self, now: Instant) -> Vec<RoomName> {
        let mut gone = Vec::new();
        for node in self.0.values_mut() {
            let is_over = |said: &Said| now.saturating_duration_since(said.at) >= HEARD_LASTS;
            let over = node.rooms.iter().filter(|(_, said)| is_over(said));
            let over: Vec<_> = over.map(|(room, _)| room.clone()).collect();
            for room in &over {
                node.remove(room);
            }
            gone.extend(over);
        }
        gone
    }
}

impl Node {
    fn remove(&mut self, room: &RoomName) -> Option<Said> {
        let said = self.rooms.remove(room)?;
        self.bytes -= said.bytes;
        Some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::encoder::Presence;

    fn room(nth: usize) -> RoomName {
        RoomName::new(&format!("room-{nth}")).unwrap()
    }

    fn readers(count: usize) -> RoomSignals {
        RoomSignals { presence: Presence { count, authors: Vec::new() }, ..RoomSignals::default() }
    }

    fn count(heard: &Heard, nth: usize) -> usize {
        heard.of(&room(nth)).map(|(_, signals)| signals.presence.count).sum()
    }

    #[test]
    fn a_room_is_forgotten_five_seconds_after_it_was_told_last() {
        let (mut heard, start) = (Heard::default(), Instant::now());
        assert!(heard.take(1, room(1), (0, readers(2)), start));
        assert!(heard.take(2, room(1), (0, readers(3)), start));
        assert_eq!(count(&heard, 1), 5);
        let later = start + HEARD_LASTS / 2;
        assert!(!heard.take(1, room(1), (0, readers(2)), later), "it is the same");
        assert!(heard.expire(start + HEARD_LASTS.mul_f32(0.99)).is_empty());
        assert_eq!(heard.expire(start + HEARD_LASTS), [room(1)], "of the second node");
        assert_eq!(count(&heard, 1), 2);
        assert!(heard.take(1, room(1), (0, readers(0)), later), "nobody is there any more");
        assert_eq!((count(&heard, 1), heard.0[&1].bytes), (0, 0));
    }

    #[test]
    fn of_a_node_that_tells_more_rooms_than_it_may_no_more_are_kept() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        for nth in 0..ROOMS_MAX + 9 {
            heard.take(1, room(nth), (0, readers(1)), now);
        }
        assert_eq!((heard.0[&1].rooms.len(), count(&heard, ROOMS_MAX)), (ROOMS_MAX, 0));
        assert!(heard.take(1, room(0), (0, readers(7)), now), "those that are known change");
        assert_eq!(count(&heard, 0), 7);
        assert!(
            heard.take(2, room(ROOMS_MAX), (0, readers(1)), now),
            "and other nodes have places of their own"
        );
    }
}
