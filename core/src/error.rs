//! Errors of sending and of reading.

use crate::cause::Cause;
use crate::event::Position;
use crate::limits::{
    AUTHOR_ID_BYTES_MAX, AUTHOR_NAME_BYTES_MAX, CONTENT_BYTES_MAX, EDITS_PER_MESSAGE_MAX, KEY_BYTES_MAX,
    QUEUE_BYTES_MAX, QUEUE_SENDS_MAX, REACTIONS_PER_MESSAGE_MAX, VALUE_KEY_BYTES_MAX, VALUE_TEXT_BYTES_MAX,
};
use crate::log::LogError;

/// Why a send did not succeed.
///
/// All but [`SendError::Unknown`] mean that the event is certainly not stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Too much is waiting for the disk. Come back in a second.
    #[error(
        "the send queue is full ({sends} sends, {bytes} bytes; the limits are {QUEUE_SENDS_MAX} and \
         {QUEUE_BYTES_MAX})"
    )]
    QueueFull {
        /// Sends that wait.
        sends: usize,
        /// Bytes that they hold.
        bytes: usize,
    },
    /// The content is too large.
    #[error("the message is {bytes} bytes; the limit is {CONTENT_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// There is no text in the content.
    #[error("the message has no text")]
    NoText,
    /// The idempotency key is empty or too long.
    #[error("the idempotency key is {bytes} bytes; it must be 1 to {KEY_BYTES_MAX}")]
    InvalidKey {
        /// Its size.
        bytes: usize,
    },
    /// The author's id or name is empty, too long, or has control characters.
    #[error(
        "the author's {0} must be 1 to {AUTHOR_ID_BYTES_MAX} (id) or {AUTHOR_NAME_BYTES_MAX} (name) bytes \
         without control characters"
    )]
    InvalidAuthor(&'static str),
    /// The room is closed to writing: nobody posts or edits there until it is opened.
    #[error("the room is closed to writing")]
    RoomClosed,
    /// The author is banned: they post, edit and delete nothing, in no room.
    #[error("the author is banned")]
    Banned,
    /// The sender was no longer allowed when the writer asked: see
    /// [`crate::Chat::send_if`].
    #[error("it is no longer allowed")]
    NotAllowed,
    /// A list is full: banned authors, closed rooms, purges under way, or kept values.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// The key or the text of a kept value is not allowed.
    #[error(
        "the value's {0} is not allowed: a key is `kind/rest` in at most {VALUE_KEY_BYTES_MAX} bytes of visible \
         ASCII, a text has at most {VALUE_TEXT_BYTES_MAX} bytes"
    )]
    InvalidValue(&'static str),
    /// There is no such value to remove.
    #[error("there is no such value")]
    UnknownValue,
    /// The value in force is not the one that was to be replaced: somebody else came first.
    #[error("the value in force is another one than was expected")]
    ValueChanged,
    /// The author has used the key before, for other content or in another room.
    #[error("the idempotency key was used before with other content or in another room")]
    KeyReused,
    /// There is no message to edit, to delete, to answer or to react to.
    #[error("there is no message at position {0} of this room")]
    UnknownTarget(Position),
    /// The message was deleted, or its room was purged.
    #[error("the message at position {0} was deleted")]
    TargetDeleted(Position),
    /// The message was edited too often.
    #[error("the message at position {0} was edited {EDITS_PER_MESSAGE_MAX} times, which is the limit")]
    TooManyEdits(Position),
    /// The message has as many reactions as it can have.
    #[error("the message at position {0} has {REACTIONS_PER_MESSAGE_MAX} reactions, which is the limit")]
    TooManyReactions(Position),
    /// The message is somebody else's.
    #[error("the message at position {0} is somebody else's")]
    NotAuthor(Position),
    /// There is too little room on the disk. Later sends may succeed.
    #[error("the disk is full: {free} bytes are free where the log lies, {needed} are needed")]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The log takes no writes any more: it is closed or has failed.
    #[error("the log takes no writes: {0}")]
    Unavailable(#[source] Cause),
    /// The disk failed in the middle of the commit: the event is stored or it is not. A retry with the same
    /// idempotency key, once the log is open again, settles it.
    #[error("whether the message was stored is unknown: {0}")]
    Unknown(#[source] Cause),
}

/// The log could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The log failed.
    #[error("the log cannot be read: {0}")]
    Log(#[from] LogError),
    /// Too many reads are waiting. Come back in a second.
    #[error("too many reads of the log are waiting")]
    Busy,
    /// The read failed in a way that nobody foresaw.
    #[error("the read failed")]
    Failed,
    /// The chat is one node of many, and cannot know if others have deleted what it would give. Ask another node, or
    /// come back.
    #[error("this node does not know all that the others have stored")]
    NotCurrent,
    /// The chat is closed.
    #[error("the chat is closed")]
    Closed,
}
