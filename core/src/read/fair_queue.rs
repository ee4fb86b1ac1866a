//! A queue that is served by turns: pages, streams and sends by turns, and the clients of each by turns.
//!
//! A client that asks for much waits for long, and the others do not wait for it.

use std::collections::{HashMap, VecDeque};

use crate::limits::{CLIENT_READS_MAX, READS_MAX};

/// The client of whom nothing is known.
pub const UNNAMED_CLIENT: u64 = 0;

/// The part of a queue to which an entry belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody waits for one answer: pages of history, and where a subscription begins.
    Pages,
    /// Subscriptions that read on.
    Streams,
    /// Sends that name an old event.
    Sends,
}

const LANES: usize = 3;

pub(crate) struct FairQueue<T> {
    lanes: [Clients<T>; LANES],
    /// The lane whose turn it is.
    turn: usize,
}

/// The entries of one lane.
struct Clients<T> {
    entries: HashMap<u64, VecDeque<T>>,
    /// The clients that have entries, in the order of their turns.
    turns: VecDeque<u64>,
    len: usize,
}

impl<T> FairQueue<T> {
    pub fn new() -> Self {
        Self { lanes: std::array::from_fn(|_| Clients::new()), turn: 0 }
    }

    /// Takes an entry, or gives it back if there are too many.
    pub fn push(&mut self, lane: Lane, client: u64, entry: T) -> Result<(), T> {
        self.lanes[lane as usize].push(client, entry)
    }

    /// Returns the entry whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        for _ in 0..LANES {
            let lane = &mut self.lanes[self.turn];
            self.turn = (self.turn + 1) % LANES;
            if let Some(entry) = lane.pop() {
                return Some(entry);
            }
        }
        None
    }
}

impl<T> Clients<T> {
    fn new() -> Self {
        Self { entries: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }

    fn push(&mut self, client: u64, entry: T) -> Result<(), T> {
        let of_client = self.entries.get(&client).map_or(0, VecDeque::len);
        let is_greedy = client != UNNAMED_CLIENT && of_client >= CLIENT_READS_MAX;
        if is_greedy || self.len >= READS_MAX {
            return Err(entry);
        }
        if of_client == 0 {
            self.turns.push_back(client);
        }
        self.entries.entry(client).or_default().push_back(entry);
        self.len += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        let client = self.turns.pop_front()?;
        let entries = self.entries.get_mut(&client)?;
        let entry = entries.pop_front();
        if entries.is_empty() {
            self.entries.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        self.len -= usize::from(entry.is_some());
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_much_waits_for_long_and_nobody_waits_for_them() {
        let mut queue = FairQueue::new();
        for n in 0..100 {
            queue.push(Lane::Pages, 7, ("greedy", n)).unwrap();
        }
        for n in 0..2 {
            queue.push(Lane::Pages, 8, ("modest", n)).unwrap();
            queue.push(Lane::Streams, 9, ("stream", n)).unwrap();
            queue.push(Lane::Sends, UNNAMED_CLIENT, ("send", n)).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order.len(), 106);
        let last = |who| order.iter().rposition(|(whose, _)| *whose == who).unwrap();
        assert_eq!((last("modest"), last("stream"), last("send")), (7, 4, 5));
        for who in ["greedy", "modest", "stream", "send"] {
            let of_one: Vec<_> = order.iter().filter(|(whose, _)| *whose == who).map(|(_, n)| *n).collect();
            assert!(of_one.is_sorted(), "{who} in their order");
        }
        assert!(queue.pop().is_none() && queue.lanes.iter().all(|lane| lane.entries.is_empty()));
    }

    #[test]
    fn one_client_cannot_fill_a_lane() {
        let mut queue = FairQueue::new();
        for n in 0..CLIENT_READS_MAX {
            queue.push(Lane::Pages, 7, n).unwrap();
        }
        assert_eq!(queue.push(Lane::Pages, 7, 0), Err(0));
        assert_eq!(queue.push(Lane::Streams, 7, 0), Ok(()), "the lanes are apart");
        for n in CLIENT_READS_MAX..READS_MAX {
            queue.push(Lane::Pages, UNNAMED_CLIENT, n).unwrap();
        }
        assert_eq!(queue.push(Lane::Pages, 8, 0), Err(0), "the lane is full");
    }
}
