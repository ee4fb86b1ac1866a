//! A copy of a chat's log while it is in use: [`crate::log::LogSnapshot`], read on the threads that read the
//! log; and one of everything that the log of a node has.

use crate::chat::Chat;
use crate::error::ReadError;
use crate::event::Position;
use crate::log::{LogCopy, LogError, LogSnapshot, Piece};
use crate::read::fair_queue::{Lane, UNNAMED_CLIENT};

/// A copy of the log under way: see [`Chat::snapshot`].
pub struct Snapshot {
    chat: Chat,
    /// `None` after a read that did not come back.
    copy: Option<LogSnapshot>,
    floor: Position,
    head: Position,
}

impl Chat {
    /// Begins a consistent copy of the log, to be read piece by piece while the chat goes on.
    pub fn snapshot(&self) -> Snapshot {
        let copy = LogSnapshot::begin(&*self.shared().log);
        let (floor, head) = (copy.floor(), copy.head());
        Snapshot { chat: self.clone(), copy: Some(copy), floor, head }
    }

    /// Begins a copy of everything that the log of a node of a cluster has, for a node that has no log: see
    /// [`CopyReceiver`](crate::cluster::CopyReceiver). Fails for the log of a single node.
    ///
    /// It is the log of this moment, also when it is read later; the chat goes on meanwhile. It reads on the thread
    /// that asks for a chunk, which waits for the disk. Drop it soon: until then the file of the log grows by what
    /// changes. It has the signing key and everything that is secret.
    pub fn copy(&self) -> Result<LogCopy, LogError> {
        self.shared().log.copy()
    }
}

impl Snapshot {
    /// Leaves damaged records out, and reports their positions as [`Piece::Damaged`].
    #[must_use]
    pub fn skip_damaged(self) -> Self {
        Self { copy: self.copy.map(LogSnapshot::skip_damaged), ..self }
    }

    /// Damaged records that had been left out when the log itself was made.
    pub fn skipped_before(&self) -> u64 {
        self.chat.shared().log.skipped()
    }

    /// The oldest position kept when the copy began.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// The newest position of the copy: at first the log's head when it began, higher once it had caught up.
    pub fn head(&self) -> Position {
        self.head
    }

    /// The next piece; `None` when the copy is whole.
    pub async fn next(&mut self) -> Result<Option<Piece>, ReadError> {
        let mut copy = self.copy.take().ok_or(ReadError::Closed)?;
        let read = self
            .chat
            .shared()
            .reads
            .read((Lane::Pages, UNNAMED_CLIENT), move |log| copy.next(log).map(|piece| (piece, copy)));
        let (piece, copy) = read.await?;
        self.head = copy.head();
        self.copy = Some(copy);
        Ok(piece)
    }
}
