//! Requests and their outcomes as bytes, for those that another node's writer judges.
//!
//! Both are between nodes of one release, or of neighbours: each begins with its kind, and a kind that is not
//! known is refused.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::SendError;
use crate::event::{Action, Draft, Epoch, Position, Receipt, RoomName, Timestamp};
use crate::log::BanRecord;
use crate::reaction::Reaction;
use crate::value::{NewValue, Replaces};
use crate::wire::{In, Out, Unreadable};
use crate::writer::queue::Request;

const POST: u8 = 1;
const EDIT: u8 = 2;
const DELETE: u8 = 3;
const REACT: u8 = 4;
const CLOSE: u8 = 5;
const OPEN: u8 = 6;
const PURGE: u8 = 7;
const BAN: u8 = 8;
const SET_VALUE: u8 = 9;
const REMOVE_VALUE: u8 = 10;

/// The most bytes of the text of an error: it is part of an entry of the journal.
const ERROR_TEXT_BYTES_MAX: usize = 128;

/// The texts of the errors that have one of a few.
const TEXTS: [&str; 9] = [
    "id",
    "name",
    "key",
    "text",
    "values of this kind",
    "bytes of kept values",
    "banned authors",
    "closed rooms",
    "rooms being emptied",
];

/// Writes a request, and if it is still allowed: that is asked where it is made.
pub(super) fn encode_request(request: &Request, is_allowed: bool) -> Bytes {
    let mut out = Out(vec![u8::from(is_allowed)]);
    match request {
        Request::Send(room, draft, _) => {
            let Draft { author, action, key } = draft;
            let kind = match action {
                Action::Post { .. } => POST,
                Action::Edit { .. } => EDIT,
                Action::Delete { .. } => DELETE,
                Action::React { .. } => REACT,
                Action::Close => CLOSE,
                Action::Open => OPEN,
                Action::Purge => PURGE,
            };
            out.byte(kind);
            out.text(room.as_str());
            out.maybe(author.as_ref(), Out::author);
            out.maybe(key.as_deref(), Out::text);
            match action {
                Action::Post { content, reply_to } => {
                    out.text(content);
                    out.maybe(*reply_to, Out::number);
                }
                Action::Edit { target, content, moderator } => {
                    out.number(*target);
                    out.text(content);
                    out.byte(u8::from(*moderator));
                }
                Action::Delete { target, moderator } => {
                    out.number(*target);
                    out.byte(u8::from(*moderator));
                }
                Action::React { target, reaction, on } => {
                    out.number(*target);
                    out.byte(reaction.number());
                    out.byte(u8::from(*on));
                }
                Action::Close | Action::Open | Action::Purge => {}
            }
        }
        Request::Ban(BanRecord { author_id, banned, by }) => {
            out.byte(BAN);
            out.text(author_id);
            out.byte(u8::from(*banned));
            out.maybe(by.as_ref(), Out::author);
        }
        Request::SetValue(key, NewValue { text, until, by, replaces, limit }) => {
            out.byte(SET_VALUE);
            out.text(key);
            out.text(text);
            out.maybe(until.map(|until| until.0), Out::number);
            out.maybe(by.as_ref(), Out::author);
            match replaces {
                Replaces::Any => out.byte(0),
                Replaces::Absent => out.byte(1),
                Replaces::Position(position) => {
                    out.byte(2);
                    out.number(*position);
                }
            }
            out.number(*limit as u64);
        }
        Request::RemoveValue(key, by) => {
            out.byte(REMOVE_VALUE);
            out.text(key);
            out.maybe(by.as_ref(), Out::author);
        }
    }
    out.0.into()
}

/// Reads a request; `None` if it is none that this release knows.
pub(super) fn decode_request(bytes: &[u8]) -> Option<Request> {
    let mut bytes = In(bytes);
    let is_allowed = bytes.is_on().ok()?;
    let mut request = read_request(&mut bytes).ok()?;
    if let Request::Send(_, _, permission) = &mut request
        && !is_allowed
    {
        *permission = Some(Box::new(|| false));
    }
    bytes.0.is_empty().then_some(request)
}

fn read_request(bytes: &mut In<'_>) -> Result<Request, Unreadable> {
    let kind = bytes.byte()?;
    Ok(match kind {
        BAN => {
            let author_id = Arc::from(bytes.text()?);
            Request::Ban(BanRecord { author_id, banned: bytes.is_on()?, by: bytes.maybe(In::author)? })
        }
        SET_VALUE => {
            let (key, text) = (Arc::from(bytes.text()?), bytes.text()?.to_owned());
            let until = bytes.maybe(In::number)?.map(Timestamp);
            let by = bytes.maybe(In::author)?;
            let replaces = match bytes.byte()? {
                0 => Replaces::Any,
                1 => Replaces::Absent,
                2 => Replaces::Position(bytes.number()?),
                _ => return Err(Unreadable),
            };
            let limit = bytes.number()? as usize;
            Request::SetValue(key, NewValue { text, until, by, replaces, limit })
        }
        REMOVE_VALUE => Request::RemoveValue(Arc::from(bytes.text()?), bytes.maybe(In::author)?),
        _ => {
            let room = RoomName::new(bytes.text()?).map_err(|_| Unreadable)?;
            let author = bytes.maybe(In::author)?;
            let key = bytes.maybe(|bytes| bytes.text().map(str::to_owned))?;
            let draft = Draft { author, action: read_action(kind, bytes)?, key };
            Request::Send(room, draft, None)
        }
    })
}

