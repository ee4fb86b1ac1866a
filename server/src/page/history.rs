//! History brought into a page that is open: older rows above the first one, the rows around a message that a
//! link names, and what lies in a hole between rows that are far apart.
//!
//! The page says what it holds, and gets only what belongs there: all of it before the row that it named.
//! Rows that are not next to that row end in a hole, which is filled when somebody comes near it.

use datastar::consts::ElementPatchMode;
use datastar::patch_elements::PatchElements;
use maud::html;
use millchat::{HistoryPage, HistoryRange, Position, ReadError, RoomName};

use super::i18n::Localizer;
use super::patch::{elements, outer, push};
use super::quote::QuotedMessages;
use super::rows;
use crate::app::Worker;
use crate::http;

/// Messages in the first HTML, and in each step back.
const HISTORY_ROWS: usize = 100;
/// Number of times that a step goes on when it found nothing but deleted messages: they are one line.
const DELETED_STEPS_MAX: usize = 10;

/// A place of the page where rows are far apart: the rows above and below.
type Hole = (Position, Position);
/// A page of history, and what its rows answer that is not in it.
type Read<'a> = (&'a HistoryPage, &'a QuotedMessages);

/// A request of a page for history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryQuery {
    /// The rows before its first one.
    Older {
        /// That first row.
        before: Position,
    },
    /// The rows around a place far above its first one.
    Around {
        /// The place.
        at: Position,
        /// Its first row.
        before: Position,
    },
    /// The rows in a hole of it.
    Between {
        /// The row above the hole.
        after: Position,
        /// The row below it.
        before: Position,
        /// True if its reader comes from below.
        upwards: bool,
    },
}

impl HistoryQuery {
    /// Reads it from the query: always with `before`, and with `around` or `after` for the other two.
    pub fn of<B>(req: &hyper::Request<B>) -> Option<Self> {
        let position = |name| http::query(req, name).and_then(|text| text.parse::<Position>().ok());
        let before = position("before")?;
        Some(if let Some(at) = position("around") {
            Self::Around { at, before }
        } else if let Some(after) = position("after") {
            Self::Between { after, before, upwards: http::query(req, "upwards").is_some() }
        } else {
            Self::Older { before }
        })
    }
}

/// Messages for the page. Those of a room that was emptied are passed in longer steps.
pub async fn history(w: &Worker, room: &RoomName, range: HistoryRange) -> Result<HistoryPage, ReadError> {
    let chat = &w.app.chat;
    let mut page = chat.history(room, range, HISTORY_ROWS).await?;
    for _ in 0..DELETED_STEPS_MAX {
        let Some(before) = page.older.filter(|_| page.messages.iter().all(|m| m.content.is_none())) else {
            break;
        };
        let older = chat.history(room, HistoryRange::Before(before), HISTORY_ROWS).await?;
        page.messages.splice(0..0, older.messages);
        page.older = older.older;
    }
    Ok(page)
}

/// The patches that bring it.
pub async fn answer(
    w: &Worker,
    localizer: Localizer,
    room: &RoomName,
    query: HistoryQuery,
) -> Result<Vec<u8>, ReadError> {
    Ok(match query {
        HistoryQuery::Older { before } => {
            let page = history(w, room, HistoryRange::Before(before)).await?;
            let quoted = QuotedMessages::read(w, room, &page).await?;
            older(localizer, room.as_str(), before, (&page, &quoted), None)
        }
        HistoryQuery::Around { at, before } => around(w, localizer, room, at, before).await?,
        HistoryQuery::Between { after, before, upwards: false } => {
            let mut page = w.app.chat.history(room, HistoryRange::After(after), HISTORY_ROWS).await?;
            let (read, hole) = (page.messages.len(), page.newer);
            page.messages.retain(|message| message.position < before);
            let hole = hole.filter(|_| page.messages.len() == read).filter(|&after| after < before);
            let quoted = QuotedMessages::read(w, room, &page).await?;
            let hole = hole.map(|after| (after, before));
            between(localizer, (after, before), (&page, &quoted), hole, false)
        }
        HistoryQuery::Between { after, before, upwards: true } => {
            let mut page = history(w, room, HistoryRange::Before(before)).await?;
            let (read, hole) = (page.messages.len(), page.older);
            page.messages.retain(|message| message.position > after);
            let hole = hole.filter(|_| page.messages.len() == read).filter(|&before| before > after);
            let quoted = QuotedMessages::read(w, room, &page).await?;
            let hole = hole.map(|before| (after, before));
            between(localizer, (after, before), (&page, &quoted), hole, true)
        }
    })
}

