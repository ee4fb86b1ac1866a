//! The page of a room, whole: what the first HTML shows, and the element that keeps it live.
//!
//! The history is in it, and the stream goes on from the very position that it was rendered at: that is the
//! signal `_place`, which every event of the stream moves on. Signals whose names begin with `_` never leave
//! the browser.

use maud::{Markup, html};
use millchat::{Author, AuthorKind, EventId, HistoryPage, Presence, RoomName};

use super::composer::Reader;
use super::i18n::{Language, Localizer};
use super::layout::{self, Script};
use super::look::Look;
use super::patch::outer;
use super::quote::QuotedMessages;
use super::{answering, composer, dialogs, new_room, people, rows, search};
use crate::access::role::Role;
use crate::access::table::{Action, allows};
use crate::room_address::{RoomAddress, Surface};

/// The parts of a room's page.
pub struct View<'a> {
    /// The language of its reader.
    pub language: &'static Language,
    /// The room.
    pub room: &'a RoomName,
    /// The look of a panel; `None`: it is the page.
    pub look: Option<&'a Look>,
    /// The reader.
    pub reader: Reader<'a>,
    /// The newest messages.
    pub history: &'a HistoryPage,
    /// The messages further back that these answer.
    pub quoted: &'a QuotedMessages,
    /// The place at which the stream goes on.
    pub place: EventId,
    /// The people in the room.
    pub presence: &'a Presence,
    /// The bots that are built in and answer in it.
    pub bots: &'a [Author],
    /// True if the room is closed to writing.
    pub closed: bool,
    /// The role of the reader, or the one that they would have with a name.
    pub role: Option<Role>,
    /// The title of the room, if the operator gave it one.
    pub title: Option<&'a str>,
    /// The public address of the chat; `None` is the address by which the browser came.
    pub origin: Option<&'a str>,
    /// True if everybody may read the room.
    pub is_open: bool,
    /// True if the reader may open a private room.
    pub may_open_private: bool,
}

impl View<'_> {
    fn address(&self) -> RoomAddress<'_> {
        RoomAddress::new(if self.look.is_some() { Surface::Panel } else { Surface::Page }, self.room)
    }

    fn heading(&self) -> Heading<'_> {
        Heading::new(self.look, self.title.unwrap_or(self.room.as_str()))
    }
}

/// The title of a room.
#[derive(Clone, Copy)]
struct Heading<'a> {
    /// As it is shown: in a panel the one that its address says, else the room's own.
    shown: &'a str,
    /// The room's own in a panel, whose script shows it when the page around wants no other.
    own: Option<&'a str>,
}

impl<'a> Heading<'a> {
    fn new(look: Option<&'a Look>, own: &'a str) -> Self {
        let suggested = look.and_then(|look| look.title.as_deref());
        Self { shown: suggested.unwrap_or(own), own: look.map(|_| own) }
    }
}

/// The page. `is_indexed`: search engines may have it.
pub fn document(view: &View<'_>, is_indexed: bool) -> String {
    let (language, title, body) = (view.language, view.heading().shown, body(view));
    match view.look {
        Some(look) => layout::panel(look, language, title, Script::Live, &body),
        None => layout::document_for(is_indexed, language, title, Script::Live, &body),
    }
}

/// The body alone, for a document that has another one.
pub fn patch(view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    outer(body(view), &mut out);
    out
}

/// The panel of a room that its reader may not read, as far as is known: nothing is in it but the name, which
/// is in the address. Its script asks for the rest.
pub fn shell(language: &'static Language, at: RoomAddress<'_>, look: &Look, has_logins: bool) -> String {
    bare(language, (at, at.room()), look, composer::blank(language, at, has_logins), false)
}

/// The panel of a desk: somebody new writes there the first message of the room that is theirs, and to others the
/// script shows their room instead. Who signs in does so there: a user is known to one document alone. `title`: of the
/// rooms.
pub fn desk(language: &'static Language, (at, title): (RoomAddress<'_>, &str), look: &Look) -> String {
    let foot = html! {
        p.hint { (language.markup("desk-own")) }
        (composer::composer(language, at, Reader::default(), None))
    };
    bare(language, (at, title), look, foot, true)
}

