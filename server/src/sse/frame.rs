//! The JSON frames: an event or a signal as one whole SSE event, made once and shared by all API readers.
//!
//! A logged event is `id`, `event`, `data`, in this order, and its id is the place after it. A signal has no
//! id, so that a reader's place does not move. No frame holds a CR: SSE ends a line there, and a text with
//! one could forge a frame. JSON escapes it; the encoder checks all the same.

use std::borrow::Cow;
use std::io::Write;

use millchat::{Body, Epoch, Event, EventId, Item, Signal};
use serde::Serialize;

use crate::json_line;
use crate::schema::{Author, Draft, Drafts, Presence, StreamEvent, Typing};

/// Longest line of the stream, in bytes: a content in which each byte is an escape of six (an imported log
/// may hold control characters), and the other fields. A client's buffer of this size holds any line.
pub const STREAM_LINE_BYTES_MAX: usize = 400 * 1024;
/// The same for texts that came in here: no control character passes, and what else is escaped doubles.
pub const TYPED_LINE_BYTES_MAX: usize = 132 * 1024;

/// Appends the frame of an item; it is the encoder that the API's readers are served by.
pub fn encode(epoch: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    match item {
        Item::Event(event) => logged(epoch, event, out),
        Item::Signal(Signal::Presence(here)) => write(out, "presence", None, &Presence::of(here)),
        Item::Signal(Signal::Typing(authors)) => {
            write(out, "typing", None, &Typing { authors: authors.iter().map(Author::of).collect() });
        }
        Item::Signal(Signal::Answers(answers)) => {
            write(out, "draft", None, &Drafts { drafts: answers.iter().map(Draft::of).collect() });
        }
        // A signal of a later release of the core: a reader that is not told of it misses nothing logged.
        Item::Signal(_) => {}
    }
    assert!(
        !out[start..].contains(&b'\r'),
        "JSON escapes a CR, and nothing else in a frame was typed by anybody"
    );
}

fn logged(epoch: Epoch, event: &Event, out: &mut Vec<u8>) {
    let place = EventId { epoch, position: event.position };
    let name = event.body.name().map_or_else(|| unknown_name(&event.body), Cow::Borrowed);
    let id_line = format!("id: {place}\n");
    out.extend_from_slice(id_line.as_bytes());
    write(out, &name, None, &StreamEvent::of(event));
}

/// Names a kind that a newer release wrote: clients pass over it.
fn unknown_name(body: &Body) -> Cow<'static, str> {
    match body {
        Body::Unknown { kind } => format!("kind-{kind}").into(),
        _ => "kind-unknown".into(),
    }
}

