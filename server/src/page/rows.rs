//! The rows of a room: messages, the lines in place of deleted ones, the acts of the operator, dividers, the
//! row above the oldest.
//!
//! A row is the same for everyone but for its words, which it takes; a frame's are left to the script. The
//! script puts times into the reader's zone and groups rows of one author. Whatever a person typed is
//! escaped, by maud and by [`markdown`].

use maud::{Markup, html};
use millchat::{Author, GapReason, HistoryPage, Message, Position, Reactions, Timestamp};

use super::height::Height;
use super::i18n::{Localizer, Value};
use super::quote::{Answered, QuotedMessages, quote};
use super::reactions::chips;
use super::{markdown, people};

/// A message as a row shows it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The position at which it was posted.
    pub position: Position,
    /// The author; a system message has none.
    pub author: Option<&'a Author>,
    /// When.
    pub created_at: Timestamp,
    /// Its text; `None` once deleted.
    pub content: Option<&'a str>,
    /// Whoever deleted it, if that is known.
    pub deleted_by: Option<&'a Author>,
    /// True if the text is not the first one.
    pub edited: bool,
    /// The message that it answers.
    pub answered: Option<Answered<'a>>,
    /// The reactions to it.
    pub reactions: &'a [Reactions],
}

/// A message.
pub fn message(localizer: Localizer, row: &Row<'_>) -> Markup {
    let id: &str = row.author.map_or("", |author| &author.id);
    html! {
        li .msg.system[row.author.is_none()] #{ "m-" (row.position) } data-position=(row.position)
            data-author-id=(id) {
            @if let Some(author) = row.author { (people::avatar(author)) }
            div.body {
                p.who {
                    @if let Some(author) = row.author { (people::name(localizer, author)) " " }
                    a.at href={ "#m-" (row.position) } { (time(row.created_at)) }
                }
                @if let Some(answered) = row.answered.filter(|_| row.content.is_some()) {
                    (quote(localizer, answered))
                }
                @match row.content {
                    Some(content) => {
                        (text(localizer, row.position, content, row.edited))
                        (chips(row.position, row.reactions))
                    }
                    None => {
                        @let by = row.deleted_by.filter(|by| *by.id != *id);
                        (deleted_text(localizer, row.position, by))
                    }
                }
            }
        }
    }
}

/// The text of a message: the part that an edit or a delete replaces. Where it is shown otherwise than it was
/// typed, it says so, for its author to edit. A tall text has a control beside it that shows all of it.
pub fn text(localizer: Localizer, position: Position, content: &str, edited: bool) -> Markup {
    let id = format!("t-{position}");
    let shown = markdown::formatted(content);
    let text = |id: Option<&str>| {
        html! {
            div.text id=[id] dir=[shown.has_sides.then_some("auto")]
                data-source=[(!shown.as_typed).then_some(content)] {
                (shown.markup)
                @if edited { " " span.edited { (localizer.markup("edited")) } }
            }
        }
    };
    let height = Height::of(content);
    if height == Height::Low {
        return text(Some(&id));
    }
    html! {
        div.tall.if-narrow[height == Height::TallIfNarrow] #(id) {
            (text(None))
            label.whole {
                input.unseen type="checkbox" autocomplete="off";
                span.more { (localizer.markup("show-more")) }
                span.less { (localizer.markup("show-less")) }
            }
        }
    }
}

/// The words in place of the text of a message that was deleted, and who deleted it. Where that is its own
/// author a row says less: a frame does not know of whom its message is, so there the script looks.
pub fn deleted_text(localizer: Localizer, position: Position, by: Option<&Author>) -> Markup {
    html! {
        div.text.deleted #{ "t-" (position) } data-by=[by.map(|by| &by.id)] {
            @match by {
                Some(by) => {
                    @let name = Value::Text((&*by.name).into());
                    (localizer.markup_with("deleted-by", &[("name", name)]))
                }
                None => (localizer.markup("deleted")),
            }
        }
    }
}

/// The rows of a page of history, oldest first, with what they answer `elsewhere`. Deleted messages in a row
/// are one line, so that a room that was emptied is not a page of their stones.
pub fn history(localizer: Localizer, page: &HistoryPage, quoted: &QuotedMessages) -> Markup {
    html! {
        @for run in page.messages.chunk_by(|one, next| one.content.is_none() && next.content.is_none()) {
            @match run {
                [m] => (message(localizer, &Row {
                    position: m.position,
                    author: m.author.as_ref(),
                    created_at: m.created_at,
                    content: m.content.as_deref(),
                    deleted_by: m.deleted_by.as_ref(),
                    edited: m.edited_at.is_some(),
                    answered: quoted.answered(page, m),
                    reactions: &m.reactions,
                })),
                run => (deleted(localizer, run)),
            }
        }
    }
}