fn bare(
    language: &'static Language,
    (at, title): (RoomAddress<'_>, &str),
    look: &Look,
    foot: Markup,
    is_desk: bool,
) -> String {
    let heading = Heading::new(Some(look), title);
    let presence = Presence { count: 0, authors: Vec::new() };
    let contents = Contents { rows: html! {}, older: html! { div #older {} }, foot };
    let body = html! {
        body.room data-room=(at.room()) data-base=(at) data-shell[!is_desk] data-desk[is_desk] data-signals:_place="''"
            data-signals:_naming="false" data-signals:_people="false" data-signals:_saving="false"
            data-signals:_closed="false" data-class:closed="$_closed" {
            a.skip href="#composer" { (language.markup("skip")) }
            (header(language, at, heading, &presence))
            nav #menu popover aria-label=(language.text("menu")) {}
            (middle(language, at, (&presence, &[]), &contents))
            (stream(at))
        }
    };
    layout::panel(look, language, heading.shown, Script::Live, &body)
}

fn body(view: &View<'_>) -> Markup {
    let (at, language) = (view.address(), view.language);
    let localizer = Localizer::For(language);
    let contents = Contents {
        rows: rows::history(localizer, view.history, view.quoted),
        older: rows::older(localizer, view.history),
        foot: composer::composer(language, at, view.reader, None),
    };
    html! {
        body.room.closed[view.closed] data-room=(at.room()) data-base=(at) data-origin=[view.origin]
            data-role=[view.role.map(Role::as_str)]
            data-signals:_place={ "'" (view.place) "'" } data-signals:_naming="false"
            data-signals:_people="false" data-signals:_saving="false" data-signals:_closed=(view.closed)
            data-class:closed="$_closed" {
            a.skip href="#composer" { (language.markup("skip")) }
            (header(language, at, view.heading(), view.presence))
            (menu(language, at, view))
            (middle(language, at, (view.presence, view.bots), &contents))
            (stream(at))
        }
    }
}

fn header(
    language: &'static Language,
    at: RoomAddress<'_>,
    heading: Heading<'_>,
    presence: &Presence,
) -> Markup {
    html! {
        header.bar {
            @if !at.is_panel() { (layout::brand(language)) }
            h1 title=(at.room()) data-title=[heading.own] data-ignore { bdi { (heading.shown) } }
            nav aria-label=(language.text("room")) {
                button #who .quiet type="button" aria-controls="people"
                    title=(language.text("who-is-here"))
                    data-on:click="$_people = !$_people" data-attr:aria-expanded="`${$_people}`" {
                    (people::here(Localizer::For(language), presence))
                }
                button.quiet.share type="button" { (copy_link(language)) }
                button #more .quiet type="button" popovertarget="menu"
                    aria-label=(language.text("menu")) {
                    (more_icon())
                }
                // The script shows it when there is a page around that can take the panel away.
                @if at.is_panel() {
                    button #shut .quiet type="button" hidden aria-label=(language.text("panel-close")) {
                        (close_icon())
                    }
                }
            }
        }
    }
}

/// The parts of a room that its reader must be allowed to see.
struct Contents {
    rows: Markup,
    older: Markup,
    foot: Markup,
}

/// All between the menu and the stream.
fn middle(
    language: &'static Language,
    at: RoomAddress<'_>,
    (presence, bots): (&Presence, &[Author]),
    contents: &Contents,
) -> Markup {
    let localizer = Localizer::For(language);
    html! {
        p #state role="status" {}
        main {
            // What is new is said by `#announcer`: here, rows of history would be read out too.
            div #scroller role="log" aria-live="off" aria-label=(language.text("messages"))
                tabindex="0" {
                div.column {
                    p #day aria-hidden="true" {}
                    (contents.older)
                    ol #messages data-ignore { (contents.rows) }
                    (answering::list(localizer, &[]))
                    div #empty {
                        h2 { (language.markup("quiet")) }
                        p { (language.markup("quiet-hint")) }
                        button.button.share type="button" { (copy_link(language)) }
                    }
                    (composer::outbox(language))
                }
            }
            button #latest type="button" hidden { (language.markup("to-newest")) }
            (rows::hole_template(localizer))
            (composer::tools(language))
            (dialogs::dialogs(language))
        }
        aside #people aria-label=(language.text("people")) data-class:open="$_people" {
            (people::list(localizer, presence))
            (people::bots(localizer, bots))
            p.foot {
                a href="/assets/licences.txt" target=[at.is_panel().then_some("_blank")] {
                    (language.markup("licences"))
                }
            }
        }
        footer {
            noscript {
                p.problem {
                    (language.markup("no-script")) " "
                    a href=(at) { (language.markup("no-script-reload")) }
                }
            }
            p #typists data-ignore {} (people::typing(&[]))
            p #joins data-ignore {}
            p #problem .problem role="alert" data-ignore {}
            // One of these is shown, by the class and the role of the body.
            p #closed { (language.markup("room-is-closed")) }
            p #read-only { (language.markup("denied-read-only")) }
            p #denied role="alert" hidden {}
            div #kept hidden data-ignore tabindex="-1" {
                h2 { (language.markup("draft-kept")) }
                p.text {}
            }
            div #announcer .unseen data-ignore aria-live="polite" {}
            div #mentioning data-ignore {
                ul #mentionable role="listbox" aria-label=(language.text("mentionable")) tabindex="0" hidden {}
            }
            (contents.foot)
        }
    }
}