/// One SSE event: its name, its id when it moves the reader's place, its data on one line.
pub fn write(out: &mut Vec<u8>, name: &str, id: Option<EventId>, data: &impl Serialize) {
    const TAKES_ALL: &str = "a vector takes whatever is written to it";
    writeln!(out, "event: {name}").expect(TAKES_ALL);
    if let Some(id) = id {
        writeln!(out, "id: {id}").expect(TAKES_ALL);
    }
    out.extend_from_slice(b"data: ");
    json_line::write(data, out);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use millchat::{
        AUTHOR_ID_BYTES_MAX, AUTHOR_NAME_BYTES_MAX, AuthorKind, CONTENT_BYTES_MAX, Position,
        ROOM_NAME_BYTES_MAX, RoomName, Timestamp,
    };

    use super::*;

    fn event(body: Body) -> Event {
        Event {
            position: 1207,
            prev: 1188,
            room: RoomName::new("lobby").unwrap(),
            author: Some(millchat::Author {
                id: "g_4kq".into(),
                name: "Ada".into(),
                kind: AuthorKind::Guest,
            }),
            created_at: Timestamp(1_795_426_200_123),
            body,
        }
    }

    fn frame(item: Item<'_>) -> String {
        let mut out = Vec::new();
        encode(Epoch(0x5f3c_9a2e), item, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_frame_is_laid_out_as_clients_expect() {
        let author = r#""author":{"id":"g_4kq","name":"Ada","kind":"guest"}"#;
        let time = r#""created_at":"2026-11-23T09:30:00.123Z""#;
        let content = Some("hello".into());
        for (body, expected) in [
            (
                Body::Message { content: content.clone(), reply_to: None },
                format!(
                    "id: 5f3c9a2e-1207\nevent: message\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"room\":\"lobby\",{author},\"content\":\"hello\",{time}}}\n\n"
                ),
            ),
            (
                Body::Message { content: None, reply_to: None },
                format!(
                    "id: 5f3c9a2e-1207\nevent: message\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"room\":\"lobby\",{author},\"deleted\":true,{time}}}\n\n"
                ),
            ),
            (
                Body::Edit { target: 1188, content },
                format!(
                    "id: 5f3c9a2e-1207\nevent: edit\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"target\":1188,\"room\":\"lobby\",{author},\"content\":\"hello\",{time}}}\n\n"
                ),
            ),
            (
                Body::Delete { target: 1188 },
                format!(
                    "id: 5f3c9a2e-1207\nevent: delete\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"target\":1188,\"room\":\"lobby\",{author},{time}}}\n\n"
                ),
            ),
            (
                Body::Reaction { target: 1188, reaction: millchat::Reaction::Heart, on: true, count: 2 },
                format!(
                    "id: 5f3c9a2e-1207\nevent: reaction\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"target\":1188,\"room\":\"lobby\",{author},\"reaction\":\"❤️\",\"on\":true,\"count\":2,{time}}}\n\n"
                ),
            ),
            (
                Body::Close,
                format!(
                    "id: 5f3c9a2e-1207\nevent: close\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"room\":\"lobby\",{author},{time}}}\n\n"
                ),
            ),
            (
                Body::Unknown { kind: 9 },
                format!(
                    "id: 5f3c9a2e-1207\nevent: kind-9\ndata: {{\"position\":1207,\"prev\":1188,\
                     \"room\":\"lobby\",{author},{time}}}\n\n"
                ),
            ),
        ] {
            assert_eq!(frame(Item::Event(&event(body))), expected);
        }
    }

    #[test]
    fn a_carriage_return_in_a_text_forges_no_frame() {
        let content = Some("x\rdata: forged\r\n\r\nevent: delete\n\n".into());
        let frame = frame(Item::Event(&event(Body::Message { content, reply_to: None })));
        assert!(!frame.contains('\r'));
        assert_eq!(frame.lines().count(), 4, "three lines and the empty one: {frame:?}");
    }

    #[test]
    fn no_line_is_longer_than_clients_are_told() {
        let longest = |item: Item<'_>| frame(item).lines().map(str::len).max().unwrap();
        // An author of an import, whose texts hold no control characters.
        let text = |character: char, bytes: usize| -> std::sync::Arc<str> {
            character.to_string().repeat(bytes / character.len_utf8()).into()
        };
        let author = |character| millchat::Author {
            id: text(character, AUTHOR_ID_BYTES_MAX),
            name: text(character, AUTHOR_NAME_BYTES_MAX),
            kind: AuthorKind::Guest,
        };
        for (character, max) in [
            ('"', TYPED_LINE_BYTES_MAX),
            ('\n', TYPED_LINE_BYTES_MAX),
            ('\u{2028}', TYPED_LINE_BYTES_MAX),
            ('\u{10ffff}', TYPED_LINE_BYTES_MAX),
            ('\u{85}', STREAM_LINE_BYTES_MAX),
            ('\u{1}', STREAM_LINE_BYTES_MAX),
        ] {
            let content = Some(text(character, CONTENT_BYTES_MAX));
            let mut event = event(Body::Edit { target: Position::MAX, content });
            (event.position, event.prev) = (Position::MAX, Position::MAX);
            event.room = RoomName::new(&"r".repeat(ROOM_NAME_BYTES_MAX)).unwrap();
            event.author = Some(author('"'));
            let line = longest(Item::Event(&event));
            assert!(line <= max, "{line} bytes of {character:?}");
            assert!(line > CONTENT_BYTES_MAX, "a worst case of {character:?}");
        }
        let here = millchat::Presence { count: usize::MAX, authors: vec![author('"'); 50] };
        assert!(longest(Item::Signal(&Signal::Presence(here))) <= TYPED_LINE_BYTES_MAX);
        let docs = include_str!("../../../docs/api.md");
        for bytes in [TYPED_LINE_BYTES_MAX, STREAM_LINE_BYTES_MAX] {
            let figure = format!("{},{} bytes", bytes / 1_000, bytes % 1_000);
            assert!(docs.contains(&figure), "{figure}");
        }
    }

    #[test]
    fn a_signal_has_no_id() {
        let here = millchat::Presence { count: 2, authors: Vec::new() };
        assert_eq!(
            frame(Item::Signal(&Signal::Presence(here))),
            "event: presence\ndata: {\"count\":2,\"authors\":[]}\n\n"
        );
        assert_eq!(
            frame(Item::Signal(&Signal::Typing(Vec::new()))),
            "event: typing\ndata: {\"authors\":[]}\n\n"
        );
    }
}