/// A row for several deleted messages in a row. It has the id of the oldest of them.
fn deleted(localizer: Localizer, run: &[Message]) -> Markup {
    let first = run.first().map_or(0, |first| first.position);
    html! {
        li.divider.note #{ "m-" (first) } data-position=(first) {
            (localizer.markup_with("deleted-many", &[("count", Value::Number(run.len()))]))
        }
    }
}

/// An act of the operator on a room as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomNotice {
    /// The room was closed to writing.
    Closed,
    /// The room was opened again.
    Opened,
    /// All its messages were taken away.
    Emptied,
}

impl RoomNotice {
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
pub fn notice(localizer: Localizer, position: Position, did: RoomNotice, by: Option<&Author>) -> Markup {
    let [alone, of_somebody] = did.messages();
    html! {
        li.divider.note #{ "e-" (position) } data-position=(position) {
            @match by {
                Some(by) => (localizer.markup_with(of_somebody, &[("name", Value::Text((&*by.name).into()))])),
                None => (localizer.markup(alone)),
            }
        }
    }
}

/// The element above the oldest row: a way to older ones, or the reason why there is none.
pub fn older(localizer: Localizer, page: &HistoryPage) -> Markup {
    let why_none = page.messages.first().map(|oldest| match oldest.prev {
        0 => localizer.markup("begins"),
        _ => localizer.markup("older-gone"),
    });
    above(localizer, page.older.is_none().then(|| why_none.unwrap_or_default()))
}

/// The element above a list that was emptied. The script shows the button once it has taken rows away.
pub fn emptied(localizer: Localizer) -> Markup {
    above(localizer, Some(Markup::default()))
}

fn above(localizer: Localizer, why_none: Option<Markup>) -> Markup {
    // The script can take rows away at the top, so the oldest row is looked up when the button is pressed. A
    // frame is the same for a page and for a panel: the body says at which address it is.
    let get = "@get(document.body.dataset.base + '?before=' + (document.querySelector('#messages > \
               [data-position]')?.dataset.position ?? 0))";
    html! {
        div #older {
            button.quiet type="button" hidden[why_none.is_some()] data-on:click=(get) {
                (localizer.markup("older"))
            }
            p hidden[why_none.is_none()] { (why_none.unwrap_or_default()) }
        }
    }
}

/// A hole between rows that are far apart. It is filled when somebody comes near it, from the side they come
/// from.
pub fn hole(localizer: Localizer, (after, before): (Position, Position)) -> Markup {
    html! {
        li.hole data-after=(after) data-before=(before) {
            button.quiet type="button" { (localizer.markup("between")) }
        }
    }
}