/// The stream, which the script opens: it says at which address and from which place, and aborts it when it
/// opens another.
///
/// The header is in lower case since the client sets that very key. `retry` has it say whenever a stream has
/// ended; the script then opens the next one, since the client's own would begin at the last id it saw, of
/// whatever room.
fn stream(at: RoomAddress<'_>) -> Markup {
    let get = "@get(evt.detail.url, {openWhenHidden: true, retry: 'always', retryMaxCount: Infinity, \
               requestCancellation: evt.detail.until, headers: {'last-event-id': evt.detail.place}})";
    // Brings the messages around one that a link names, when it is far back.
    let seek = format!("@get(`{at}?around=${{evt.detail.at}}&before=${{evt.detail.before}}`)");
    // Brings what lies in a hole. It is asked for here, since nothing runs inside of the list.
    let fill = format!(
        "@get(`{at}?after=${{evt.detail.after}}&before=${{evt.detail.before}}${{evt.detail.upwards ? \
         '&upwards' : ''}}`)"
    );
    html! {
        div #seeker hidden data-on:seek=(seek) {}
        div #filler hidden data-on:fill=(fill) {}
        div #stream hidden data-attr:data-place="$_place" data-on:open=(get) {}
        // Brings the whole body for a reader whom the document was not made for. In a frame it keeps its look.
        @if at.is_panel() {
            div #joiner hidden
                data-on:join={ "@get('" (at) "' + (window.parent === window ? '' : location.search))" } {}
        }
    }
}

/// The menu of things that are not needed every day. The script fills in the rooms; the browser keeps the
/// choices.
fn menu(language: &Language, at: RoomAddress<'_>, view: &View<'_>) -> Markup {
    let is_user = view.reader.me.is_some_and(|me| me.kind == AuthorKind::User);
    let room = at.room();
    if at.is_panel() {
        return panel_menu(language, at, view);
    }
    html! {
        nav #menu popover aria-label=(language.text("menu")) {
            (search::form(language, at, ""))
            a.quiet href="/new" { (plus_icon()) (language.markup("new-room")) }
            @if view.may_open_private { (new_room::private(language, "quiet", &plus_icon())) }
            @if allows(view.role, Action::Moderate) {
                a.quiet href={ "/" (room) "/moderation" } { (shield_icon()) (language.markup("moderation")) }
            }
            @if view.reader.has_logins {
                a.quiet href=(composer::sign_in_address(room)) {
                    (person_icon()) (language.markup(if is_user { "account" } else { "sign-in" }))
                }
            }
            div #choices hidden {
                label.quiet { input #notify type="checkbox"; (language.markup("notify")) }
                label.quiet { input #notify-mentions type="checkbox"; (language.markup("notify-mentions")) }
                label.quiet { input #sound type="checkbox"; (language.markup("notify-sound")) }
                p #notify-problem .problem role="alert" {}
            }
            section #lately hidden data-ignore aria-labelledby="lately-title" {
                h2 #lately-title { (language.markup("lately")) }
                ul {}
                button.link type="button" { (language.markup("lately-forget")) }
            }
            (languages(language, room))
        }
    }
}

/// The menu of a panel: what is no page leads to none, and a page is opened beside the frame.
fn panel_menu(language: &Language, at: RoomAddress<'_>, view: &View<'_>) -> Markup {
    html! {
        nav #menu popover aria-label=(language.text("menu")) {
            @if view.is_open { (search::form(language, at, "")) }
            @if allows(view.role, Action::Moderate) {
                a.quiet href={ "/" (at.room()) "/moderation" } target="_blank" {
                    (shield_icon()) (language.markup("moderation"))
                }
            }
            div #choices hidden {
                label.quiet { input #sound type="checkbox"; (language.markup("notify-sound")) }
            }
        }
    }
}

