//! Events and signals as Datastar patches: the frames of the page's stream.
//!
//! A logged event becomes two SSE events: the patch of the page, then the signal `_place` with the `id`. The
//! client keeps an id as soon as it reads its line, so an id that stood before the patch would lose the
//! message of a connection cut in between; behind it, the worst is that the patch comes twice. That is
//! harmless: a row is appended only to a list that does not hold it. What a patch is aimed at may be gone
//! from the page; it then does nothing.
//!
//! A patch of a row or of a text has a line of data of its own, the position of its event or of its target:
//! Datastar ignores it, and the script need not search the HTML.
//!
//! No frame holds a CR, which would end a line of it: HTML escaping does not know SSE. Nor does it hold an LF
//! of what somebody typed: each would begin a data line with a name of its own, 16 bytes for one. A parser of
//! HTML reads `&#10;` as the same character, and in markup of ours there is no LF outside of text and
//! attributes.

use datastar::DatastarEvent;
use datastar::consts::ElementPatchMode;
use datastar::patch_signals::PatchSignals;
use maud::{Markup, html};
use millchat::{
    Body, Encoder, Epoch, Event, EventId, GapReason, Item, Opened, Opening, Position, RoomName, Signal,
};
use serde_json::json;

use super::i18n::Localizer;
use super::patch::{elements, outer, push};
use super::quote::{Answered, Quoted};
use super::rows::{self, RoomNotice};
use super::{answering, people, reactions};
use crate::access::denial::Denial;
use crate::identity::TokenError;
use crate::json_line;
use crate::problem::Kind;
use crate::schema::Guest;
use crate::sse::stream;

/// A frame names its messages; the browsers of those who get it fill them in.
const LOCALIZER: Localizer = Localizer::InBrowser;

/// Makes the page's frames: the same for everyone who looks.
pub fn encoder() -> impl Encoder {
    |epoch: Epoch, item: Item<'_>, out: &mut Vec<u8>| match item {
        Item::Event(event) => {
            patch(event, out);
            place(EventId { epoch, position: event.position }, out);
        }
        Item::Signal(Signal::Presence(presence)) => {
            outer(html! { (people::here(LOCALIZER, presence)) (people::list(LOCALIZER, presence)) }, out);
        }
        Item::Signal(Signal::Typing(authors)) => outer(people::typing(authors), out),
        Item::Signal(Signal::Answers(answers)) => outer(answering::list(LOCALIZER, answers), out),
        // A signal of a newer core: the page does not know what to show.
        Item::Signal(_) => {}
    }
}

/// Everything that the page's stream says besides its frames.
#[derive(Debug, Clone, Copy)]
pub struct SseFormat;