/// As many rows up to the place as after it, so that it is in the middle of a screen.
async fn around(
    w: &Worker,
    localizer: Localizer,
    room: &RoomName,
    at: Position,
    before: Position,
) -> Result<Vec<u8>, ReadError> {
    let upto = HistoryRange::Before(at.saturating_add(1).min(before));
    let mut page = history(w, room, upto).await?;
    let mut next = w.app.chat.history(room, HistoryRange::After(at), HISTORY_ROWS).await?;
    let (read, hole) = (next.messages.len(), next.newer);
    next.messages.retain(|message| message.position < before);
    let hole = hole.filter(|_| next.messages.len() == read).filter(|&after| after < before);
    page.messages.append(&mut next.messages);
    let quoted = QuotedMessages::read(w, room, &page).await?;
    Ok(older(localizer, room.as_str(), before, (&page, &quoted), hole.map(|after| (after, before))))
}

/// Rows before the page's first row, which is the one at `before`, and the element that is then above them.
/// `hole`: they do not reach down to it. That row may be gone by now, because the room was emptied or the
/// script took it away, or have others before it: then these rows do not belong there any more.
fn older(
    localizer: Localizer,
    room: &str,
    before: Position,
    (page, quoted): Read<'_>,
    hole: Option<Hole>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let first = format!("[data-position=\"{before}\"]");
    let first = format!("#messages:has(> {first}):not(:has(> [data-position] ~ {first}))");
    if !page.messages.is_empty() {
        let rows = html! {
            (rows::history(localizer, page, quoted))
            @if let Some(hole) = hole { (rows::hole(localizer, hole)) }
        };
        push(elements(rows).selector(first.as_str()).mode(ElementPatchMode::Prepend), &mut out);
    }
    outer(rows::older(localizer, room, page), &mut out);
    out
}

/// Rows of a hole: those next to the row that its reader comes from, and what is left of it.
fn between(
    localizer: Localizer,
    (after, before): Hole,
    (page, quoted): Read<'_>,
    left: Option<Hole>,
    upwards: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    let hole = format!("#messages > .hole[data-after=\"{after}\"][data-before=\"{before}\"]");
    if !page.messages.is_empty() {
        let mode = if upwards { ElementPatchMode::After } else { ElementPatchMode::Before };
        push(elements(rows::history(localizer, page, quoted)).selector(hole.as_str()).mode(mode), &mut out);
    }
    let rest = match left {
        Some(left) => elements(rows::hole(localizer, left)).selector(hole).mode(ElementPatchMode::Replace),
        None => PatchElements::new_remove(hole),
    };
    push(rest, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use millchat::{Message, Timestamp};

    use super::super::frame::tests::{elements_of, read};
    use super::*;

    fn asked(query: &str) -> Option<HistoryQuery> {
        HistoryQuery::of(&hyper::Request::builder().uri(format!("/lobby{query}")).body(()).unwrap())
    }

    #[test]
    fn what_a_page_asks_for_is_read_from_its_query() {
        for (query, expected) in [
            ("?before=9", Some(HistoryQuery::Older { before: 9 })),
            ("?around=4&before=9", Some(HistoryQuery::Around { at: 4, before: 9 })),
            ("?after=4&before=9", Some(HistoryQuery::Between { after: 4, before: 9, upwards: false })),
            ("?after=4&before=9&upwards", Some(HistoryQuery::Between { after: 4, before: 9, upwards: true })),
            ("?around=4", None),
            ("?before=x", None),
            ("", None),
        ] {
            assert_eq!(asked(query), expected, "{query}");
        }
    }

    #[test]
    fn rows_come_only_to_the_place_that_they_were_asked_for() {
        let message = Message {
            position: 3,
            prev: 2,
            room: RoomName::new("lobby").unwrap(),
            author: None,
            content: Some("x".into()),
            created_at: Timestamp(0),
            edited_at: None,
            reply_to: None,
            reactions: Vec::new(),
        };
        let page = HistoryPage { messages: vec![message], floor: 1, head: 9, older: None, newer: None };
        let page = (&page, &QuotedMessages::default());
        let [rows, above] = &read(&older(Localizer::InBrowser, "lobby", 7, page, Some((3, 7))))[..] else {
            panic!("two events")
        };
        let first = "[data-position=\"7\"]";
        let selector = format!("selector #messages:has(> {first}):not(:has(> [data-position] ~ {first}))");
        assert_eq!(rows.data[0], selector);
        assert!(elements_of(rows).contains("class=\"hole\" data-after=\"3\" data-before=\"7\""), "{rows:?}");
        assert!(elements_of(above).contains("id=\"older\""), "{above:?}");

        let hole = "selector #messages > .hole[data-after=\"2\"][data-before=\"7\"]";
        for (left, upwards, modes) in [
            (Some((3, 7)), false, ["mode before", "mode replace"]),
            (None, true, ["mode after", "mode remove"]),
        ] {
            let [rows, rest] = &read(&between(Localizer::InBrowser, (2, 7), page, left, upwards))[..] else {
                panic!("two events")
            };
            for (patch, mode) in [rows, rest].into_iter().zip(modes) {
                assert!(patch.data.iter().any(|line| line == hole), "{patch:?}");
                assert!(patch.data.iter().any(|line| line == mode), "{mode} in {patch:?}");
            }
        }
    }
}
