//! The rows of a room: messages, what stands in the place of deleted ones, what the operator did, dividers, the
//! row above the oldest.
//!
//! A row is the same for everyone but for its words, which it takes; a frame's are left to the script. The script puts
//! times into the reader's zone and groups rows of one author. Whatever a person typed is escaped, by maud and
//! by [`markdown`].

use super::words::{Value, Words};
use super::{markdown, people};
use maud::{Markup, html};
use millchat::{Author, HistoryPage, Message, Position, Timestamp};

/// Asks for what lies in a hole. The bounds are looked up when it is asked, since the script makes holes too.
const FILL: &str = "@get(location.pathname + `?after=${el.dataset.after}&before=${el.dataset.before}` \
    + (evt.detail ? '&upwards' : ''))";

/// What a row shows of a message.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Where it was posted.
    pub position: Position,
    /// By whom; a system message has none.
    pub author: Option<&'a Author>,
    /// When.
    pub created_at: Timestamp,
    /// Its text; `None` once deleted.
    pub content: Option<&'a str>,
    /// Whether the text is not the first one.
    pub edited: bool,
}

/// A message.
pub fn message(words: Words, row: &Row<'_>) -> Markup {
    let id = row.author.map_or("", |author| &author.id);
    html! {
        li .msg.system[row.author.is_none()] #{ "m-" (row.position) } data-position=(row.position) data-author-id=(id) {
            @if let Some(author) = row.author { (people::avatar(author)) }
            div.body {
                p.who {
                    @if let Some(author) = row.author { (people::name(words, author)) " " }
                    a.at href={ "#m-" (row.position) } { (time(row.created_at)) }
                }
                (text(words, row.position, row.content, row.edited))
            }
        }
    }
}

/// The text of a message: the part that an edit or a delete replaces. Where it is shown otherwise than it was typed, it
/// says so, for its author to edit.
pub fn text(words: Words, position: Position, content: Option<&str>, edited: bool) -> Markup {
    html! {
        @if let Some(content) = content {
            @let (shown, as_typed) = markdown::formatted(content);
            div.text #{ "t-" (position) } data-source=[(!as_typed).then_some(content)] {
                (shown)
                @if edited { " " span.edited { (words.say("edited")) } }
            }
        } @else {
            div.text.deleted #{ "t-" (position) } { (words.say("deleted")) }
        }
    }
}

/// The rows of a page of history, oldest first. Deleted messages in a row are one line, so that a room that was
/// emptied is not a page of their stones.
pub fn history(words: Words, page: &HistoryPage) -> Markup {
    html! {
        @for run in page.messages.chunk_by(|one, next| one.content.is_none() && next.content.is_none()) {
            @match run {
                [m] => (message(words, &Row {
                    position: m.position,
                    author: m.author.as_ref(),
                    created_at: m.created_at,
                    content: m.content.as_deref(),
                    edited: m.edited_at.is_some(),
                })),
                run => (deleted(words, run)),
            }
        }
    }
}

/// Several deleted messages. It stands for the oldest of them, whose id it has.
fn deleted(words: Words, run: &[Message]) -> Markup {
    let first = run.first().map_or(0, |first| first.position);
    html! {
        li.divider.note #{ "m-" (first) } data-position=(first) {
            (words.say_with("deleted-many", &[("count", Value::Number(run.len()))]))
        }
    }
}

/// What was done to a room as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It was closed to writing.
    Closed,
    /// It was opened again.
    Opened,
    /// All its messages were taken away.
    Emptied,
}

impl Did {
    /// The message that says it: of nobody, and of somebody.
    fn messages(self) -> [&'static str; 2] {
        match self {
            Self::Closed => ["room-closed", "room-closed-by"],
            Self::Opened => ["room-opened", "room-opened-by"],
            Self::Emptied => ["room-emptied", "room-emptied-by"],
        }
    }
}

/// A line that says what somebody did to the room. It names its event, so that it comes only once.
pub fn notice(words: Words, position: Position, did: Did, by: Option<&Author>) -> Markup {
    let [alone, of_somebody] = did.messages();
    html! {
        li.divider.note #{ "e-" (position) } data-position=(position) {
            @match by {
                Some(by) => (words.say_with(of_somebody, &[("name", Value::Text(&by.name))])),
                None => (words.say(alone)),
            }
        }
    }
}

/// What stands above the oldest row: a way to older ones, or why there is none.
pub fn older(words: Words, room: &str, page: &HistoryPage) -> Markup {
    let why_none = page.messages.first().map(|oldest| match oldest.prev {
        0 => words.say("begins"),
        _ => words.say("older-gone"),
    });
    above(words, room, page.older.is_none().then(|| why_none.unwrap_or_default()))
}

