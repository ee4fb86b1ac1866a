//! The bytes of the messages between nodes: the body of one request is some of them.
//!
//! | kind | what follows, numbers little-endian |
//! |---|---|
//! | 1, a status | term, seq, trail (16 bytes), 1 if it leads |
//! | 2, proposals | run, term, lowest, count; of each: number, bytes (their count first) |
//! | 3, a confirmation | run, term, count, numbers |

use bytes::{Buf, BufMut, Bytes, TryGetError};
use millchat::cluster::{EntryId, Message, Proposal, Status};

const STATUS: u8 = 1;
const FORWARD: u8 = 2;
const CONFIRM: u8 = 3;
/// The bytes of an empty proposal.
const PROPOSAL_BYTES_MIN: usize = 12;
const NUMBER_BYTES: usize = 8;

/// A body is not one of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not one of messages that this release knows")]
pub struct Unreadable;

impl From<TryGetError> for Unreadable {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

/// Returns about how many bytes a message takes.
pub fn cost_bytes(message: &Message) -> usize {
    match message {
        Message::Status(_) => 64,
        Message::Forward { proposals, .. } => {
            64 + proposals.iter().map(|proposal| 64 + proposal.body.len()).sum::<usize>()
        }
        Message::Confirm { numbers, .. } => 64 + NUMBER_BYTES * numbers.len(),
    }
}

/// Writes a message.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Status(Status { term, seq, trail, is_leader }) => {
            out.put_u8(STATUS);
            out.put_u64_le(*term);
            out.put_u64_le(*seq);
            out.put_slice(&trail.0);
            out.put_u8(u8::from(*is_leader));
        }
        Message::Forward { run, term, lowest, proposals } => {
            out.put_u8(FORWARD);
            for number in [*run, *term, *lowest, proposals.len() as u64] {
                out.put_u64_le(number);
            }
            for Proposal { number, body } in proposals {
                out.put_u64_le(*number);
                out.put_u32_le(body.len() as u32);
                out.put_slice(body);
            }
        }
        Message::Confirm { run, term, numbers } => {
            out.put_u8(CONFIRM);
            for number in [*run, *term, numbers.len() as u64] {
                out.put_u64_le(number);
            }
            for number in numbers {
                out.put_u64_le(*number);
            }
        }
    }
}

/// Reads all messages of a body.
pub fn decode(mut bytes: Bytes) -> Result<Vec<Message>, Unreadable> {
    let mut messages = Vec::new();
    while bytes.has_remaining() {
        messages.push(decode_one(&mut bytes)?);
    }
    Ok(messages)
}

fn decode_one(bytes: &mut Bytes) -> Result<Message, Unreadable> {
    Ok(match bytes.try_get_u8()? {
        STATUS => {
            let (term, seq) = (bytes.try_get_u64_le()?, bytes.try_get_u64_le()?);
            let mut trail = EntryId::default();
            bytes.try_copy_to_slice(&mut trail.0)?;
            Message::Status(Status { term, seq, trail, is_leader: bytes.try_get_u8()? != 0 })
        }
        FORWARD => {
            let (run, term) = (bytes.try_get_u64_le()?, bytes.try_get_u64_le()?);
            let lowest = bytes.try_get_u64_le()?;
            let count = count(bytes, PROPOSAL_BYTES_MIN)?;
            let proposals = (0..count).map(|_| {
                let number = bytes.try_get_u64_le()?;
                let length = bytes.try_get_u32_le()? as usize;
                if bytes.remaining() < length {
                    return Err(Unreadable);
                }
                // Of its own: it must not keep the whole body.
                let body = Bytes::copy_from_slice(&bytes[..length]);
                bytes.advance(length);
                Ok(Proposal { number, body })
            });
            Message::Forward { run, term, lowest, proposals: proposals.collect::<Result<_, _>>()? }
        }
        CONFIRM => {
            let (run, term) = (bytes.try_get_u64_le()?, bytes.try_get_u64_le()?);
            let count = count(bytes, NUMBER_BYTES)?;
            let numbers = (0..count).map(|_| bytes.try_get_u64_le());
            Message::Confirm { run, term, numbers: numbers.collect::<Result<_, _>>()? }
        }
        _ => return Err(Unreadable),
    })
}

/// Reads a count of things of at least so many bytes: there can be no more than the rest has room for.
fn count(bytes: &mut Bytes, each_bytes_min: usize) -> Result<usize, Unreadable> {
    let count = usize::try_from(bytes.try_get_u64_le()?).map_err(|_| Unreadable)?;
    if count > bytes.remaining() / each_bytes_min { Err(Unreadable) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Vec<Message> {
        let proposal = |number, body: &'static [u8]| Proposal { number, body: Bytes::from_static(body) };
        vec![
            Message::Status(Status { term: 1, seq: u64::MAX, trail: EntryId([7; 16]), is_leader: true }),
            Message::Forward { run: 2, term: 3, lowest: 4, proposals: Vec::new() },
            Message::Forward {
                run: 2,
                term: 3,
                lowest: 4,
                proposals: vec![proposal(5, b"one"), proposal(6, b"")],
            },
            Message::Confirm { run: 8, term: 9, numbers: vec![10, 11] },
            Message::Confirm { run: 8, term: 9, numbers: Vec::new() },
        ]
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let mut bytes = Vec::new();
        for message in messages() {
            encode(&message, &mut bytes);
        }
        assert_eq!(decode(bytes.into()).unwrap(), messages());
    }

    #[test]
    fn a_body_that_ends_early_or_promises_too_much_is_refused() {
        for message in messages() {
            let mut bytes = Vec::new();
            encode(&message, &mut bytes);
            for cut in 1..bytes.len() {
                assert_eq!(
                    decode(Bytes::copy_from_slice(&bytes[..cut])),
                    Err(Unreadable),
                    "{cut} of {message:?}"
                );
            }
        }
        let mut much = vec![CONFIRM];
        much.extend_from_slice(&[0; 16]);
        much.extend_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(decode(much.into()), Err(Unreadable));
        assert_eq!(decode(Bytes::from_static(&[99])), Err(Unreadable), "a kind of another release");
    }
}
