//! History brought into a page that is open: older rows above the first one, the rows around a message that a
//! link names, and what lies in a hole between rows that are far apart.
//!
//! The page says what it holds, and gets only what belongs there: all of it before the row that it named.
//! Rows that are not next to that row end in a hole, which is filled when somebody comes near it.

use datastar::consts::ElementPatchMode;
use datastar::patch_elements::PatchElements;
use maud::html;
use millchat::{Chat, HistoryPage, HistoryRange, Message, Position, ReadError, RoomName};

use super::i18n::Localizer;
use super::patch::{elements, outer, push};
use super::quote::QuotedMessages;
use super::{markdown, rows};
use crate::current::current;
use crate::http;
use crate::turns::Turns;

/// Messages in the first HTML, and in each step back.
const HISTORY_ROWS: usize = 100;
/// Bytes of HTML that the rows of a page, or of a step, may come to; one row is always there.
const HTML_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a row beside its text, about.
const ROW_BYTES: usize = 1_024;
/// Bytes of somebody's mark beside a reaction, beside their name.
const MARK_BYTES: usize = 256;
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

/// Takes away the rows that are too many bytes of HTML, but for one: the oldest of a page that goes back, the
/// newest of one that goes forward. What is taken away is asked for in the next step.
fn bound(page: &mut HistoryPage, goes_back: bool) {
    let mut bytes = 0;
    let mut fits = |message: &Message| {
        bytes += message.content.as_deref().map_or(0, |text| row_bytes_max(message, text));
        bytes <= HTML_BYTES_MAX
    };
    if goes_back {
        let kept = page.messages.iter().rev().take_while(|message| fits(message)).count().max(1);
        if kept < page.messages.len() {
            page.messages.drain(..page.messages.len() - kept);
            page.older = page.messages.first().map(|oldest| oldest.position);
        }
    } else {
        let kept = page.messages.iter().take_while(|message| fits(message)).count().max(1);
        if kept < page.messages.len() {
            page.messages.truncate(kept);
            page.newer = page.messages.last().map(|newest| newest.position);
        }
    }
}

/// Returns the most bytes that the row of a message takes, about: its text, and the mark of everybody who
/// reacted.
fn row_bytes_max(message: &Message, text: &str) -> usize {
    let authors = message.reactions.iter().flat_map(|reactions| &reactions.authors);
    let marks = authors.map(|author| MARK_BYTES + markdown::row_bytes_max(&author.name)).sum::<usize>();
    ROW_BYTES + markdown::row_bytes_max(text) + marks
}

/// Messages for the page after a position, as many as it takes.
async fn newer(chat: &Chat, room: &RoomName, after: Position) -> Result<HistoryPage, ReadError> {
    let mut page = chat.history(room, HistoryRange::After(after), HISTORY_ROWS).await?;
    bound(&mut page, false);
    Ok(page)
}

/// Messages for the page. Those of a room that was emptied are passed in longer steps.
pub async fn history(chat: &Chat, room: &RoomName, range: HistoryRange) -> Result<HistoryPage, ReadError> {
    let mut page = chat.history(room, range, HISTORY_ROWS).await?;
    for _ in 0..DELETED_STEPS_MAX {
        let Some(before) = page.older.filter(|_| page.messages.iter().all(|m| m.content.is_none())) else {
            break;
        };
        let older = chat.history(room, HistoryRange::Before(before), HISTORY_ROWS).await?;
        page.messages.splice(0..0, older.messages);
        page.older = older.older;
    }
    bound(&mut page, true);
    Ok(page)
}

/// Rows that were read for a page, and how they are brought into it.
struct Brought {
    page: HistoryPage,
    quoted: QuotedMessages,
    into: Destination,
}

/// The place of the page into which rows are brought.
enum Destination {
    /// Above the row at `before`; with a hole below them if they do not reach down to it.
    Above { before: Position, hole: Option<Hole> },
    /// Into a hole; `left` is what remains of it.
    Hole { hole: Hole, left: Option<Hole>, upwards: bool },
}

/// The patches that bring it.
pub async fn answer(
    turns: &Turns,
    chat: &Chat,
    localizer: Localizer,
    room: &RoomName,
    query: HistoryQuery,
) -> Result<Vec<u8>, ReadError> {
    current(chat, async || {
        let Brought { page, quoted, into } = bring(chat, room, query).await?;
        let texts_of = quoted.texts_of(&page);
        let render = move || match into {
            Destination::Above { before, hole } => older(localizer, before, (&page, &quoted), hole),
            Destination::Hole { hole, left, upwards } => {
                between(localizer, hole, (&page, &quoted), left, upwards)
            }
        };
        Ok((turns.render(render).await, texts_of))
    })
    .await
}

