//! A copy of a chat's log while it is in use: [`crate::log::LogSnapshot`], read on the threads that read the
//! log.

use crate::chat::Chat;
use crate::error::ReadError;
use crate::event::Position;
use crate::log::{LogSnapshot, Piece};
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
