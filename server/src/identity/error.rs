//! The reasons for which a request is nobody's.

/// Why a request is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request has no token.
    #[error("this needs a token: send `Authorization: Bearer TOKEN`; POST /api/v1/guests gives one")]
    Missing,
    /// The token has a form that no token has.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// Nobody who may sign tokens signed it.
    #[error("{0}")]
    Forged(&'static str),
    /// Its time is over.
    #[error("the token has expired{0}")]
    Expired(&'static str),
    /// It is meant for another server.
    #[error("the token's `aud` is another server; it must be this server's public URL")]
    WrongAudience,
    /// The ticket is for another room.
    #[error("the ticket is for another room; POST /api/v1/rooms/ROOM/ticket gives one for this room")]
    WrongRoom,
    /// It was good, and was made void before its time.
    #[error("the token was revoked: {0}")]
    Revoked(&'static str),
}

impl TokenError {
    /// A token of this server's form that it did not sign.
    pub const FOREIGN: Self = Self::Forged(
        "the token was not issued by this server, or it was changed; POST /api/v1/guests gives a new one \
         (the admin token is no author's: it counts where no author is needed)",
    );
    /// A token of this server whose time is over.
    pub const OLD: Self = Self::Expired("; POST /api/v1/guests gives a new one");
}