/// A hole for the script, which makes one where it takes rows away in the middle of a long list.
pub fn hole_template(localizer: Localizer) -> Markup {
    html! { template #hole { (hole(localizer, (0, 0))) } }
}

/// A row for messages that are missing because they are no longer kept, or cannot be read. `to` names it, so
/// that it comes only once.
pub fn gap(localizer: Localizer, to: Position, reason: GapReason) -> Markup {
    let why = match reason {
        GapReason::Retention => localizer.markup("gap"),
        GapReason::Damage => localizer.markup("gap-damage"),
    };
    html! { li.divider #{ "gap-" (to) } { (why) } }
}

/// The row above a list that was emptied, since the reader's place was not of this log.
pub fn reset(localizer: Localizer) -> Markup {
    html! { li.divider { (localizer.markup("reset")) } }
}

/// A moment, exact for programs; the script shows it in the reader's zone.
fn time(at: Timestamp) -> Markup {
    moment(at, "%H:%M UTC", None)
}

/// A moment with its day, for a page without script. It reads from left to right in every language: else one
/// that is written from right to left turns its parts around.
pub fn date(at: Timestamp) -> Markup {
    moment(at, "%Y-%m-%d %H:%M UTC", Some("ltr"))
}

fn moment(at: Timestamp, shown: &str, direction: Option<&str>) -> Markup {
    // Past the year 9999 there is nothing to show; the clock that said so is broken.
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    html! {
        @if let Some(at) = at {
            time datetime=(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")) dir=[direction] { (at.strftime(shown)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use millchat::AuthorKind;

    use super::super::i18n::Language;
    use super::*;

    fn english() -> Localizer {
        Localizer::For(Language::by_code("en").unwrap())
    }

    #[test]
    fn a_row_shows_its_author_time_and_text() {
        let ada = Author { id: "g_4kq7".into(), name: "Ada <3".into(), kind: AuthorKind::Guest };
        let row = Row {
            position: 7,
            author: Some(&ada),
            created_at: Timestamp(1_795_426_200_123),
            content: Some("a\n\n  b"),
            deleted_by: None,
            edited: true,
            answered: None,
            reactions: &[],
        };
        let html = message(english(), &row).into_string();
        for part in [
            "id=\"m-7\"",
            "id=\"t-7\"",
            "data-author-id=\"g_4kq7\"",
            "Ada &lt;3",
            "#g_4kq7",
            "datetime=\"2026-11-23T09:30:00.123Z\"",
            "a\n\n  b",
            "edited",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn a_date_reads_from_left_to_right_in_every_language() {
        let html = date(Timestamp(1_795_426_200_123)).into_string();
        let time = "<time datetime=\"2026-11-23T09:30:00.123Z\" dir=\"ltr\">2026-11-23 09:30 UTC</time>";
        assert_eq!(html, time);
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
            deleted_by: None,
            reply_to: None,
            reactions: Vec::new(),
        };
        let messages = contents.iter().copied().enumerate().map(message).collect();
        HistoryPage { messages, floor: 1, head: 9, older: None, newer: None }
    }

    #[test]
    fn deleted_messages_in_a_row_are_one_line_and_a_single_one_is_its_own() {
        let page_of = |contents: &[Option<&str>]| {
            history(english(), &page(contents), &QuotedMessages::default()).into_string()
        };
        let html = page_of(&[Some("a"), None, None, None, Some("b"), None, Some("c")]);
        assert_eq!(html.matches("<li").count(), 5, "{html}");
        assert!(html.contains("id=\"m-2\" data-position=\"2\">3 messages were deleted."), "{html}");
        assert_eq!(html.matches("This message was deleted.").count(), 1, "{html}");
        let emptied = page_of(&[None; 100]);
        assert!(emptied.matches("<li").count() == 1 && emptied.contains("100 messages"), "{emptied}");
    }

    #[test]
    fn who_did_something_to_the_room_is_text() {
        let by = Author { id: "admin".into(), name: "<b>\"Ada".into(), kind: AuthorKind::User };
        let html = notice(english(), 7, RoomNotice::Emptied, Some(&by)).into_string();
        assert!(html.contains("emptied by <bdi>&lt;b&gt;&quot;Ada</bdi>."), "{html}");
        assert!(notice(english(), 7, RoomNotice::Emptied, None).into_string().contains("emptied.</li>"));
    }

    #[test]
    fn a_tall_text_has_a_control_beside_it() {
        let html = |content: &str| text(english(), 7, content, true).into_string();
        assert!(!html("low").contains("Show more"));
        let tall = html(&"line\n".repeat(100));
        assert!(tall.starts_with("<div class=\"tall\" id=\"t-7\"><div class=\"text\">line"), "{tall}");
        assert!(tall.contains("edited</span></div><label") && tall.contains("Show more"), "{tall}");
        assert!(html("> a").contains("id=\"t-7\" dir=\"auto\"") && !html("**a**").contains("dir="));
        let if_narrow = html(&"word ".repeat(400));
        assert!(if_narrow.starts_with("<div class=\"tall if-narrow\" id=\"t-7\">"), "{if_narrow}");
    }

    #[test]
    fn a_deleted_text_names_whoever_took_it_away_but_its_author() {
        let person =
            |id: &str, name: &str| Author { id: id.into(), name: name.into(), kind: AuthorKind::Guest };
        let (ada, eve) = (person("g_ada", "Ada"), person("g_eve", "<b>\"Eve"));
        let row = |deleted_by| Row {
            position: 7,
            author: Some(&ada),
            created_at: Timestamp(0),
            content: None,
            deleted_by,
            edited: false,
            answered: None,
            reactions: &[],
        };
        let html = |localizer, by| message(localizer, &row(by)).into_string();
        assert!(html(english(), None).contains("id=\"t-7\">This message was deleted.</div>"));
        assert!(html(english(), Some(&ada)).contains("id=\"t-7\">This message was deleted.</div>"));
        let by_eve = html(english(), Some(&eve));
        assert!(by_eve.contains("deleted by <bdi>&lt;b&gt;&quot;Eve</bdi>."), "{by_eve}");
        let frame = deleted_text(Localizer::InBrowser, 7, Some(&ada)).into_string();
        assert!(frame.contains("data-by=\"g_ada\"") && frame.contains("deleted-by"), "{frame}");
    }
}