/// What stands above a list that was emptied. The script shows the button once it has taken rows away.
pub fn emptied(words: Words, room: &str) -> Markup {
    above(words, room, Some(Markup::default()))
}

fn above(words: Words, room: &str, why_none: Option<Markup>) -> Markup {
    // The script can take rows away at the top, so the oldest row is looked up when the button is pressed.
    let get = format!(
        "@get('/{room}?before=' + (document.querySelector('#messages > [data-position]')?.dataset.position ?? 0))"
    );
    html! {
        div #older {
            button.quiet type="button" hidden[why_none.is_some()] data-on:click=(get) { (words.say("older")) }
            p hidden[why_none.is_none()] { (why_none.unwrap_or_default()) }
        }
    }
}

/// Where rows of the page are far apart. It is filled when somebody comes near it, from the side they come from.
pub fn hole(words: Words, (after, before): (Position, Position)) -> Markup {
    html! {
        li.hole data-after=(after) data-before=(before) data-on:fill=(FILL) {
            button.quiet type="button" { (words.say("between")) }
        }
    }
}

/// A hole for the script, which makes one where it takes rows away in the middle of a long list.
pub fn hole_template(words: Words) -> Markup {
    html! { template #hole { (hole(words, (0, 0))) } }
}

/// Where messages are missing because they are no longer kept. `to` names it, so that it comes only once.
pub fn gap(words: Words, to: Position) -> Markup {
    html! { li.divider #{ "gap-" (to) } { (words.say("gap")) } }
}

/// What stands above a list that was emptied, since the reader's place was not of this log.
pub fn reset(words: Words) -> Markup {
    html! { li.divider { (words.say("reset")) } }
}

/// A moment, exact for programs; the script shows it in the reader's zone.
fn time(at: Timestamp) -> Markup {
    // Past the year 9999 there is nothing to show; the clock that said so is broken.
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    html! {
        @if let Some(at) = at {
            time datetime=(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")) { (at.strftime("%H:%M UTC")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Language;
    use super::*;
    use millchat::AuthorKind;

    fn english() -> Words {
        Words::In(Language::by_code("en").unwrap())
    }

    #[test]
    fn a_row_shows_its_author_time_and_text() {
        let ada = Author { id: "g_4kq7".into(), name: "Ada <3".into(), kind: AuthorKind::Guest };
        let row = Row {
            position: 7,
            author: Some(&ada),
            created_at: Timestamp(1_795_426_200_123),
            content: Some("a\n\n  b"),
            edited: true,
        };
        let html = message(english(), &row).into_string();
        for part in [
            "id=\"m-7\"",
            "id=\"t-7\"",
            "data-author-id=\"g_4kq7\"",
            "Ada &lt;3",
            "#4kq7",
            "datetime=\"2026-11-23T09:30:00.123Z\"",
            "a\n\n  b",
            "edited",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    fn page(contents: &[Option<&str>]) -> HistoryPage {
        let room = millchat::RoomName::new("lobby").unwrap();
        let message = |(at, content): (usize, Option<&str>)| Message {
            position: at as u64 + 1,
            prev: at as u64,
            room: room.clone(),
            author: None,
            content: content.map(Into::into),
            created_at: Timestamp(0),
            edited_at: None,
        };
        let messages = contents.iter().copied().enumerate().map(message).collect();
        HistoryPage { messages, floor: 1, head: 9, older: None, newer: None }
    }

    #[test]
    fn deleted_messages_in_a_row_are_one_line_and_a_single_one_is_its_own() {
        let html = history(english(), &page(&[Some("a"), None, None, None, Some("b"), None, Some("c")]))
            .into_string();
        assert_eq!(html.matches("<li").count(), 5, "{html}");
        assert!(html.contains("id=\"m-2\" data-position=\"2\">3 messages were deleted."), "{html}");
        assert_eq!(html.matches("This message was deleted.").count(), 1, "{html}");
        let emptied = history(english(), &page(&[None; 100])).into_string();
        assert!(emptied.matches("<li").count() == 1 && emptied.contains("100 messages"), "{emptied}");
    }

    #[test]
    fn who_did_something_to_the_room_is_text() {
        let by = Author { id: "admin".into(), name: "<b>\"Ada".into(), kind: AuthorKind::User };
        let html = notice(english(), 7, Did::Emptied, Some(&by)).into_string();
        assert!(html.contains("emptied by <bdi>&lt;b&gt;&quot;Ada</bdi>."), "{html}");
        assert!(notice(english(), 7, Did::Emptied, None).into_string().contains("emptied.</li>"));
    }

    #[test]
    fn a_deleted_text_is_not_in_its_row() {
        assert!(text(english(), 7, None, true).into_string().contains("was deleted"));
    }
}
