//! Problems, as the API says them: an RFC 9457 problem document, whatever `Accept` asks for.
//!
//! The kinds are a closed list: `type` is `urn:millchat:problem:NAME`, and NAME, status and title belong
//! together. `detail` says what was wrong with this very request and what the limit is.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use millchat::{ReadError, SendError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::BodyError;
use crate::byte_budget::BudgetFull;
use crate::http::{self, Malformed, Response};
use crate::identity::{RevokeError, RotateError, TokenError};
use crate::limit::Limited;
use crate::log_throttle::LogThrottle;
use crate::sanitize::TextError;

/// Seconds after which a client that was turned away for load comes back.
const RETRY_AFTER_SECONDS: u64 = 1;

/// Limits the log lines of sends that failed.
static SENDS: LogThrottle = LogThrottle::new();
/// Limits the log lines of reads that failed.
static READS: LogThrottle = LogThrottle::new();

/// The result of a handler.
pub type Answer = Result<Response, Problem>;

/// The kinds of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The head parses, and is no request that can be answered.
    MalformedRequest,
    /// The client expects something unknown.
    UnknownExpectation,
    /// The body is not JSON or not UTF-8.
    MalformedBody,
    /// A number in the path or the query is none, or two parameters exclude each other.
    MalformedParameter,
    /// The room's name is outside the rule or reserved.
    InvalidRoom,
    /// The idempotency key is empty, too long or not text.
    InvalidKey,
    /// There is no token.
    NoToken,
    /// The token is not ours.
    ForgedToken,
    /// The token's time is over.
    ExpiredToken,
    /// The token is meant for another server.
    WrongAudience,
    /// The token was made void before its time.
    RevokedToken,
    /// The token has a form that no token has.
    MalformedToken,
    /// A request to an incoming webhook is not signed by its secret.
    ForgedSignature,
    /// A request to an incoming webhook was signed too long ago.
    StaleSignature,
    /// The room is for its members, and the author is none.
    NotMember,
    /// The author may read the room, and not write in it.
    ReadOnly,
    /// The author's role is too low.
    NeedsRole,
    /// The author may not write the first event of a room.
    NoNewRooms,
    /// The message is somebody else's.
    NotAuthor,
    /// Only a guest may do this.
    NotGuest,
    /// Only a bot may do this.
    NotABot,
    /// The room is closed to writing.
    RoomClosed,
    /// The author may not write any more.
    Banned,
    /// There is nothing at this path.
    UnknownPath,
    /// There is no room of this name, by the operator's list.
    UnknownRoom,
    /// There is no such invitation, or no longer.
    UnknownInvitation,
    /// There is no message at this position of the room.
    UnknownMessage,
    /// There is no API token of this id.
    UnknownToken,
    /// There is no incoming webhook at this address.
    UnknownHook,
    /// Nobody is writing such an answer.
    UnknownDraft,
    /// The path does not take this method.
    WrongMethod,
    /// The body did not arrive in time.
    SlowBody,
    /// As many authors are banned, or rooms closed, as can be.
    ListFull,
    /// As many sessions are revoked as can be.
    RevocationsFull,
    /// The unfinished answer was stopped.
    DraftStopped,
    /// The message was deleted before.
    MessageDeleted,
    /// The body or the content is over its limit.
    TooLarge,
    /// The body says that it is not JSON.
    UnsupportedType,
    /// The body is JSON of another shape.
    InvalidBody,
    /// The name is not one that people can read.
    InvalidName,
    /// The content says nothing.
    InvalidContent,
    /// The key was used before for something else.
    KeyReused,
    /// The message was edited as often as it can be.
    TooManyEdits,
    /// Bots have answered each other too often.
    TooManyHops,
    /// The message has as many reactions as it can have.
    TooManyReactions,
    /// The author or the address takes more than the operator allows.
    RateLimited,
    /// The disk failed in mid-commit.
    OutcomeUnknown,
    /// The log cannot be read.
    LogUnreadable,
    /// Too much is waiting.
    Busy,
    /// No writes are taken any more.
    Unavailable,
    /// The disk is full.
    DiskFull,
}

impl Kind {
    /// Returns what the caller can do about a read that failed.
    pub fn of_read(error: &ReadError) -> Self {
        match error {
            ReadError::Busy => Self::Busy,
            ReadError::Closed | ReadError::NotCurrent => Self::Unavailable,
            _ => Self::LogUnreadable,
        }
    }

