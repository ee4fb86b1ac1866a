//! The pieces that are to be packed, and the packs that wait for a commit.
//!
//! The writer notes each 128th event of a room here, and the packs that it removed. The thread that prepares
//! packs takes one piece after the other, and lays the pack down for the next commit. A commit that changes a
//! text spoils what was prepared over it, also what is being prepared right now: before the commit, so that
//! it takes no such pack along, and after it, since a preparation may have begun in between and read the text
//! as it was. At a start, and when too much was noted, a sweep over all rooms finds what has no pack.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::prepared::Prepared;
use super::sweep::Sweep;
use crate::event::{Position, RoomName};

/// Most pieces that are noted. With more, a sweep finds them.
const PIECES_MAX: usize = 4_096;
/// Most packs that wait for a commit.
pub(in crate::log::redb) const PREPARED_MAX: usize = 64;
/// No more are prepared once those that wait are this many bytes.
const PREPARED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A commit takes no more packs along once they are this many bytes.
const STORED_BYTES_MAX: usize = 128 * 1024;

/// A text that changed: the room, and the message; `None` for all of them.
pub(in crate::log::redb) type Touched = (RoomName, Option<Position>);

/// See the module.
pub(in crate::log::redb) struct Packing {
    /// Held for memory work only.
    state: Mutex<State>,
}

struct State {
    /// The newest events of the pieces that are to be packed.
    pieces: VecDeque<(RoomName, Position)>,
    /// The piece that is being prepared, and true if it was spoiled meanwhile.
    preparing: Option<(RoomName, Position, bool)>,
    prepared: VecDeque<Prepared>,
    sweep: Option<Sweep>,
}

impl Packing {
    /// A log that has just been opened: all of it is to be looked at.
    pub fn new() -> Self {
        let (pieces, prepared) = (VecDeque::new(), VecDeque::new());
        Self { state: Mutex::new(State { pieces, preparing: None, prepared, sweep: Some(Sweep::default()) }) }
    }

    /// Notes pieces of rooms, by their newest events.
    pub fn note(&self, pieces: impl IntoIterator<Item = (RoomName, Position)>) {
        let mut state = self.state.lock();
        for piece in pieces {
            state.note(piece);
        }
    }

    /// Goes on with a sweep: with the pieces that it found, and where it is, or `None` when it is done.
    pub(super) fn swept(&self, found: Vec<(RoomName, Position)>, sweep: Option<Sweep>) {
        let mut state = self.state.lock();
        state.sweep = sweep;
        for piece in found {
            state.note(piece);
        }
    }

    /// Looks through all rooms again.
    pub fn sweep(&self) {
        self.state.lock().sweep = Some(Sweep::default());
    }

    /// Drops what was prepared over texts that changed, and notes it again.
    pub fn spoil(&self, touched: &[Touched]) {
        if touched.is_empty() {
            return;
        }
        let state = &mut *self.state.lock();
        let is_over = |room: &RoomName, from: Position, to: Position| {
            let lies_in = |at: Position| from < at && at <= to;
            touched.iter().any(|(of, at)| of == room && at.is_none_or(lies_in))
        };
        if let Some((room, to, is_spoiled)) = &mut state.preparing {
            // It is not known yet how far back it goes.
            *is_spoiled |= is_over(room, 0, *to);
        }
        let (spoiled, good) = std::mem::take(&mut state.prepared)
            .into_iter()
            .partition(|pack| is_over(&pack.room, pack.from, pack.to));
        state.prepared = good;
        let spoiled: VecDeque<Prepared> = spoiled;
        for pack in spoiled {
            state.note((pack.room, pack.to));
        }
    }

    /// Returns true if packs wait for a commit.
    pub fn has_prepared(&self) -> bool {
        !self.state.lock().prepared.is_empty()
    }

    /// Returns the bytes of the packs that wait.
    pub fn prepared_bytes(&self) -> usize {
        self.state.lock().prepared_bytes()
    }

    /// Takes the packs that go along with a commit.
    pub fn take_prepared(&self) -> Vec<Prepared> {
        let mut state = self.state.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while bytes < STORED_BYTES_MAX
            && let Some(pack) = state.prepared.pop_front()
        {
            bytes += pack.bytes.len();
            taken.push(pack);
        }
        taken
    }

    /// Begins with what is to be done next.
    pub(super) fn begin(&self) -> Next {
        let mut state = self.state.lock();
        if state.prepared.len() >= PREPARED_MAX || state.prepared_bytes() >= PREPARED_BYTES_MAX {
            return Next::Wait;
        }
        match (state.pieces.pop_front(), &state.sweep) {
            (Some((room, to)), _) => {
                state.preparing = Some((room.clone(), to, false));
                Next::Piece(room, to)
            }
            (None, Some(sweep)) => Next::Sweep(sweep.clone()),
            (None, None) => Next::Wait,
        }
    }

    /// Lays a pack down for the next commit, unless it was spoiled meanwhile.
    pub(super) fn end(&self, prepared: Option<Prepared>) {
        let mut state = self.state.lock();
        let is_spoiled = state.preparing.take().is_some_and(|(_, _, is_spoiled)| is_spoiled);
        let Some(pack) = prepared else { return };
        if is_spoiled {
            state.note((pack.room, pack.to));
            return;
        }
        if pack.goes_on {
            state.note((pack.room.clone(), pack.from));
        }
        state.prepared.push_back(pack);
    }
}

/// The next work.
pub(super) enum Next {
    /// To prepare the pack of a piece, by its newest event.
    Piece(RoomName, Position),
    /// To look for pieces without a pack.
    Sweep(Sweep),
    /// Nothing now.
    Wait,
}

impl State {
    fn prepared_bytes(&self) -> usize {
        self.prepared.iter().map(|pack| pack.bytes.len()).sum()
    }

    fn note(&mut self, piece: (RoomName, Position)) {
        if self.pieces.len() < PIECES_MAX {
            self.pieces.push_back(piece);
        } else {
            self.sweep = Some(Sweep::default());
        }
    }
}
