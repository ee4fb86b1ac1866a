//! The numbers of the innocents, their rooms, and their addresses.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicUsize;

use crate::greedy::book::Book;

/// Readers; half read the API's stream, half the page's.
pub const READERS: usize = 200;
/// Senders, each in a room of its own.
pub const SENDERS: usize = 10;
/// Messages of one sender each second: below the limit of an author.
pub const SENDS_PER_S: f64 = 4.0;
/// Joins each second, and pages each second.
pub const VISITS_PER_S: f64 = 10.0;
/// The facts that all innocents share.
pub struct Shared {
    /// The server.
    pub server: SocketAddr,
    /// The book.
    pub book: Book,
    /// Readers whose stream is open.
    pub open: AtomicUsize,
}

/// Returns the room of the sender with this number.
pub fn room(number: usize) -> String {
    format!("people-{}", number % SENDERS)
}

/// Returns the source address of an innocent of one group.
pub fn source(group: u8, number: usize) -> Ipv4Addr {
    let host = u8::try_from(number % 250 + 1).expect("a remainder of 250 fits");
    Ipv4Addr::new(127, 1, group, host)
}
