//! What was sent to a chat that has no positions to check by, and how each send ended.
//!
//! A lane is a connection of a sender into one room: it has one message under way at a time, so its messages
//! have an order, and they are numbered. A [`crate::check::stamp_checker::Witness`] holds what a reader saw against this.

use std::sync::Arc;

use parking_lot::Mutex;

/// How a send ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is still under way.
    Open,
    /// The server took it: every reader must see it once.
    Acknowledged,
    /// Nobody knows: it may be seen once.
    Unknown,
    /// The server refused it: nobody may see it.
    Rejected,
}

/// A lane.
#[derive(Debug)]
pub struct Lane {
    /// Its number in its room.
    pub number: u32,
    /// The sender and its connection, to trace it by.
    pub name: String,
    endings: Mutex<Vec<Ending>>,
}

impl Lane {
    /// A message begins to be sent; says its number.
    pub fn begin(&self) -> u64 {
        let mut endings = self.endings.lock();
        endings.push(Ending::Open);
        endings.len() as u64 - 1
    }

    /// The message with this number, which began last, has ended.
    pub fn end(&self, ending: Ending) {
        if let Some(last) = self.endings.lock().last_mut() {
            *last = ending;
        }
    }

    /// Looks at all endings.
    pub fn endings<T>(&self, look: impl FnOnce(&[Ending]) -> T) -> T {
        look(&self.endings.lock())
    }
}

/// The lanes of each room.
#[derive(Debug)]
pub struct Ledger(Vec<Mutex<Vec<Arc<Lane>>>>);

impl Ledger {
    /// Of so many rooms.
    pub fn new(rooms: usize) -> Self {
        Self((0..rooms).map(|_| Mutex::default()).collect())
    }

    /// A new lane into this room.
    pub fn lane(&self, room: usize, name: &str) -> Arc<Lane> {
        let mut lanes = self.0[room].lock();
        let number =
            u32::try_from(lanes.len()).expect("a room has as many lanes as senders have connections");
        let lane = Arc::new(Lane { number, name: name.to_owned(), endings: Mutex::default() });
        lanes.push(Arc::clone(&lane));
        lane
    }

    /// The lanes into this room, in the order of their numbers.
    pub fn lanes(&self, room: usize) -> Vec<Arc<Lane>> {
        self.0[room].lock().clone()
    }
}
