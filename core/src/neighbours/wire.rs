//! The bytes of what nodes tell each other of their people.
//!
//! The version, a position of the log, the stops, then the rooms. A message of another version is refused, which does
//! no harm; what later releases may put behind the rooms is not read.

use bytes::Bytes;

use crate::answer::{AnswerState, UnfinishedAnswer};
use crate::event::{Author, Position, RoomName};
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWERS_PER_ROOM_MAX, AUTHOR_ID_BYTES_MAX, AUTHOR_NAME_BYTES_MAX, PRESENCE_NAMES_MAX,
    TYPING_NAMES_MAX,
};
use crate::neighbours::stops::{STOPS_TOLD_MAX, StoppedAnswer};
use crate::room::elsewhere::RoomSignals;
use crate::room::encoder::Presence;
use crate::wire::{In, Out, Unreadable};

/// Most bytes of what a node tells another one of its people at one time.
pub const SIGNALS_BYTES_MAX: usize = 1024 * 1024;

/// Most rooms of one message.
pub(super) const ROOMS_PER_MESSAGE_MAX: usize = 1_024;
const VERSION: u8 = 1;
/// The most bytes that one room takes, and the end of a message.
const ROOM_BYTES_MAX: usize = 64 * 1024;
/// Longest word for the reason why there is no answer, in bytes.
const REASON_BYTES_MAX: usize = 64;
/// Most readers that a node may say it has in a room.
const READERS_MAX: u64 = u32::MAX as u64;
/// Bytes of an author beside the texts, and of an answer beside its own: what they take in memory.
const EACH_BYTES: usize = size_of::<UnfinishedAnswer>();

const WAITING: u8 = 1;
const THINKING: u8 = 2;
const WRITING: u8 = 3;
const FAILED: u8 = 4;

/// Bytes from another node that this release does not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the people of another node cannot be read: it may be of another release")]
pub struct UnreadableSignals;

impl From<Unreadable> for UnreadableSignals {
    fn from(_: Unreadable) -> Self {
        Self
    }
}

/// A message.
pub(super) struct Told {
    /// The position of the log up to which its node knew what was posted.
    pub published: Position,
    pub rooms: Vec<(RoomName, RoomSignals)>,
    pub stops: Vec<StoppedAnswer>,
}

/// A message that is being made.
pub(super) struct Writing {
    out: Out,
    rooms: usize,
    has_stops: bool,
    /// The place of the number of rooms.
    count_at: usize,
}

impl Writing {
    pub fn new(published: Position, stops: &[StoppedAnswer]) -> Self {
        let mut out = Out(vec![VERSION]);
        out.number(published);
        let stops: Vec<_> =
            stops.iter().filter(|stop| is_short(&stop.author_id, AUTHOR_ID_BYTES_MAX)).collect();
        out.number(stops.len() as u64);
        for StoppedAnswer { room, reply_to, author_id } in &stops {
            out.text(room.as_str());
            out.number(*reply_to);
            out.text(author_id);
        }
        let count_at = out.0.len();
        out.number(0);
        Self { out, rooms: 0, has_stops: !stops.is_empty(), count_at }
    }

    /// Returns true if one more room may be too much.
    pub fn is_full(&self) -> bool {
        self.out.0.len() + ROOM_BYTES_MAX > SIGNALS_BYTES_MAX
    }

    pub fn rooms(&self) -> usize {
        self.rooms
    }