fn read_action(kind: u8, bytes: &mut In<'_>) -> Result<Action, Unreadable> {
    Ok(match kind {
        POST => {
            let content = bytes.text()?.to_owned();
            Action::Post { content, reply_to: bytes.maybe(In::number)? }
        }
        EDIT => {
            let (target, content) = (bytes.number()?, bytes.text()?.to_owned());
            Action::Edit { target, content, moderator: bytes.is_on()? }
        }
        DELETE => Action::Delete { target: bytes.number()?, moderator: bytes.is_on()? },
        REACT => {
            let target = bytes.number()?;
            let reaction = Reaction::of_number(bytes.byte()?).ok_or(Unreadable)?;
            Action::React { target, reaction, on: bytes.is_on()? }
        }
        CLOSE => Action::Close,
        OPEN => Action::Open,
        PURGE => Action::Purge,
        _ => return Err(Unreadable),
    })
}

/// Writes the outcome of a request.
pub(super) fn encode_outcome(outcome: &Result<Receipt, SendError>) -> Bytes {
    let mut out = Out(Vec::new());
    match outcome {
        Ok(Receipt { position, prev, epoch: _, created_at }) => {
            out.byte(0);
            out.number(*position);
            out.number(*prev);
            out.number(created_at.0);
        }
        Err(error) => match error {
            SendError::QueueFull { sends, bytes } => out.error(1, &[*sends as u64, *bytes as u64], ""),
            SendError::TooLarge { bytes } => out.error(2, &[*bytes as u64], ""),
            SendError::NoText => out.error(3, &[], ""),
            SendError::InvalidKey { bytes } => out.error(4, &[*bytes as u64], ""),
            SendError::InvalidAuthor(what) => out.error(5, &[], what),
            SendError::RoomClosed => out.error(6, &[], ""),
            SendError::Banned => out.error(7, &[], ""),
            SendError::NotAllowed => out.error(8, &[], ""),
            SendError::TooMany(what) => out.error(9, &[], what),
            SendError::InvalidValue(what) => out.error(10, &[], what),
            SendError::UnknownValue => out.error(11, &[], ""),
            SendError::ValueChanged => out.error(12, &[], ""),
            SendError::KeyReused => out.error(13, &[], ""),
            SendError::UnknownTarget(at) => out.error(14, &[*at], ""),
            SendError::TargetDeleted(at) => out.error(15, &[*at], ""),
            SendError::TooManyEdits(at) => out.error(16, &[*at], ""),
            SendError::TooManyReactions(at) => out.error(17, &[*at], ""),
            SendError::NotAuthor(at) => out.error(18, &[*at], ""),
            SendError::DiskFull { free, needed } => out.error(19, &[*free, *needed], ""),
            SendError::Unavailable(why) => out.error(20, &[], &why.to_string()),
            SendError::Unknown(why) => out.error(21, &[], &why.to_string()),
        },
    }
    out.0.into()
}

/// Reads the outcome of a request. One that this release does not know is not known.
pub(super) fn decode_outcome(bytes: &[u8], epoch: Epoch) -> Result<Receipt, SendError> {
    read_outcome(&mut In(bytes), epoch).unwrap_or_else(|Unreadable| {
        Err(SendError::Unknown("the answer of the leader cannot be read".into()))
    })
}

fn read_outcome(bytes: &mut In<'_>, epoch: Epoch) -> Result<Result<Receipt, SendError>, Unreadable> {
    let kind = bytes.byte()?;
    if kind == 0 {
        let (position, prev) = (bytes.number()?, bytes.number()?);
        return Ok(Ok(Receipt { position, prev, epoch, created_at: Timestamp(bytes.number()?) }));
    }
    let (first, second) = (bytes.number()?, bytes.number()?);
    let text = bytes.text()?;
    let known = TEXTS.iter().find(|known| **known == text).copied().unwrap_or("of them");
    Ok(Err(match kind {
        1 => SendError::QueueFull { sends: first as usize, bytes: second as usize },
        2 => SendError::TooLarge { bytes: first as usize },
        3 => SendError::NoText,
        4 => SendError::InvalidKey { bytes: first as usize },
        5 => SendError::InvalidAuthor(known),
        6 => SendError::RoomClosed,
        7 => SendError::Banned,
        8 => SendError::NotAllowed,
        9 => SendError::TooMany(known),
        10 => SendError::InvalidValue(known),
        11 => SendError::UnknownValue,
        12 => SendError::ValueChanged,
        13 => SendError::KeyReused,
        14 => SendError::UnknownTarget(first),
        15 => SendError::TargetDeleted(first),
        16 => SendError::TooManyEdits(first),
        17 => SendError::TooManyReactions(first),
        18 => SendError::NotAuthor(first),
        19 => SendError::DiskFull { free: first, needed: second },
        20 => SendError::Unavailable(text.to_owned().into()),
        21 => SendError::Unknown(text.to_owned().into()),
        _ => return Err(Unreadable),
    }))
}

