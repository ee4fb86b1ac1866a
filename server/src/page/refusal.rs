//! What people read of an error. Programs get the error's own message, in English; here each is a message of the
//! catalogues, and says what the person at the page can do about it.

use super::words::Said;
use crate::body::{BodyError, READ_TIMEOUT};
use crate::http::{CrossSite, Malformed};
use crate::limit::Limited;
use crate::text::{NAME_BYTES_MAX, NAME_GRAPHEMES_MAX, TextError};
use millchat::{CONTENT_BYTES_MAX, KEY_BYTES_MAX, ReadError, SendError};

/// An error that people can meet at the page.
pub trait Tell {
    /// The message that says it.
    fn tell(&self) -> Said;
}

impl Tell for TextError {
    fn tell(&self) -> Said {
        match *self {
            Self::NameInvisible => Said::of("name-invisible"),
            Self::NameTooLong { graphemes, bytes } => Said::of("name-too-long")
                .with_number("graphemes", graphemes)
                .with_number("graphemes-max", NAME_GRAPHEMES_MAX)
                .with_number("bytes", bytes)
                .with_number("bytes-max", NAME_BYTES_MAX),
            Self::NameLikeTag => Said::of("name-like-tag"),
            Self::ContentInvisible => Said::of("message-invisible"),
            Self::ContentTooLong { bytes } => message_too_long(bytes),
        }
    }
}

impl Tell for BodyError {
    fn tell(&self) -> Said {
        match *self {
            Self::TooLarge { limit } => Said::of("body-too-large").with_number("limit", limit),
            Self::Slow => Said::of("body-slow").with_number("limit", whole(READ_TIMEOUT.as_secs())),
            Self::Broken => Said::of("body-broken"),
            Self::Busy => Said::of("too-busy"),
        }
    }
}

impl Tell for Malformed {
    fn tell(&self) -> Said {
        Said::of("malformed")
    }
}

impl Tell for CrossSite {
    fn tell(&self) -> Said {
        Said::of("other-site")
    }
}

impl Tell for Limited {
    fn tell(&self) -> Said {
        Said::of("limited").with_number("count", whole(self.retry_after_seconds()))
    }
}

impl Tell for SendError {
    fn tell(&self) -> Said {
        match *self {
            Self::QueueFull { .. } => Said::of("too-busy"),
            Self::TooLarge { bytes } => message_too_long(bytes),
            Self::Empty => Said::of("message-invisible"),
            Self::InvalidKey { bytes } => {
                Said::of("key-invalid").with_number("bytes", bytes).with_number("limit", KEY_BYTES_MAX)
            }
            Self::InvalidAuthor(_) => Said::of("no-name"),
            Self::RoomClosed => Said::of("room-is-closed"),
            Self::Banned => Said::of("banned"),
            Self::KeyReused => Said::of("key-reused"),
            Self::UnknownTarget(_) => Said::of("message-unknown"),
            Self::TargetDeleted(_) => Said::of("message-deleted"),
            Self::TooManyEdits(_) => Said::of("message-edited-often"),
            Self::NotAuthor(_) => Said::of("message-others"),
            Self::DiskFull { .. } => Said::of("disk-full"),
            Self::Unknown(_) => Said::of("unclear"),
            // Also what a newer core refuses.
            _ => Said::of("not-now"),
        }
    }
}

impl Tell for ReadError {
    fn tell(&self) -> Said {
        match self {
            Self::Busy => Said::of("too-busy"),
            Self::Closed => Said::of("not-now"),
            _ => Said::of("unreadable"),
        }
    }
}

fn message_too_long(bytes: usize) -> Said {
    Said::of("message-too-long").with_number("bytes", bytes).with_number("limit", CONTENT_BYTES_MAX)
}

fn whole(seconds: u64) -> usize {
    usize::try_from(seconds).unwrap_or(usize::MAX)
}
