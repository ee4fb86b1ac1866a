//! A reader as a member of one caught-up list: the list's notes about it.

use std::cell::Cell;
use std::rc::Rc;

use millchat::FramePlace;
use tokio::time::Instant;

use super::socket::ReaderSocket;

/// A member of a list. A reader of several rooms is one of a list for each.
pub struct Member {
    pub reader: Rc<ReaderSocket>,
    /// Its index in the list; `None` once it is not in it any more.
    pub index: Cell<Option<usize>>,
    /// When its guard is to be asked.
    pub guard_until: Option<Instant>,
    /// The state in which the list has let it go, until its task takes it.
    pub left: Cell<Option<Box<Left>>>,
}

/// The state in which a reader leaves a caught-up list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Everything up to here was handed over, or is what the socket has left over.
    pub place: FramePlace,
    /// When bytes last went out.
    pub sent_at: Instant,
}

impl Member {
    /// A reader that is at an index of a list.
    pub fn new(reader: &Rc<ReaderSocket>, index: usize, guard_until: Option<Instant>) -> Rc<Self> {
        let (reader, index) = (Rc::clone(reader), Cell::new(Some(index)));
        Rc::new(Self { reader, index, guard_until, left: Cell::default() })
    }

    /// The list lets it go: its task is woken, and finds the state in which it leaves.
    pub fn let_go(&self, left: Left) {
        self.left.set(Some(Box::new(left)));
        self.reader.wake();
    }
}