    pub fn room(&mut self, name: &RoomName, RoomSignals { presence, typing, answers }: &RoomSignals) {
        self.rooms += 1;
        let out = &mut self.out;
        out.text(name.as_str());
        out.number(presence.count as u64);
        // One whom the others would refuse is not told: they would refuse everything.
        put_all(out, presence.authors.iter().filter(|author| fits(author)), Out::author);
        put_all(out, typing.iter().filter(|author| fits(author)), Out::author);
        put_all(out, answers.iter().filter(|answer| fits(&answer.author)), |out, answer| {
            out.author(&answer.author);
            out.number(answer.reply_to);
            let asker_id = answer.asker_id.as_deref().filter(|id| is_short(id, AUTHOR_ID_BYTES_MAX));
            out.maybe(asker_id, Out::text);
            match &answer.state {
                AnswerState::Waiting => out.byte(WAITING),
                AnswerState::Thinking => out.byte(THINKING),
                AnswerState::Writing => out.byte(WRITING),
                AnswerState::Failed(reason) => {
                    out.byte(FAILED);
                    out.text(&reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]);
                }
            }
            out.text(&answer.content);
            out.number(answer.from as u64);
        });
    }

    /// Returns the message, if there is anything in it.
    pub fn finish(mut self) -> Option<Bytes> {
        let count = (self.rooms as u64).to_le_bytes();
        self.out.0[self.count_at..self.count_at + count.len()].copy_from_slice(&count);
        (self.rooms > 0 || self.has_stops).then(|| self.out.0.into())
    }
}

fn put_all<'a, T: 'a>(out: &mut Out, all: impl Iterator<Item = &'a T>, mut put: impl FnMut(&mut Out, &'a T)) {
    let count_at = out.0.len();
    out.byte(0);
    for each in all {
        put(out, each);
        out.0[count_at] += 1;
    }
}

/// Returns true if others take an author.
fn fits(author: &Author) -> bool {
    is_short(&author.id, AUTHOR_ID_BYTES_MAX) && is_short(&author.name, AUTHOR_NAME_BYTES_MAX)
}

/// Reads a message. One that goes beyond any bound is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<Told, UnreadableSignals> {
    if bytes.len() > SIGNALS_BYTES_MAX {
        return Err(UnreadableSignals);
    }
    let mut bytes = In(bytes);
    if bytes.byte()? != VERSION {
        return Err(UnreadableSignals);
    }
    let published = bytes.number()?;
    let stops = up_to(bytes.number()?, STOPS_TOLD_MAX)?;
    let stops = (0..stops).map(|_| {
        let (room, reply_to) = (room(&mut bytes)?, bytes.number()?);
        Ok(StoppedAnswer { room, reply_to, author_id: short(bytes.text()?, AUTHOR_ID_BYTES_MAX)?.into() })
    });
    let stops = stops.collect::<Result<_, Unreadable>>()?;
    let rooms = up_to(bytes.number()?, ROOMS_PER_MESSAGE_MAX)?;
    let rooms = (0..rooms).map(|_| Ok((room(&mut bytes)?, signals(&mut bytes)?)));
    let rooms = rooms.collect::<Result<_, Unreadable>>()?;
    Ok(Told { published, rooms, stops })
}

fn signals(bytes: &mut In<'_>) -> Result<RoomSignals, Unreadable> {
    let count = bytes.number()?;
    let count = if count > READERS_MAX { return Err(Unreadable) } else { count as usize };
    let presence = Presence { count, authors: take_all(bytes, PRESENCE_NAMES_MAX, author)? };
    let typing = take_all(bytes, TYPING_NAMES_MAX, author)?;
    let answers = take_all(bytes, ANSWERS_PER_ROOM_MAX, answer)?;
    Ok(RoomSignals { presence, typing, answers })
}

fn answer(bytes: &mut In<'_>) -> Result<UnfinishedAnswer, Unreadable> {
    let (author, reply_to) = (author(bytes)?, bytes.number()?);
    let asker_id = bytes.maybe(|bytes| Ok(short(bytes.text()?, AUTHOR_ID_BYTES_MAX)?.into()))?;
    let state = match bytes.byte()? {
        WAITING => AnswerState::Waiting,
        THINKING => AnswerState::Thinking,
        WRITING => AnswerState::Writing,
        FAILED => AnswerState::Failed(short(bytes.text()?, REASON_BYTES_MAX)?.into()),
        _ => return Err(Unreadable),
    };
    let content = short(bytes.text()?, ANSWER_BYTES_MAX)?.into();
    let from = up_to(bytes.number()?, u32::MAX as usize)?;
    Ok(UnfinishedAnswer { author, reply_to, asker_id, state, content, from })
}