/// The languages there are, each by its own name. It works without script too.
fn languages(now: &Language, room: &str) -> Markup {
    html! {
        form #languages method="post" action={ "/" (room) "/language" } aria-labelledby="languages-title" {
            h2 #languages-title { (now.markup("language")) }
            @for one in Language::all() {
                button.quiet name="language" value=(one.code()) lang=(one.code()) dir=(one.direction())
                    aria-current=[(one.code() == now.code()).then_some("true")] { (one.name()) }
            }
        }
    }
}

fn copy_link(language: &Language) -> Markup {
    html! { (link_icon()) span.word aria-live="polite" { (language.markup("copy-link")) } }
}

fn link_icon() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" {
            path d="M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 \
                0 5.7 5.7l1.2-1.2" {}
        }
    }
}

fn more_icon() -> Markup {
    html! { svg viewBox="0 0 24 24" aria-hidden="true" { path d="M4 7h16M4 12h16M4 17h16" {} } }
}

fn person_icon() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" {
            path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20a8 8 0 0 1 16 0" {}
        }
    }
}

fn shield_icon() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" {
            path d="M12 3l7 3v5c0 5-3 8-7 10c-4-2-7-5-7-10V6z" {}
        }
    }
}

fn close_icon() -> Markup {
    html! { svg viewBox="0 0 24 24" aria-hidden="true" { path d="M6 6l12 12M18 6L6 18" {} } }
}

fn plus_icon() -> Markup {
    html! { svg viewBox="0 0 24 24" aria-hidden="true" { path d="M12 5v14M5 12h14" {} } }
}

#[cfg(test)]
mod tests {
    use millchat::{Author, Epoch, Message, Timestamp};

    use super::*;

    fn rendered_as(name: &str, content: &str, closed: bool) -> String {
        let room = RoomName::new("lobby").unwrap();
        let ada = Author { id: "g_4kq7".into(), name: name.into(), kind: AuthorKind::Guest };
        let message = Message {
            position: 7,
            prev: 0,
            room: room.clone(),
            author: Some(ada.clone()),
            content: Some(content.into()),
            created_at: Timestamp(0),
            edited_at: None,
            deleted_by: None,
            reply_to: None,
            reactions: Vec::new(),
        };
        let history = HistoryPage { messages: vec![message], floor: 1, head: 9, older: None, newer: None };
        let presence = Presence { count: 1, authors: vec![ada.clone()] };
        let place = EventId { epoch: Epoch(0x5f3c_9a2e), position: 9 };
        let origin = Some("https://chat.example");
        let (room, me, history, presence) = (&room, Some(&ada), &history, &presence);
        let (role, title) = (Some(Role::Writer), Some("The lobby"));
        let language = Language::by_code("en").unwrap();
        let quoted = &QuotedMessages::default();
        let view = View {
            language,
            room,
            look: None,
            reader: Reader { me, has_logins: true, ..Reader::default() },
            history,
            quoted,
            place,
            presence,
            bots: &[],
            closed,
            role,
            title,
            origin,
            is_open: true,
            may_open_private: true,
        };
        body(&view).into_string()
    }

    fn rendered(name: &str, content: &str) -> String {
        rendered_as(name, content, false)
    }

    #[test]
    fn a_closed_room_says_so_before_any_script_runs() {
        let (open, closed) = (rendered_as("Ada", "hello", false), rendered_as("Ada", "hello", true));
        assert!(closed.contains("class=\"room closed\"") && closed.contains("data-signals:_closed=\"true\""));
        assert!(open.contains("class=\"room\"") && open.contains("data-signals:_closed=\"false\""));
    }

    #[test]
    fn the_stream_goes_on_from_where_the_page_was_rendered() {
        let html = rendered("Ada", "hello");
        assert!(html.contains("data-signals:_place=\"'5f3c9a2e-9'\""), "{html}");
        assert!(html.contains("data-attr:data-place=\"$_place\""), "{html}");
    }

    #[test]
    fn the_page_knows_where_people_reach_it() {
        assert!(rendered("Ada", "hello").contains("data-origin=\"https://chat.example\""));
    }

    #[test]
    fn there_is_no_script_or_style_inside_the_page() {
        let html = rendered("\"><script>x</script>", "<style>*{display:none}</style>");
        for part in ["<script", "<style", " style=", "onclick"] {
            assert!(!html.contains(part), "{part}");
        }
    }
}