async fn bring(chat: &Chat, room: &RoomName, query: HistoryQuery) -> Result<Brought, ReadError> {
    let (page, into) = match query {
        HistoryQuery::Older { before } => (
            history(chat, room, HistoryRange::Before(before)).await?,
            Destination::Above { before, hole: None },
        ),
        HistoryQuery::Around { at, before } => {
            let (page, hole) = around(chat, room, at, before).await?;
            (page, Destination::Above { before, hole })
        }
        HistoryQuery::Between { after, before, upwards: false } => {
            let mut page = newer(chat, room, after).await?;
            let (read, left) = (page.messages.len(), page.newer);
            page.messages.retain(|message| message.position < before);
            let left = left.filter(|_| page.messages.len() == read).filter(|&after| after < before);
            let left = left.map(|after| (after, before));
            (page, Destination::Hole { hole: (after, before), left, upwards: false })
        }
        HistoryQuery::Between { after, before, upwards: true } => {
            let mut page = history(chat, room, HistoryRange::Before(before)).await?;
            let (read, left) = (page.messages.len(), page.older);
            page.messages.retain(|message| message.position > after);
            let left = left.filter(|_| page.messages.len() == read).filter(|&before| before > after);
            let left = left.map(|before| (after, before));
            (page, Destination::Hole { hole: (after, before), left, upwards: true })
        }
    };
    let quoted = QuotedMessages::read(chat, room, &page).await?;
    Ok(Brought { page, quoted, into })
}

/// As many rows up to the place as after it, so that it is in the middle of a screen; and the hole below
/// them, if they do not reach down to the page's first row.
async fn around(
    chat: &Chat,
    room: &RoomName,
    at: Position,
    before: Position,
) -> Result<(HistoryPage, Option<Hole>), ReadError> {
    let upto = HistoryRange::Before(at.saturating_add(1).min(before));
    let mut page = history(chat, room, upto).await?;
    let mut next = newer(chat, room, at).await?;
    let (read, hole) = (next.messages.len(), next.newer);
    next.messages.retain(|message| message.position < before);
    let hole = hole.filter(|_| next.messages.len() == read).filter(|&after| after < before);
    page.messages.append(&mut next.messages);
    Ok((page, hole.map(|after| (after, before))))
}

/// Rows before the page's first row, which is the one at `before`, and the element that is then above them.
/// `hole`: they do not reach down to it. That row may be gone by now, because the room was emptied or the
/// script took it away, or have others before it: then these rows do not belong there any more.
fn older(localizer: Localizer, before: Position, (page, quoted): Read<'_>, hole: Option<Hole>) -> Vec<u8> {
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
    outer(rows::older(localizer, page), &mut out);
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

    fn message(position: Position, content: String) -> Message {
        Message {
            position,
            prev: position - 1,
            room: RoomName::new("lobby").unwrap(),
            author: None,
            content: Some(content.into()),
            created_at: Timestamp(0),
            edited_at: None,
            deleted_by: None,
            reply_to: None,
            reactions: Vec::new(),
        }
    }

    #[test]
    fn a_page_is_bounded_by_its_html_and_the_rest_comes_with_the_next_step() {
        for (content, kept) in
            [("x".repeat(200), 50), ("x".repeat(64 * 1024), 7), ("\"".repeat(64 * 1024), 1)]
        {
            let messages: Vec<_> = (1..=50).map(|position| message(position, content.clone())).collect();
            let page = HistoryPage { messages, floor: 1, head: 50, older: None, newer: None };
            let (mut back, mut forward) = (page.clone(), page);
            bound(&mut back, true);
            bound(&mut forward, false);
            let positions =
                |page: &HistoryPage| page.messages.iter().map(|m| m.position).collect::<Vec<Position>>();
            assert_eq!(positions(&back), (51 - kept..=50).collect::<Vec<_>>());
            assert_eq!(positions(&forward), (1..=kept).collect::<Vec<_>>());
            assert_eq!(
                (back.older, forward.newer),
                if kept == 50 { (None, None) } else { (Some(51 - kept), Some(kept)) }
            );
            let rows = rows::history(Localizer::InBrowser, &back, &QuotedMessages::default()).0;
            assert!(rows.len() <= HTML_BYTES_MAX, "{} bytes", rows.len());
        }
    }

    #[test]
    fn rows_come_only_to_the_place_that_they_were_asked_for() {
        let page = HistoryPage {
            messages: vec![message(3, "x".into())],
            floor: 1,
            head: 9,
            older: None,
            newer: None,
        };
        let page = (&page, &QuotedMessages::default());
        let [rows, above] = &read(&older(Localizer::InBrowser, 7, page, Some((3, 7))))[..] else {
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
