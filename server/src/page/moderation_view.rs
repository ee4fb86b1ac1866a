//! The page of moderation: what readers flagged, who is banned, and for owners the members and the invitations of a
//! room. Its forms need no script.

use std::sync::Arc;

use maud::{Markup, html};
use millchat::{Author, Message, Position, RoomName, Value as Kept};

use super::i18n::{Language, Localizer, Value};
use super::layout::{self, Script};
use super::{people, rows};
use crate::access::deeds::Member;
use crate::access::flags::Flag;
use crate::access::invitations::{Invitation, USES_MAX};
use crate::access::role::Role;

/// Characters of a flagged message that the page shows; the rest is in the room.
const EXCERPT_CHARS: usize = 400;
/// Flags of one message that the page shows. The API lists all.
const REASONS_MAX: usize = 10;
/// Days for which an invitation of the form is good, the middle one unless somebody chooses another.
const INVITATION_DAYS: [usize; 3] = [1, 7, 30];

/// A message with its flags.
pub struct Flagged {
    /// Its position.
    pub position: Position,
    /// Its author.
    pub author: Option<Author>,
    /// The beginning of its text.
    pub excerpt: String,
    /// The flags: who, and why.
    pub flags: Vec<Kept>,
}

impl Flagged {
    /// Keeps of a message with these flags what the page shows; `None` when it is deleted.
    pub fn of(message: Message, flags: &[Flag]) -> Option<Self> {
        let content = message.content?;
        let mut excerpt: String = content.chars().take(EXCERPT_CHARS).collect();
        if excerpt.len() < content.len() {
            excerpt.push('…');
        }
        let flags = flags.iter().take(REASONS_MAX).map(|flag| flag.value.clone()).collect();
        Some(Self { position: message.position, author: message.author, excerpt, flags })
    }
}

/// The parts of the page.
pub struct View<'a> {
    /// The language of its reader.
    pub language: &'static Language,
    /// The room.
    pub room: &'a RoomName,
    /// The title of the room, if the operator gave it one.
    pub title: Option<String>,
    /// The role of the reader.
    pub role: Option<Role>,
    /// True if the room is closed to writing.
    pub closed: bool,
    /// The flagged messages, the oldest first.
    pub flagged: Vec<Flagged>,
    /// The bans, by author's id.
    pub bans: Vec<(Arc<str>, Kept)>,
    /// The roles that were given.
    pub members: Vec<Member>,
    /// The invitations that can still be used.
    pub invitations: Vec<Invitation>,
    /// A part above the lists that is shown only once.
    pub made: Option<Markup>,
}

/// The page.
pub fn document(view: &View<'_>) -> String {
    let title = format!("{} · {}", view.language.text("moderation"), shown_name(view));
    layout::document(view.language, &title, Script::None, &body(view))
}

/// The room as people know it.
fn shown_name<'a>(view: &'a View<'_>) -> &'a str {
    view.title.as_deref().unwrap_or(view.room.as_str())
}

fn body(view: &View<'_>) -> Markup {
    let (language, room) = (view.language, view.room);
    html! {
        body.plain {
            header.bar {
                (layout::brand(language))
                h1 title=(room) {
                    a href={ "/" (room) } { bdi { (shown_name(view)) } }
                }
            }
            main.moderation {
                h2 { (language.markup("moderation")) }
                @if let Some(made) = &view.made { (made) }
                (whole_room(view))
                section {
                    h3 { (language.markup("flags")) }
                    @if view.flagged.is_empty() { p.hint { (language.markup("flags-none")) } }
                    ul { @for flagged in &view.flagged { (flag(view, flagged)) } }
                }
                section {
                    h3 { (language.markup("bans")) }
                    @if view.bans.is_empty() { p.hint { (language.markup("bans-none")) } }
                    ul { @for (author_id, ban) in &view.bans { (banned(view, author_id, ban)) } }
                }
                @if view.role >= Some(Role::Owner) {
                    section {
                        h3 { (language.markup("members")) }
                        @if view.members.is_empty() { p.hint { (language.markup("members-none")) } }
                        ul { @for one in &view.members { (member(view, one)) } }
                    }
                    section {
                        h3 { (language.markup("invitations")) }
                        ul { @for one in &view.invitations { (invitation(view, one)) } }
                        (invite(view))
                    }
                }
                p.onward { a.quiet href={ "/" (room) } { (language.markup("search-back")) } }
            }
        }
    }
}

/// A button that is a form of its own: the method is in the address, since a form has none but POST.
fn button(path: &str, method: &str, words: &Markup, is_alarming: bool) -> Markup {
    html! {
        form method="post" action={ (path) "?method=" (method) } {
            button.quiet.alarming[is_alarming] type="submit" { (words) }
        }
    }
}

fn whole_room(view: &View<'_>) -> Markup {
    let (language, room) = (view.language, view.room);
    let closed = format!("/{room}/closed");
    html! {
        section {
            @if view.closed {
                p { (language.markup("room-is-closed")) }
                (button(&closed, "delete", &language.markup("open-again"), false))
            } @else {
                (button(&closed, "put", &language.markup("close-room"), false))
            }
            @if view.role >= Some(Role::Owner) {
                form method="post" action={ "/" (room) "/messages?method=delete" } {
                    label { input type="checkbox" required; " " (language.markup("empty-sure")) }
                    button.quiet.alarming type="submit" { (language.markup("empty-room")) }
                }
            }
        }
    }
}