    /// Name in the `type`, and in the metrics.
    pub fn name(self) -> &'static str {
        self.parts().0
    }

    /// Name in the `type`, status, title.
    pub fn parts(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => ("malformed-request", S::BAD_REQUEST, "The request is malformed"),
            Self::UnknownExpectation => {
                ("unknown-expectation", S::EXPECTATION_FAILED, "The expectation cannot be met")
            }
            Self::MalformedBody => ("malformed-body", S::BAD_REQUEST, "The body is not JSON"),
            Self::MalformedParameter => ("malformed-parameter", S::BAD_REQUEST, "A parameter is wrong"),
            Self::InvalidRoom => ("invalid-room", S::BAD_REQUEST, "This cannot be a room's name"),
            Self::InvalidKey => ("invalid-key", S::BAD_REQUEST, "The idempotency key cannot be used"),
            Self::NoToken => ("no-token", S::UNAUTHORIZED, "A token is needed"),
            Self::ForgedToken => ("forged-token", S::UNAUTHORIZED, "The token is not genuine"),
            Self::ExpiredToken => ("expired-token", S::UNAUTHORIZED, "The token has expired"),
            Self::WrongAudience => (
                "wrong-audience",
                S::UNAUTHORIZED,
                "The token is for another server, or the ticket for another room",
            ),
            Self::RevokedToken => ("revoked-token", S::UNAUTHORIZED, "The token was revoked"),
            Self::MalformedToken => ("malformed-token", S::UNAUTHORIZED, "The token is malformed"),
            Self::ForgedSignature => {
                ("forged-signature", S::UNAUTHORIZED, "The request is not signed by the hook's secret")
            }
            Self::StaleSignature => ("stale-signature", S::UNAUTHORIZED, "The signature is too old"),
            Self::NotGuest => ("not-guest", S::FORBIDDEN, "This is for guests"),
            Self::NotABot => ("not-a-bot", S::FORBIDDEN, "This is for bots"),
            Self::NotMember => ("not-member", S::FORBIDDEN, "The room is for its members"),
            Self::ReadOnly => ("read-only", S::FORBIDDEN, "The author may only read here"),
            Self::NeedsRole => ("needs-role", S::FORBIDDEN, "The author's role is too low"),
            Self::NoNewRooms => ("no-new-rooms", S::FORBIDDEN, "The author may open no room"),
            Self::NotAuthor => ("not-author", S::FORBIDDEN, "The message is somebody else's"),
            Self::RoomClosed => ("room-closed", S::FORBIDDEN, "The room is closed to writing"),
            Self::Banned => ("banned", S::FORBIDDEN, "The author is banned"),
            Self::UnknownPath => ("unknown-path", S::NOT_FOUND, "There is nothing here"),
            Self::UnknownRoom => ("unknown-room", S::NOT_FOUND, "There is no such room"),
            Self::UnknownInvitation => ("unknown-invitation", S::NOT_FOUND, "There is no such invitation"),
            Self::UnknownMessage => ("unknown-message", S::NOT_FOUND, "There is no such message"),
            Self::UnknownToken => ("unknown-token", S::NOT_FOUND, "There is no such API token"),
            Self::UnknownHook => ("unknown-hook", S::NOT_FOUND, "There is no such incoming webhook"),
            Self::UnknownDraft => ("unknown-draft", S::NOT_FOUND, "There is no such unfinished answer"),
            Self::WrongMethod => ("wrong-method", S::METHOD_NOT_ALLOWED, "The method is not taken here"),
            Self::SlowBody => ("slow-body", S::REQUEST_TIMEOUT, "The body took too long"),
            Self::ListFull => ("list-full", S::CONFLICT, "There are too many of these"),
            // It ends by itself, and nothing in the request is at fault.
            Self::RevocationsFull => ("list-full", S::SERVICE_UNAVAILABLE, "There are too many of these"),
            Self::MessageDeleted => ("message-deleted", S::GONE, "The message was deleted"),
            Self::DraftStopped => ("draft-stopped", S::GONE, "The answer was stopped"),
            Self::TooLarge => ("too-large", S::PAYLOAD_TOO_LARGE, "This is too large"),
            Self::UnsupportedType => {
                ("unsupported-type", S::UNSUPPORTED_MEDIA_TYPE, "The body is not announced as JSON")
            }
            Self::InvalidBody => ("invalid-body", S::UNPROCESSABLE_ENTITY, "The body has another shape"),
            Self::InvalidName => ("invalid-name", S::UNPROCESSABLE_ENTITY, "This cannot be a name"),
            Self::InvalidContent => ("invalid-content", S::UNPROCESSABLE_ENTITY, "This cannot be a message"),
            Self::KeyReused => ("key-reused", S::UNPROCESSABLE_ENTITY, "The idempotency key was used before"),
            Self::TooManyEdits => {
                ("too-many-edits", S::UNPROCESSABLE_ENTITY, "The message was edited too often")
            }
            Self::TooManyReactions => {
                ("too-many-reactions", S::UNPROCESSABLE_ENTITY, "The message has too many reactions")
            }
            Self::TooManyHops => {
                ("too-many-hops", S::UNPROCESSABLE_ENTITY, "Bots have answered each other too often")
            }
            Self::RateLimited => ("rate-limited", S::TOO_MANY_REQUESTS, "Too much, too fast"),
            Self::OutcomeUnknown => {
                ("outcome-unknown", S::INTERNAL_SERVER_ERROR, "It is unknown whether this was stored")
            }
            Self::LogUnreadable => ("log-unreadable", S::INTERNAL_SERVER_ERROR, "The log cannot be read"),
            Self::Busy => ("busy", S::SERVICE_UNAVAILABLE, "Too much is waiting"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "No writes are taken"),
            Self::DiskFull => ("disk-full", S::INSUFFICIENT_STORAGE, "The disk is full"),
        }
    }
}

