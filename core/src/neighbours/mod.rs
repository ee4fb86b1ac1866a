//! The people, the unfinished answers and the stops at the other nodes of a cluster.
//!
//! Once a second at most, a node tells each other one what has changed in its rooms, and repeats it every two seconds
//! ([`telling`]). The others keep it for five seconds ([`heard`]) and add it to what they have themselves: so the people
//! of a node that is gone are gone soon. A room is told as a whole, so a message may be lost.
//!
//! It goes beside the messages of the protocol, and none of them waits for it. Nothing of it decides anything: what
//! counts is in the log. A single node has none of this.

mod heard;
mod stops;
mod telling;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::answer::UnfinishedAnswer;
use crate::cluster::{NodeId, Peers};
use crate::event::{Position, RoomName};
use crate::neighbours::heard::Heard;
use crate::neighbours::stops::Stops;
use crate::neighbours::wire::Told;
use crate::room::elsewhere::RoomSignals;
use crate::room::encoder::Presence;
use crate::room::live::Room;
use crate::room::table::Rooms;
use crate::sync::atomic::{AtomicU64, Ordering};

pub use crate::neighbours::stops::StoppedAnswer;
pub(crate) use crate::neighbours::telling::Telling;
pub use crate::neighbours::wire::{SIGNALS_BYTES_MAX, UnreadableSignals};

/// See the module.
pub(crate) struct Neighbours {
    peers: Arc<dyn Peers>,
    others: Vec<NodeId>,
    /// The position up to which the events of the log have passed the rooms in memory. Stored (Release) by the writer,
    /// loaded (Acquire) before a room is told.
    published: AtomicU64,
    /// Held for memory work: also while a room hears what is in it, so that it hears the newest last.
    heard: Mutex<Heard>,
    /// Held for memory work. Taken while `heard` is held, never the other way round.
    stops: Mutex<Stops>,
}

impl Neighbours {
    pub fn new(peers: Arc<dyn Peers>, others: Vec<NodeId>, head: Position) -> Self {
        Self {
            peers,
            others,
            published: AtomicU64::new(head),
            heard: Mutex::default(),
            stops: Mutex::default(),
        }
    }

    /// Notes that the events up to a position have passed the rooms in memory.
    pub fn published(&self, head: Position) {
        self.published.store(head, Ordering::Release);
    }

    /// Takes a message of another node. Returns the rooms in memory that show something else now.
    pub fn hear(
        &self,
        rooms: &Rooms,
        from: NodeId,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Vec<Arc<Room>>, UnreadableSignals> {
        let Told { published, rooms: told, stops } = wire::decode(bytes)?;
        if !self.others.contains(&from) {
            return Ok(Vec::new());
        }
        let mut changed = Vec::new();
        for stop in stops {
            if self.stops.lock().hear(&stop, now)
                && let Some(room) = rooms.get(&stop.room)
            {
                room.signals.remove_answer(&stop.author_id, stop.reply_to);
                changed.push(room);
            }
        }
        let mut heard = self.heard.lock();
        for (name, signals) in told {
            if heard.take(from, name.clone(), (published, signals), now)
                && let Some(room) = rooms.get(&name)
            {
                self.show(&heard, &room);
                changed.push(room);
            }
        }
        Ok(changed)
    }

    /// Forgets what was not repeated. Returns the rooms in memory that show something else now.
    pub fn expire(&self, rooms: &Rooms, now: Instant) -> Vec<Arc<Room>> {
        self.stops.lock().expire(now);
        let mut heard = self.heard.lock();
        let changed: Vec<_> = heard.expire(now).iter().filter_map(|name| rooms.get(name)).collect();
        for room in &changed {
            self.show(&heard, room);
        }
        changed
    }

    /// Lets a room that came into memory know what was heard of it.
    pub fn brief(&self, room: &Room) {
        self.show(&self.heard.lock(), room);
    }

    fn show(&self, heard: &Heard, room: &Room) {
        let stops = self.stops.lock();
        room.hear(heard.of(&room.name).map(|(published, signals)| {
            let mut signals = signals.clone();
            signals.answers.retain(|answer| !stops.have(&room.name, answer));
            (published, signals)
        }));
    }

    /// Returns true if a room has readers at the other nodes.
    pub fn have_readers(&self, room: &RoomName) -> bool {
        self.heard.lock().of(room).any(|(_, signals)| signals.presence.count > 0)
    }

    /// Returns the readers of a room at the other nodes.
    pub fn presence(&self, room: &RoomName) -> Presence {
        self.sum(room).presence
    }

    /// Returns the unfinished answers of a room at the other nodes.
    pub fn answers(&self, room: &RoomName) -> Vec<UnfinishedAnswer> {
        let mut answers = self.sum(room).answers;
        let stops = self.stops.lock();
        answers.retain(|answer| !stops.have(room, answer));
        answers
    }

    fn sum(&self, room: &RoomName) -> RoomSignals {
        let heard = self.heard.lock();
        let mut sum = RoomSignals::default();
        heard.of(room).for_each(|(_, signals)| sum.add(signals));
        sum
    }

    /// Tells the other nodes that an answer was stopped, with the next message.
    pub fn stop(&self, stop: StoppedAnswer, now: Instant) {
        self.stops.lock().make(stop, now);
    }

    /// Returns true if an answer was stopped a while ago, here or at another node.
    pub fn is_stopped(&self, stop: &StoppedAnswer) -> bool {
        self.stops.lock().has(stop)
    }

    /// Tells the other nodes what is due.
    pub fn tell(&self, telling: &mut Telling, now: Instant) {
        // Before any room is looked at.
        let published = self.published.load(Ordering::Acquire);
        let stops = self.stops.lock().due(now);
        if let Some(message) = telling.message(published, &stops, now) {
            self.others.iter().for_each(|to| self.peers.signal(*to, message.clone()));
        }
    }
}