impl stream::SseFormat for SseFormat {
    fn opening(&self, opened: &Opened, out: &mut Vec<u8>) {
        match opened.opening {
            Opening::Start => {}
            Opening::Gap { from, to } => {
                let reason = GapReason::of(from, opened.floor);
                return self.gap(from, reason, EventId { position: to, ..opened.id }, opened.is_closed, out);
            }
            Opening::Reset(_) => {
                push(
                    elements(rows::reset(LOCALIZER)).selector("#messages").mode(ElementPatchMode::Inner),
                    out,
                );
                outer(html! { div #older {} }, out);
                closed(opened.is_closed, out);
            }
        }
        place(opened.id, out);
    }

    fn gap(&self, _from: Position, reason: GapReason, at: EventId, is_closed: bool, out: &mut Vec<u8>) {
        let row = rows::gap(LOCALIZER, at.position, reason);
        append(&format!("gap-{}", at.position), at.position, row, out);
        closed(is_closed, out);
        place(at, out);
    }

    // A comment would reach the connection but not the page's watchdog.
    fn heartbeat(&self, out: &mut Vec<u8>) {
        push(PatchSignals::new(json!({ "_alive": true }).to_string()), out);
    }

    fn denied(&self, denial: &Denial, out: &mut Vec<u8>) {
        let message = if matches!(denial, Denial::Nobody(_)) { "denied-signed-out" } else { "denied-ended" };
        let mut notice: DatastarEvent = elements(denied_notice(message)).into();
        notice.data.push(format!("denied {}", denial.kind().name()));
        push(notice, out);
    }

    // A bad cookie is no cookie: the page shows that its reader has no name.
    fn nobody(&self, _why: TokenError, _out: &mut Vec<u8>) {}
}

/// The same of a panel, whose script holds the token: it is told when that is no good.
#[derive(Debug, Clone, Copy)]
pub struct PanelSseFormat;

impl stream::SseFormat for PanelSseFormat {
    fn opening(&self, opened: &Opened, out: &mut Vec<u8>) {
        SseFormat.opening(opened, out);
    }

    fn gap(&self, from: Position, reason: GapReason, at: EventId, is_closed: bool, out: &mut Vec<u8>) {
        SseFormat.gap(from, reason, at, is_closed, out);
    }

    fn heartbeat(&self, out: &mut Vec<u8>) {
        SseFormat.heartbeat(out);
    }

    fn denied(&self, denial: &Denial, out: &mut Vec<u8>) {
        SseFormat.denied(denial, out);
    }

    fn nobody(&self, why: TokenError, out: &mut Vec<u8>) {
        let mut notice: DatastarEvent = PatchSignals::new("{}").into();
        notice.data.push(format!("nobody {}", Kind::from(why).name()));
        push(notice, out);
    }
}

/// The notice that the reader may not read, or no longer. It is always in the page, and hidden.
fn denied_notice(message: &'static str) -> Markup {
    html! { p #denied role="alert" { (LOCALIZER.markup(message)) } }
}

/// Says that what follows is of this room. The client hands on every event whose name begins with its own.
pub fn room(room: &RoomName, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: datastar-room\ndata: room {room}\n\n").as_bytes());
}

/// Says the token of a guest to the script of a panel.
pub fn token(guest: &Guest<'_>, out: &mut Vec<u8>) {
    let mut author = Vec::new();
    json_line::write(&guest.author, &mut author);
    out.extend_from_slice(
        format!("event: datastar-token\ndata: token {}\ndata: author ", guest.token).as_bytes(),
    );
    out.extend_from_slice(&author);
    out.extend_from_slice(b"\n\n");
}

/// The foot of the room after its reader has, or has not, got a new name.
pub fn composer(composer: Markup, naming: bool) -> Vec<u8> {
    let mut out = Vec::new();
    outer(composer, &mut out);
    push(PatchSignals::new(json!({ "_naming": naming }).to_string()), &mut out);
    out
}

/// Appends the patches of an event. A content that a delete took away changes nothing more.
fn patch(event: &Event, out: &mut Vec<u8>) {
    match &event.body {
        Body::Message { content, reply_to } => {
            let row = rows::Row {
                position: event.position,
                author: event.author.as_ref(),
                created_at: event.created_at,
                content: content.as_deref(),
                deleted_by: None,
                edited: false,
                reactions: &[],
                answered: reply_to.map(|target| Answered { target, quoted: Quoted::Unread }),
            };
            append(&format!("m-{}", event.position), event.position, rows::message(LOCALIZER, &row), out);
        }
        Body::Edit { target, content: Some(content) } => {
            text(*target, rows::text(LOCALIZER, *target, content, true), out);
        }
        Body::Delete { target } => {
            text(*target, rows::deleted_text(LOCALIZER, *target, event.author.as_ref()), out);
            reactions::remove(*target, out);
        }
        Body::Reaction { target, reaction, on, count } => {
            if let Some(author) = &event.author {
                reactions::patch((*target, *reaction), *on, *count, author, out);
            }
        }
        Body::Close => {
            notice(event, RoomNotice::Closed, out);
            closed(true, out);
        }
        Body::Open => {
            notice(event, RoomNotice::Opened, out);
            closed(false, out);
        }
        Body::Purge => {
            let notice = rows::notice(LOCALIZER, event.position, RoomNotice::Emptied, event.author.as_ref());
            let list = elements(notice).selector("#messages").mode(ElementPatchMode::Inner);
            push(with_data(list, "position", event.position), out);
            outer(rows::emptied(LOCALIZER), out);
        }
        // An edit of a message that was deleted since; a kind of a newer release: only the place moves.
        _ => {}
    }
}

/// A line that says what was done to the room.
fn notice(event: &Event, did: RoomNotice, out: &mut Vec<u8>) {
    let line = rows::notice(LOCALIZER, event.position, did, event.author.as_ref());
    append(&format!("e-{}", event.position), event.position, line, out);
}

/// Appends the signal that the room is closed to writing or open: the same for everybody in it.
fn closed(closed: bool, out: &mut Vec<u8>) {
    push(PatchSignals::new(json!({ "_closed": closed }).to_string()), out);
}

/// Moves the page's place, in its signal and in the client's own header.
fn place(at: EventId, out: &mut Vec<u8>) {
    let at = at.to_string();
    push(PatchSignals::new(json!({ "_place": at }).to_string()).id(at), out);
}

/// Appends a row with this id to the list, unless it is there.
fn append(id: &str, position: Position, row: Markup, out: &mut Vec<u8>) {
    let row = elements(row).selector(absent(id)).mode(ElementPatchMode::Append);
    push(with_data(row, "position", position), out);
}

/// Replaces the text of a message.
fn text(target: Position, text: Markup, out: &mut Vec<u8>) {
    push(with_data(elements(text), "target", target), out);
}

/// Adds a line of data for the script.
fn with_data(event: impl Into<DatastarEvent>, name: &str, value: Position) -> DatastarEvent {
    let mut event = event.into();
    event.data.push(format!("{name} {value}"));
    event
}

/// The list of messages as long as it does not hold this id.
fn absent(id: &str) -> String {
    format!("#messages:not(:has(#{id}))")
}

#[cfg(test)]
pub(super) mod tests {
    use millchat::{Author, AuthorKind, Presence, ResetReason, Timestamp};

    use super::*;
    use crate::sse::stream::SseFormat as _;

    /// An SSE event as a client reads it: lines end at CR or LF.
    #[derive(Debug, Default, PartialEq)]
    pub struct Read {
        event: String,
        id: String,
        pub data: Vec<String>,
    }

    pub fn read(bytes: &[u8]) -> Vec<Read> {
        let mut all = Vec::new();
        let mut now = Read::default();
        for line in std::str::from_utf8(bytes).unwrap().split(['\r', '\n']) {
            match line.split_once(": ") {
                None if line.is_empty() => all.push(std::mem::take(&mut now)),
                Some(("event", value)) => now.event = value.to_owned(),
                Some(("id", value)) => now.id = value.to_owned(),
                Some(("data", value)) => now.data.push(value.to_owned()),
                _ => panic!("a line that no client knows: {line:?}"),
            }
        }
        all.pop();
        all
    }

    fn event(body: Body) -> Event {
        Event {
            position: 7,
            prev: 5,
            room: RoomName::new("lobby").unwrap(),
            author: Some(Author { id: "g_4kq7".into(), name: "Ada".into(), kind: AuthorKind::Guest }),
            created_at: Timestamp(0),
            body,
        }
    }

    fn framed(item: Item<'_>) -> Vec<Read> {
        let mut out = Vec::new();
        encoder().encode(Epoch(0x5f3c_9a2e), item, &mut out);
        read(&out)
    }

    fn posted(content: &str) -> Vec<Read> {
        framed(Item::Event(&event(Body::Message { content: Some(content.into()), reply_to: None })))
    }

    pub fn elements_of(read: &Read) -> String {
        let lines: Vec<_> = read.data.iter().filter_map(|line| line.strip_prefix("elements ")).collect();
        lines.join("\n")
    }

    #[test]
    fn a_message_is_a_patch_and_then_the_place_that_it_moves_to() {
        let [patch, place] = &posted("a\n\n  b\n")[..] else { panic!("two events") };
        assert_eq!(patch.event, "datastar-patch-elements");
        assert_eq!(patch.id, "", "the id must not come before the patch is whole");
        assert_eq!(patch.data[..2], ["selector #messages:not(:has(#m-7))", "mode append"]);
        assert!(elements_of(patch).contains(">a&#10;&#10;  b&#10;<"), "{patch:?}");
        assert_eq!(patch.data[3..], ["position 7"], "a message is one line of data: {patch:?}");
        assert_eq!(place.event, "datastar-patch-signals");
        assert_eq!(place.id, "5f3c9a2e-7");
        assert_eq!(place.data, ["signals {\"_place\":\"5f3c9a2e-7\"}"]);
    }

    #[test]
    fn an_answer_carries_an_empty_quote_whose_target_may_change() {
        let answer = Body::Message { content: Some("yes".into()), reply_to: Some(3) };
        let [patch, _] = &framed(Item::Event(&event(answer)))[..] else { panic!("two events") };
        let html = elements_of(patch);
        assert!(
            html.contains("<a class=\"quote\" dir=\"auto\" href=\"#m-3\" data-target=\"3\" data-empty></a>"),
            "{html}"
        );
        let deleted = Body::Message { content: None, reply_to: Some(3) };
        let [patch, _] = &framed(Item::Event(&event(deleted)))[..] else { panic!("two events") };
        assert!(!elements_of(patch).contains("quote"), "a deleted answer shows nothing of it: {patch:?}");
    }

    #[test]
    fn no_text_forges_a_frame() {
        for content in [
            "x\rdata: elements <img src=y onerror=alert(1)>",
            "x\r\n\r\nevent: datastar-patch-signals\r\ndata: signals {\"_place\":\"forged\"}",
            "x\n\nevent: datastar-patch-signals\nid: forged\ndata: signals {}",
            "x\rid: forged\rretry: 1",
            "</script><script>alert(1)</script>",
            "<b data-on:click=\"alert(1)\" data-init='alert(1)'>",
            "elements <svg></svg></body></html>",
        ] {
            let [patch, place] = &posted(content)[..] else { panic!("two events for {content:?}") };
            assert_eq!(place.data, ["signals {\"_place\":\"5f3c9a2e-7\"}"]);
            assert_eq!(
                patch.data.iter().filter(|line| !line.starts_with("elements ")).count(),
                3,
                "{patch:?}"
            );
            let html = elements_of(patch);
            for part in ["<script", "<img", "<b ", "</body", "</html"] {
                assert!(!html.contains(part), "{part} in {html}");
            }
        }
    }

    #[test]
    fn a_message_of_nothing_but_line_breaks_and_links_makes_a_bounded_frame() {
        for content in [
            format!("x{}", "\n".repeat(millchat::CONTENT_BYTES_MAX - 1)),
            "http://a.b\n".repeat(millchat::CONTENT_BYTES_MAX / 11),
            "\"".repeat(millchat::CONTENT_BYTES_MAX),
            format!("**x**{}", "\"".repeat(millchat::CONTENT_BYTES_MAX - 5)),
        ] {
            let mut out = Vec::new();
            let item = event(Body::Message { content: Some(content.as_str().into()), reply_to: None });
            encoder().encode(Epoch(1), Item::Event(&item), &mut out);
            // The longest escape of one byte has six: `&quot;`; a formatted text is there twice.
            assert!(out.len() < 2 * 6 * millchat::CONTENT_BYTES_MAX + 16 * 1024, "{} bytes", out.len());
            assert!(out.split(|&byte| byte == b'\n').count() < 20);
        }
    }

    #[test]
    fn a_hostile_name_stays_text_in_every_frame() {
        let name = "\"><img src=x>\r\rdata: signals {}";
        let author = Author { id: "g_4kq7".into(), name: name.into(), kind: AuthorKind::Guest };
        let mut posted = event(Body::Message { content: Some("x".into()), reply_to: None });
        posted.author = Some(author.clone());
        let presence = Signal::Presence(Presence { count: 1, authors: vec![author.clone()] });
        let typing = Signal::Typing(vec![author]);
        for (item, events) in
            [(Item::Event(&posted), 2), (Item::Signal(&presence), 1), (Item::Signal(&typing), 1)]
        {
            let read = framed(item);
            assert_eq!(read.len(), events);
            assert!(!elements_of(&read[0]).contains("<img"), "{read:?}");
        }
    }

    #[test]
    fn an_edit_and_a_delete_are_aimed_at_the_text_of_their_target() {
        let edit = framed(Item::Event(&event(Body::Edit { target: 3, content: Some("new".into()) })));
        assert_eq!(edit.len(), 2);
        assert_eq!(edit[0].data.last().unwrap(), "target 3");
        let html = elements_of(&edit[0]);
        assert!(html.contains("id=\"t-3\"") && html.contains("new") && html.contains("edited"), "{html}");
        let delete = framed(Item::Event(&event(Body::Delete { target: 3 })));
        assert_eq!(delete[1].data, ["selector #r-3", "mode remove"], "its reactions go with it");
        assert_eq!(delete[0].data.last().unwrap(), "target 3");
        let html = elements_of(&delete[0]);
        assert!(html.contains("id=\"t-3\"") && html.contains("deleted"), "{html}");
    }

    #[test]
    fn a_room_that_is_closed_or_opened_says_so_in_a_line_and_in_a_signal() {
        for (body, word, signal) in [(Body::Close, "closed", "true"), (Body::Open, "opened", "false")] {
            let [line, closed, place] = &framed(Item::Event(&event(body)))[..] else {
                panic!("three events")
            };
            assert_eq!(line.data[..2], ["selector #messages:not(:has(#e-7))", "mode append"]);
            assert_eq!(line.data.last().unwrap(), "position 7");
            assert!(elements_of(line).contains(word) && elements_of(line).contains("Ada"), "{line:?}");
            assert_eq!(closed.data, [format!("signals {{\"_closed\":{signal}}}")]);
            assert_eq!((closed.id.as_str(), place.id.as_str()), ("", "5f3c9a2e-7"));
        }
    }

    #[test]
    fn an_emptied_room_is_one_line_and_no_older_rows() {
        let [list, older, place] = &framed(Item::Event(&event(Body::Purge)))[..] else {
            panic!("three events")
        };
        assert_eq!(list.data[..2], ["selector #messages", "mode inner"]);
        assert_eq!(list.data.last().unwrap(), "position 7");
        let named = "data-l10n=\"room-emptied-by\" data-l10n-args=\"{&quot;name&quot;:&quot;Ada&quot;}\"";
        assert!(elements_of(list).contains(named), "{list:?}");
        assert!(
            elements_of(older).contains("id=\"older\"") && elements_of(older).contains(" hidden"),
            "{older:?}"
        );
        assert_eq!(place.id, "5f3c9a2e-7");
    }

    #[test]
    fn whatever_an_event_is_the_place_moves() {
        for body in [Body::Edit { target: 3, content: None }, Body::Unknown { kind: 200 }] {
            let [place] = &framed(Item::Event(&event(body)))[..] else { panic!("one event") };
            assert_eq!(place.id, "5f3c9a2e-7");
        }
    }

    #[test]
    fn every_opening_says_the_place() {
        let place = EventId { epoch: Epoch(1), position: 41 };
        for (opening, events) in [
            (Opening::Start, 1),
            (Opening::Gap { from: 3, to: 41 }, 3),
            (Opening::Reset(ResetReason::Epoch), 4),
        ] {
            let mut out = Vec::new();
            SseFormat.opening(&Opened { opening, id: place, head: 50, floor: 42, is_closed: true }, &mut out);
            let read = read(&out);
            assert_eq!(read.len(), events, "{read:?}");
            // The event that closed the room may be among what is missing.
            let closed = read.iter().any(|read| read.data == ["signals {\"_closed\":true}"]);
            assert_eq!(closed, opening != Opening::Start, "{read:?}");
            assert_eq!(read[events - 1].id, "00000001-41");
        }
    }

    #[test]
    fn a_denial_is_a_notice_that_the_script_knows_and_moves_nothing() {
        for denial in [Denial::NotMember, Denial::Nobody(TokenError::OLD)] {
            let mut out = Vec::new();
            SseFormat.denied(&denial, &mut out);
            let [notice] = &read(&out)[..] else { panic!("one event") };
            assert_eq!((notice.event.as_str(), notice.id.as_str()), ("datastar-patch-elements", ""));
            assert!(elements_of(notice).contains("id=\"denied\""), "{notice:?}");
            assert_eq!(notice.data.last().unwrap(), &format!("denied {}", denial.kind().name()));
        }
    }

    #[test]
    fn a_heartbeat_reaches_the_page_and_moves_nothing() {
        let mut out = Vec::new();
        SseFormat.heartbeat(&mut out);
        let [beat] = &read(&out)[..] else { panic!("one event") };
        assert_eq!((beat.event.as_str(), beat.id.as_str()), ("datastar-patch-signals", ""));
    }
}
