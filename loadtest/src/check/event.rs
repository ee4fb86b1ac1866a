//! A block of our own server's stream: an opening, a logged event with the time at which it was due, a
//! signal, or nothing. The kit reads it; this adds the stamp of a message of the run.

use std::time::Duration;

use millchat::{EventId, Opening, Position};
use millchat_oracle::{EventKind, Observed};
use millchat_testkit::sse::Fields;
use millchat_testkit::translate;

use crate::check::stamp::Stamp;

/// The meaning of a block.
#[derive(Debug)]
pub enum Block {
    /// The stream opened, or skipped what retention took: `id` is the place just before what follows.
    Opening {
        /// The way in which it opened.
        opening: Opening,
        /// The place.
        id: EventId,
        /// The room's newest position, as the opening says it.
        head: Option<Position>,
    },
    /// A logged event.
    Event(Event),
    /// Something that is not logged.
    Signal,
    /// A comment, or a field for the client itself.
    Nothing,
}

/// A logged event.
#[derive(Debug, Clone)]
pub struct Event {
    /// The event's place.
    pub place: EventId,
    /// The event as the oracle compares it.
    pub observed: Observed,
    /// When it was due, if it is a message of this run.
    pub due: Option<Duration>,
}

impl Block {
    /// Reads a block. `run` is the run whose messages are measured. An error names what is wrong with it.
    pub fn parse(block: &[u8], run: u32) -> Result<Self, &'static str> {
        let fields = Fields::parse(block);
        Ok(match translate::Block::read(&fields).map_err(|malformed| malformed.0)? {
            translate::Block::Opening { opening, id, head } => Self::Opening { opening, id, head },
            translate::Block::Event { place, observed, content } => {
                let stamp = content.and_then(|content| Stamp::read(content.as_bytes()));
                let stamp =
                    stamp.filter(|stamp| stamp.run == run && observed.event.kind == EventKind::Message);
                Self::Event(Event { place, observed, due: stamp.map(|stamp| stamp.due) })
            }
            translate::Block::Signal => Self::Signal,
            translate::Block::Nothing => Self::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use millchat_oracle::digest;

    use super::*;

    fn block(position: Position, prev: Position) -> Vec<u8> {
        let content =
            Stamp { run: 7, sequence: position, due: Duration::from_millis(5), stream: 0, number: 0 }
                .write(80);
        format!(
            "id: 5f3c9a2e-{position}\nevent: message\ndata: {{\"position\":{position},\"prev\":{prev},\
             \"room\":\"r\",\"author\":{{\"id\":\"g_1\",\"name\":\"A\",\"kind\":\"guest\"}},\
             \"content\":\"{content}\",\"created_at\":\"2026-11-23T09:30:00.123Z\"}}\n\n"
        )
        .into_bytes()
    }

    fn event(position: Position, prev: Position) -> Event {
        match Block::parse(&block(position, prev), 7).unwrap() {
            Block::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_read_with_its_place_and_its_due_time() {
        let event = event(1207, 1188);
        assert_eq!((event.observed.position, event.observed.prev), (1207, 1188));
        assert_eq!(event.due, Some(Duration::from_millis(5)));
        assert_eq!(event.observed.event.author, digest("g_1"));
    }
}