/// A problem with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    /// The rest of the request's body is still on its way.
    close: bool,
    /// When it is worth another try, if it is.
    retry_after_seconds: Option<u64>,
}

/// The document.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    /// `urn:millchat:problem:NAME`.
    #[serde(rename = "type")]
    #[schema(example = "urn:millchat:problem:invalid-content")]
    kind: String,
    /// The kind in words.
    #[schema(example = "This cannot be a message")]
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// The fault of this request, and what is allowed.
    #[schema(example = "a message needs at least one visible character")]
    detail: &'a str,
}

impl Problem {
    /// A problem of this kind; the detail is for the developer of the client.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let passes = matches!(kind, Kind::Busy | Kind::Unavailable);
        let retry_after_seconds = passes.then_some(RETRY_AFTER_SECONDS);
        Self { kind, detail: detail.into(), close: false, retry_after_seconds }
    }

    /// Returns its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the seconds after which it is worth another try, if it is.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_seconds
    }

    /// The answer.
    pub fn response(&self) -> Response {
        let (name, status, title) = self.kind.parts();
        let document = Document {
            kind: format!("urn:millchat:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
        };
        let mut response = http::json_as(status, http::PROBLEM_JSON, &document);
        if self.close {
            http::close(&mut response);
        }
        let header = match self.kind {
            Kind::NoToken => Some((header::WWW_AUTHENTICATE, "Bearer")),
            Kind::ForgedToken
            | Kind::ExpiredToken
            | Kind::WrongAudience
            | Kind::RevokedToken
            | Kind::MalformedToken => Some((header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")),
            Kind::ForgedSignature | Kind::StaleSignature => {
                Some((header::WWW_AUTHENTICATE, "Webhook-Signature"))
            }
            _ => None,
        };
        if let Some((name, value)) = header {
            http::set(&mut response, name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = self.retry_after_seconds {
            http::set(&mut response, header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // By which it is counted.
        response.extensions_mut().insert(self.kind);
        response
    }
}

/// The name of the kind of problem that an answer tells of, if it does.
pub fn name_in(response: &Response) -> Option<&'static str> {
    response.extensions().get::<Kind>().map(|kind| kind.name())
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::TooLarge { .. } => Kind::TooLarge,
            BodyError::Slow => Kind::SlowBody,
            BodyError::Broken => Kind::MalformedBody,
            BodyError::Busy => Kind::Busy,
        };
        Self { close: true, ..Self::new(kind, error.to_string()) }
    }
}

impl From<BudgetFull> for Problem {
    fn from(full: BudgetFull) -> Self {
        Self::new(Kind::Busy, full.to_string())
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Self {
        let kind = match error {
            Malformed::Host => Kind::MalformedRequest,
            Malformed::Expectation => Kind::UnknownExpectation,
        };
        // Nothing was read of its body, if it has one.
        Self { close: true, ..Self::new(kind, error.to_string()) }
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let retry_after_seconds = Some(limited.retry_after_seconds());
        Self { retry_after_seconds, ..Self::new(Kind::RateLimited, limited.to_string()) }
    }
}

impl From<TokenError> for Kind {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => Self::NoToken,
            TokenError::Malformed(_) => Self::MalformedToken,
            TokenError::Forged(_) => Self::ForgedToken,
            TokenError::Expired(_) => Self::ExpiredToken,
            TokenError::WrongAudience | TokenError::WrongRoom => Self::WrongAudience,
            TokenError::Revoked(_) => Self::RevokedToken,
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(error.into(), error.to_string())
    }
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::TooMany => Self::new(Kind::RevocationsFull, error.to_string()),
            RevokeError::NotStored(error) => error.into(),
        }
    }
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::TooMany(_) => Self::new(Kind::ListFull, error.to_string()),
            RotateError::NotStored(error) => error.into(),
        }
    }
}