fn flag(view: &View<'_>, flagged: &Flagged) -> Markup {
    let (language, room, position) = (view.language, view.room, flagged.position);
    let localizer = Localizer::For(language);
    html! {
        li {
            @if let Some(author) = &flagged.author { p.who { (people::name(localizer, author)) } }
            a.text dir="auto" href={ "/" (room) "#m-" (position) } { (flagged.excerpt) }
            ul.reasons {
                @for flag in &flagged.flags {
                    li {
                        (by(language, "flagged-by", flag))
                        @if !flag.text.is_empty() { p dir="auto" { (flag.text) } }
                    }
                }
            }
            div.deeds {
                (button(&format!("/{room}/messages/{position}"), "delete", &language.markup("delete"), true))
                (button(&format!("/{room}/flags/{position}"), "delete", &language.markup("flag-clear"), false))
            }
        }
    }
}

/// The one who did something, and the time.
fn by(language: &'static Language, message: &'static str, kept: &Kept) -> Markup {
    let name = kept.by.as_ref().map(|author: &Author| people::name(Localizer::For(language), author));
    html! {
        span.by {
            @if let Some(name) = name { (language.markup_with(message, &[("name", Value::Markup(name))])) }
            " " (rows::date(kept.set_at))
        }
    }
}

fn banned(view: &View<'_>, author_id: &str, ban: &Kept) -> Markup {
    let (language, room) = (view.language, view.room);
    html! {
        li {
            p.who { code { (author_id) } }
            p {
                @match ban.until {
                    Some(until) => { (language.markup("until")) " " (rows::date(until)) },
                    None => (language.markup("ban-ever")),
                }
            }
            (by(language, "done-by", ban))
            (button(&format!("/{room}/bans/{}", in_path(author_id)), "delete", &language.markup("unban"), false))
        }
    }
}

fn member(view: &View<'_>, member: &Member) -> Markup {
    let (language, room) = (view.language, view.room);
    html! {
        li {
            p.who {
                @if let Some(name) = &member.name { bdi { (name) } " " }
                code { (member.author_id) }
            }
            p { (role(language, member.role)) }
            (by(language, "done-by", &member.value))
            @let path = format!("/{room}/members/{}", in_path(&member.author_id));
            (button(&path, "delete", &language.markup("member-remove"), true))
        }
    }
}

fn invitation(view: &View<'_>, invitation: &Invitation) -> Markup {
    let (language, room) = (view.language, view.room);
    let uses = usize::try_from(invitation.uses).unwrap_or(usize::MAX);
    html! {
        li {
            p { (role(language, invitation.role)) }
            p {
                (language.markup_with("invitation-uses", &[("count", Value::Number(uses))]))
                @if let Some(until) = invitation.value.until {
                    ", " (language.markup("until")) " " (rows::date(until))
                }
            }
            (by(language, "done-by", &invitation.value))
            (button(
                &format!("/{room}/invitations/{}", invitation.id), "delete", &language.markup("invitation-end"), true,
            ))
        }
    }
}

/// The form that makes an invitation.
fn invite(view: &View<'_>) -> Markup {
    let language = view.language;
    html! {
        form.invite method="post" action={ "/" (view.room) "/invitations" } {
            label {
                (language.markup("invitation-role"))
                select name="role" {
                    @for one in Role::GIVEN.into_iter().filter(|one| Some(*one) <= view.role) {
                        option value=(one.as_str()) selected[one == Role::Writer] { (role(language, one)) }
                    }
                }
            }
            label {
                (language.markup("invitation-time"))
                select name="expires_in" {
                    @for days in INVITATION_DAYS {
                        option value={ (days) "d" } selected[days == INVITATION_DAYS[1]] {
                            (language.markup_with("days", &[("count", Value::Number(days))]))
                        }
                    }
                }
            }
            label {
                (language.markup("invitation-uses-max"))
                input type="number" name="uses" value="1" min="1" max=(USES_MAX) required;
            }
            button.button type="submit" { (language.markup("invite")) }
        }
    }
}

/// An invitation that was just made: its link is shown only here.
pub fn made(language: &Language, url: &str) -> Markup {
    html! {
        section.made role="status" {
            label for="made" { (language.markup("invitation-made")) }
            input #made value=(url) readonly dir="ltr";
        }
    }
}

fn role(language: &Language, role: Role) -> Markup {
    language.markup(match role {
        Role::Reader => "role-reader",
        Role::Writer => "role-writer",
        Role::Moderator => "role-moderator",
        Role::Owner | Role::Operator | Role::Admin => "role-owner",
    })
}

/// An author's id as a part of a path: it may hold anything that can be seen.
fn in_path(author_id: &str) -> String {
    percent_encoding::utf8_percent_encode(author_id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_with_a_title_is_shown_by_it() {
        let room = RoomName::new("team-7").unwrap();
        for (title, shown) in [(Some("The team"), "The team"), (None, "team-7")] {
            let page = document(&View {
                language: Language::by_code("en").unwrap(),
                room: &room,
                title: title.map(str::to_owned),
                role: Some(Role::Moderator),
                closed: false,
                flagged: Vec::new(),
                bans: Vec::new(),
                members: Vec::new(),
                invitations: Vec::new(),
                made: None,
            });
            assert!(page.contains(&format!(" · {shown} · Millchat</title>")), "{page}");
        }
    }
}