impl Out {
    /// Writes an error with at most two numbers.
    fn error(&mut self, kind: u8, numbers: &[Position], text: &str) {
        self.byte(kind);
        self.number(numbers.first().copied().unwrap_or(0));
        self.number(numbers.get(1).copied().unwrap_or(0));
        self.text(&text[..text.floor_char_boundary(ERROR_TEXT_BYTES_MAX)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Author, AuthorKind};

    fn requests() -> Vec<Request> {
        let room = RoomName::new("lobby").unwrap();
        let ada = Author { id: "ada".into(), name: "Ada \u{1f980}".into(), kind: AuthorKind::Bot };
        let post = |reply_to| Action::Post { content: "hello\nthere".into(), reply_to };
        let actions = [
            post(None),
            post(Some(7)),
            Action::Edit { target: 7, content: String::new(), moderator: true },
            Action::Delete { target: 7, moderator: false },
            Action::React { target: 7, reaction: Reaction::ALL[2], on: true },
            Action::Close,
            Action::Open,
            Action::Purge,
        ];
        let mut requests = Vec::new();
        for action in actions {
            for (author, key) in [(None, None), (Some(ada.clone()), Some("key".to_owned()))] {
                let draft = Draft { author, action: action.clone(), key };
                requests.push(Request::Send(room.clone(), draft, None));
            }
        }
        for banned in [true, false] {
            requests.push(Request::Ban(BanRecord { author_id: "eve".into(), banned, by: Some(ada.clone()) }));
        }
        for replaces in [Replaces::Any, Replaces::Absent, Replaces::Position(9)] {
            for until in [None, Some(Timestamp(5))] {
                let (text, by) = ("text".to_owned(), Some(ada.clone()));
                let new = NewValue { text, until, by, replaces, limit: usize::MAX };
                requests.push(Request::SetValue("kind/rest".into(), new));
            }
        }
        requests.push(Request::RemoveValue("kind/rest".into(), None));
        requests
    }

    fn told(request: &Request) -> String {
        match request {
            Request::Send(room, draft, _) => format!("{room:?} {draft:?}"),
            Request::Ban(ban) => format!("{ban:?}"),
            Request::SetValue(key, new) => format!("{key} {new:?} {}", new.text),
            Request::RemoveValue(key, by) => format!("{key} {by:?}"),
        }
    }

    #[test]
    fn every_request_is_read_as_it_was_written() {
        for request in requests() {
            let bytes = encode_request(&request, true);
            let read = decode_request(&bytes).expect("it can be read");
            assert_eq!(told(&read), told(&request));
            for cut in 0..bytes.len() {
                assert!(decode_request(&bytes[..cut]).is_none(), "{cut} bytes of {}", told(&request));
            }
        }
        assert!(decode_request(&[1, 99]).is_none(), "a kind of another release");
    }

    #[test]
    fn every_outcome_is_read_as_it_was_written() {
        let epoch = Epoch(3);
        let errors = [
            SendError::QueueFull { sends: 1, bytes: 2 },
            SendError::TooLarge { bytes: 3 },
            SendError::NoText,
            SendError::InvalidKey { bytes: 4 },
            SendError::InvalidAuthor("name"),
            SendError::RoomClosed,
            SendError::Banned,
            SendError::NotAllowed,
            SendError::TooMany("banned authors"),
            SendError::TooMany("closed rooms"),
            SendError::TooMany("rooms being emptied"),
            SendError::TooMany("values of this kind"),
            SendError::TooMany("bytes of kept values"),
            SendError::InvalidValue("key"),
            SendError::UnknownValue,
            SendError::ValueChanged,
            SendError::KeyReused,
            SendError::UnknownTarget(5),
            SendError::TargetDeleted(6),
            SendError::TooManyEdits(7),
            SendError::TooManyReactions(8),
            SendError::NotAuthor(9),
            SendError::DiskFull { free: 10, needed: 11 },
            SendError::Unavailable("it is closed".into()),
            SendError::Unknown("nobody knows".into()),
        ];
        for error in errors {
            let read = decode_outcome(&encode_outcome(&Err(error.clone())), epoch).unwrap_err();
            assert_eq!(format!("{read:?}"), format!("{error:?}"));
        }
        let receipt = Receipt { position: 12, prev: 11, epoch, created_at: Timestamp(13) };
        let bytes = encode_outcome(&Ok(receipt));
        assert_eq!(decode_outcome(&bytes, epoch).unwrap(), receipt);
        assert!(matches!(decode_outcome(&bytes[..9], epoch), Err(SendError::Unknown(_))));
        assert!(matches!(decode_outcome(&[99], epoch), Err(SendError::Unknown(_))));
    }
}