impl From<TextError> for Problem {
    fn from(error: TextError) -> Self {
        let kind = match error {
            TextError::NameInvisible | TextError::NameTooLong { .. } | TextError::NameLikeTag => {
                Kind::InvalidName
            }
            TextError::ContentInvisible => Kind::InvalidContent,
            TextError::ContentTooLong { .. } => Kind::TooLarge,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        let kind = match &error {
            SendError::QueueFull { .. } | SendError::ValueChanged | SendError::NotAllowed => Kind::Busy,
            SendError::TooLarge { .. } => Kind::TooLarge,
            SendError::NoText => Kind::InvalidContent,
            SendError::InvalidKey { .. } => Kind::InvalidKey,
            SendError::InvalidAuthor(_) => Kind::InvalidName,
            SendError::KeyReused => Kind::KeyReused,
            SendError::UnknownTarget(_) => Kind::UnknownMessage,
            SendError::TargetDeleted(_) => Kind::MessageDeleted,
            SendError::TooManyEdits(_) => Kind::TooManyEdits,
            SendError::TooManyReactions(_) => Kind::TooManyReactions,
            SendError::NotAuthor(_) => Kind::NotAuthor,
            SendError::RoomClosed => Kind::RoomClosed,
            SendError::Banned => Kind::Banned,
            SendError::TooMany(_) => Kind::ListFull,
            SendError::DiskFull { .. } => Kind::DiskFull,
            SendError::Unknown(_) => Kind::OutcomeUnknown,
            _ => Kind::Unavailable,
        };
        if matches!(kind, Kind::DiskFull | Kind::OutcomeUnknown | Kind::Unavailable) && SENDS.is_due() {
            tracing::error!(%error, "a send failed");
        }
        Self::new(kind, error.to_string())
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let kind = Kind::of_read(&error);
        // To be busy is no failure, and clients that ask for too much decide how often it happens.
        if kind == Kind::LogUnreadable && READS.is_due() {
            tracing::error!(%error, "a read failed");
        }
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_says_when_to_come_back_and_what_was_not_read_closes() {
        for (problem, status, retry, close) in [
            (Problem::from(BodyError::Busy), 503, true, true),
            (BodyError::TooLarge { limit: 1 }.into(), 413, false, true),
            (Malformed::Host.into(), 400, false, true),
            (Malformed::Expectation.into(), 417, false, true),
            (SendError::TooManyEdits(7).into(), 422, false, false),
            (SendError::QueueFull { sends: 1, bytes: 1 }.into(), 503, true, false),
            (ReadError::Busy.into(), 503, true, false),
            (ReadError::NotCurrent.into(), 503, true, false),
            (TextError::NameLikeTag.into(), 422, false, false),
        ] {
            let response = problem.response();
            assert_eq!(response.status().as_u16(), status, "{problem:?}");
            assert_eq!(response.headers().contains_key("retry-after"), retry, "{problem:?}");
            assert_eq!(response.headers().contains_key("connection"), close, "{problem:?}");
        }
    }
}
