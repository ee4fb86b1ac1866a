//! The log of the messages that were sent to a chat without positions, and the status of each.
//!
//! An ordered stream is a connection of a sender into one room. It has one message in flight at a time, so
//! its messages have an order, and they are numbered. A [`crate::check::stamp_checker::StampChecker`]
//! compares what a reader received with this log.

use std::sync::Arc;

use parking_lot::Mutex;

/// The status of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendStatus {
    /// The answer has not come yet.
    InFlight,
    /// The server accepted it: every reader must receive it once.
    Acknowledged,
    /// The outcome is unknown: a reader may receive it once.
    Unknown,
    /// The server rejected it: no reader may receive it.
    Rejected,
}

/// The messages of one sender connection into one room, in order.
#[derive(Debug)]
pub struct OrderedStream {
    /// Its number in its room.
    pub number: u32,
    /// The sender and its connection, to trace it by.
    pub name: String,
    statuses: Mutex<Vec<SendStatus>>,
}

impl OrderedStream {
    /// Begins a message; returns its number.
    pub fn begin(&self) -> u64 {
        let mut statuses = self.statuses.lock();
        statuses.push(SendStatus::InFlight);
        statuses.len() as u64 - 1
    }

    /// Sets the status of the message that began last.
    pub fn end(&self, status: SendStatus) {
        if let Some(last) = self.statuses.lock().last_mut() {
            *last = status;
        }
    }

    /// Calls `look` with all statuses.
    pub fn statuses<T>(&self, look: impl FnOnce(&[SendStatus]) -> T) -> T {
        look(&self.statuses.lock())
    }
}

/// The ordered streams of each room.
#[derive(Debug)]
pub struct SentLog(Vec<Mutex<Vec<Arc<OrderedStream>>>>);

impl SentLog {
    /// Creates an empty log for this number of rooms.
    pub fn new(rooms: usize) -> Self {
        Self((0..rooms).map(|_| Mutex::default()).collect())
    }

    /// Adds an ordered stream into this room.
    pub fn add_stream(&self, room: usize, name: &str) -> Arc<OrderedStream> {
        let mut streams = self.0[room].lock();
        let number =
            u32::try_from(streams.len()).expect("a room has as many streams as senders have connections");
        let stream = Arc::new(OrderedStream { number, name: name.to_owned(), statuses: Mutex::default() });
        streams.push(Arc::clone(&stream));
        stream
    }

    /// Returns the ordered streams into this room, in the order of their numbers.
    pub fn streams(&self, room: usize) -> Vec<Arc<OrderedStream>> {
        self.0[room].lock().clone()
    }
}
