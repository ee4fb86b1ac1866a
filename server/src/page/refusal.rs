//! What people read of an error. Programs get the error's own message, in English; here each is a message of the
//! catalogues, and says what the person at the page can do about it.

use super::i18n::LocalizedMessage;
use crate::body::{BodyError, READ_TIMEOUT};
use crate::http::{CrossSite, Malformed};
use crate::limit::Limited;
use crate::text::{NAME_BYTES_MAX, NAME_GRAPHEMES_MAX, TextError};
use millchat::{CONTENT_BYTES_MAX, KEY_BYTES_MAX, ReadError, SendError, UnknownReaction};

/// An error that people can meet at the page.
pub trait Localize {
    /// The message that says it.
    fn localize(&self) -> LocalizedMessage;
}

impl Localize for TextError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::NameInvisible => LocalizedMessage::of("name-invisible"),
            Self::NameTooLong { graphemes, bytes } => LocalizedMessage::of("name-too-long")
                .with_number("graphemes", graphemes)
                .with_number("graphemes-max", NAME_GRAPHEMES_MAX)
                .with_number("bytes", bytes)
                .with_number("bytes-max", NAME_BYTES_MAX),
            Self::NameLikeTag => LocalizedMessage::of("name-like-tag"),
            Self::ContentInvisible => LocalizedMessage::of("message-invisible"),
            Self::ContentTooLong { bytes } => message_too_long(bytes),
        }
    }
}

impl Localize for BodyError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::TooLarge { limit } => LocalizedMessage::of("body-too-large").with_number("limit", limit),
            Self::Slow => {
                LocalizedMessage::of("body-slow").with_number("limit", whole(READ_TIMEOUT.as_secs()))
            }
            Self::Broken => LocalizedMessage::of("body-broken"),
            Self::Busy => LocalizedMessage::of("too-busy"),
        }
    }
}

impl Localize for Malformed {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("malformed")
    }
}

impl Localize for CrossSite {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("other-site")
    }
}

impl Localize for Limited {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("limited").with_number("count", whole(self.retry_after_seconds()))
    }
}

impl Localize for SendError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::QueueFull { .. } => LocalizedMessage::of("too-busy"),
            Self::TooLarge { bytes } => message_too_long(bytes),
            Self::Empty => LocalizedMessage::of("message-invisible"),
            Self::InvalidKey { bytes } => LocalizedMessage::of("key-invalid")
                .with_number("bytes", bytes)
                .with_number("limit", KEY_BYTES_MAX),
            Self::InvalidAuthor(_) => LocalizedMessage::of("no-name"),
            Self::RoomClosed => LocalizedMessage::of("room-is-closed"),
            Self::Banned => LocalizedMessage::of("banned"),
            Self::KeyReused => LocalizedMessage::of("key-reused"),
            Self::UnknownTarget(_) => LocalizedMessage::of("message-unknown"),
            Self::TargetDeleted(_) => LocalizedMessage::of("message-deleted"),
            Self::TooManyEdits(_) => LocalizedMessage::of("message-edited-often"),
            Self::TooManyReactions(_) => LocalizedMessage::of("message-reactions"),
            Self::NotAuthor(_) => LocalizedMessage::of("message-others"),
            Self::DiskFull { .. } => LocalizedMessage::of("disk-full"),
            Self::Unknown(_) => LocalizedMessage::of("unclear"),
            // Also what a newer core refuses.
            _ => LocalizedMessage::of("not-now"),
        }
    }
}

impl Localize for UnknownReaction {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("reaction-unknown")
    }
}

impl Localize for ReadError {
    fn localize(&self) -> LocalizedMessage {
        match self {
            Self::Busy => LocalizedMessage::of("too-busy"),
            Self::Closed => LocalizedMessage::of("not-now"),
            _ => LocalizedMessage::of("unreadable"),
        }
    }
}

fn message_too_long(bytes: usize) -> LocalizedMessage {
    LocalizedMessage::of("message-too-long")
        .with_number("bytes", bytes)
        .with_number("limit", CONTENT_BYTES_MAX)
}

fn whole(seconds: u64) -> usize {
    usize::try_from(seconds).unwrap_or(usize::MAX)
}