fn author(bytes: &mut In<'_>) -> Result<Author, Unreadable> {
    let author = bytes.author()?;
    if fits(&author) { Ok(author) } else { Err(Unreadable) }
}

fn room(bytes: &mut In<'_>) -> Result<RoomName, Unreadable> {
    RoomName::new(bytes.text()?).map_err(|_| Unreadable)
}

fn take_all<T>(
    bytes: &mut In<'_>,
    count_max: usize,
    mut take: impl FnMut(&mut In<'_>) -> Result<T, Unreadable>,
) -> Result<Vec<T>, Unreadable> {
    let count = up_to(bytes.byte()?.into(), count_max)?;
    (0..count).map(|_| take(bytes)).collect()
}

fn up_to(count: u64, count_max: usize) -> Result<usize, Unreadable> {
    let count = usize::try_from(count).map_err(|_| Unreadable)?;
    if count > count_max { Err(Unreadable) } else { Ok(count) }
}

fn short(text: &str, bytes_max: usize) -> Result<&str, Unreadable> {
    if is_short(text, bytes_max) { Ok(text) } else { Err(Unreadable) }
}

fn is_short(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max
}

/// Returns about how many bytes of memory a room takes.
pub(super) fn cost_bytes(RoomSignals { presence, typing, answers }: &RoomSignals) -> usize {
    let author = |author: &Author| EACH_BYTES + author.text_bytes();
    let authors = presence.authors.iter().chain(typing).map(author).sum::<usize>();
    let answer = |answer: &UnfinishedAnswer| {
        let asker = answer.asker_id.as_ref().map_or(0, |id| id.len());
        EACH_BYTES + answer.author.text_bytes() + answer.content.len() + asker
    };
    EACH_BYTES + authors + answers.iter().map(answer).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AuthorKind;

    fn author_of(id_bytes: usize) -> Author {
        let id: String = "x".repeat(id_bytes);
        Author { id: id.into(), name: "y".repeat(AUTHOR_NAME_BYTES_MAX).into(), kind: AuthorKind::Bot }
    }

    fn answer_of(state: AnswerState) -> UnfinishedAnswer {
        let asker_id = Some("g_ada".into());
        UnfinishedAnswer { asker_id, ..UnfinishedAnswer::new(author_of(9), 7, state) }
            .with_text(&"z".repeat(ANSWER_BYTES_MAX + 5))
    }

    /// A room with as much in it as there can be.
    fn largest() -> RoomSignals {
        let id_bytes = AUTHOR_ID_BYTES_MAX;
        let authors = vec![author_of(id_bytes); PRESENCE_NAMES_MAX];
        let states = [
            AnswerState::Waiting,
            AnswerState::Thinking,
            AnswerState::Writing,
            AnswerState::Failed("x".repeat(REASON_BYTES_MAX).into()),
        ];
        RoomSignals {
            presence: Presence { count: 99, authors },
            typing: vec![author_of(id_bytes); TYPING_NAMES_MAX],
            answers: states.map(answer_of).to_vec(),
        }
    }

    fn stop() -> StoppedAnswer {
        StoppedAnswer { room: lobby(), reply_to: 8, author_id: "b_bot".into() }
    }

    fn lobby() -> RoomName {
        RoomName::new("lobby").unwrap()
    }

    fn message(stops: &[StoppedAnswer], rooms: &[RoomSignals]) -> Vec<u8> {
        let mut writing = Writing::new(5, stops);
        for signals in rooms {
            writing.room(&lobby(), signals);
        }
        writing.finish().unwrap().to_vec()
    }

    #[test]
    fn a_message_is_read_as_it_was_written_and_one_that_ends_early_is_refused() {
        let rooms = [RoomSignals::default(), largest()];
        let mut bytes = message(&[stop()], &rooms);
        for cut in (0..bytes.len()).step_by(7) {
            assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        }
        bytes.extend_from_slice(b"of a later release");
        let Ok(told) = decode(&bytes) else { panic!("it is whole") };
        assert_eq!((told.published, told.stops), (5, vec![stop()]));
        assert_eq!(told.rooms, rooms.map(|signals| (lobby(), signals)));
        bytes[0] = VERSION + 1;
        assert!(decode(&bytes).is_err(), "of another release");
        assert!(Writing::new(5, &[]).finish().is_none(), "there is nothing to tell");
    }

    #[test]
    fn no_room_is_too_large_for_a_message_and_no_message_is_too_large() {
        let stops = vec![
            StoppedAnswer {
                room: RoomName::new(&"r".repeat(64)).unwrap(),
                reply_to: 1,
                author_id: "x".repeat(AUTHOR_ID_BYTES_MAX).into()
            };
            STOPS_TOLD_MAX
        ];
        let mut writing = Writing::new(5, &stops);
        while !writing.is_full() {
            writing.room(&lobby(), &largest());
        }
        assert!(writing.rooms() > 10 && decode(&writing.finish().unwrap()).is_ok());
    }

    #[test]
    fn names_that_are_too_long_are_refused_and_not_told() {
        let with = |author: &Author| {
            let mut out = Out(vec![VERSION]);
            // No stops, and one room with one reader.
            for number in [5, 0, 1] {
                out.number(number);
            }
            out.text("lobby");
            out.number(1);
            out.byte(1);
            out.author(author);
            out.byte(0);
            out.byte(0);
            decode(&out.0).is_ok()
        };
        let long = || author_of(AUTHOR_ID_BYTES_MAX + 1);
        let long_name = Author { name: "y".repeat(AUTHOR_NAME_BYTES_MAX + 1).into(), ..author_of(1) };
        assert!(with(&author_of(1)) && !with(&long()) && !with(&long_name));

        let well = largest();
        let mut signals = well.clone();
        signals.presence.authors[1] = long();
        signals.typing[1] = long_name;
        signals.answers[1].author = long();
        signals.answers[0].asker_id = Some(long().id);
        let too_long = StoppedAnswer { author_id: long().id, ..stop() };
        let Ok(told) = decode(&message(&[too_long, stop()], &[signals])) else {
            panic!("the others take it")
        };
        assert_eq!(told.stops, [stop()]);
        let heard = &told.rooms[0].1;
        assert_eq!(
            heard.presence,
            Presence { authors: well.presence.authors[1..].to_vec(), ..well.presence }
        );
        assert_eq!(
            (heard.typing.len(), heard.answers.len()),
            (TYPING_NAMES_MAX - 1, ANSWERS_PER_ROOM_MAX - 1)
        );
        assert_eq!(heard.answers[0].asker_id, None);
    }

    #[test]
    fn more_than_a_node_may_tell_is_refused() {
        let grown = |grow: fn(&mut RoomSignals)| {
            let mut signals = largest();
            grow(&mut signals);
            decode(&message(&[], &[signals])).is_err()
        };
        assert!(!grown(|_| ()));
        assert!(grown(|signals| signals.presence.count = usize::MAX));
        assert!(grown(|signals| signals.presence.authors.push(author_of(1))));
        assert!(grown(|signals| signals.typing.push(author_of(1))));
        assert!(grown(|signals| signals.answers.push(answer_of(AnswerState::Writing))));
        assert!(grown(|signals| signals.answers[0].content = "z".repeat(ANSWER_BYTES_MAX + 1).into()));
        assert!(decode(&message(&vec![stop(); STOPS_TOLD_MAX + 1], &[])).is_err());
        assert!(decode(&message(&[], &vec![RoomSignals::default(); ROOMS_PER_MESSAGE_MAX + 1])).is_err());
    }
}
