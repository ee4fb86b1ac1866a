//! The page for somebody who may not do something in a room: who they are here, and the way to be somebody
//! else. It says nothing of the room but its name, which its reader has.

use hyper::StatusCode;
use maud::{Markup, html};
use millchat::{Author, AuthorKind, RoomName};

use super::composer::sign_in_address;
use super::error::{self, Localize as _};
use super::i18n::{Language, Localizer, Value};
use super::layout::{self, Script};
use super::{invitation, new_room, people};
use crate::access::denial::Denial;
use crate::access::table::Action;
use crate::http::Response;
use crate::room_address::Surface;
use crate::route_table::Call;

/// The answer to a request that was denied.
pub fn answer(call: &Call<'_>, room: &RoomName, denial: &Denial) -> Response {
    let language = call.language;
    let me = call.allowed.caller.author().ok();
    let is_hidden = match denial {
        Denial::NotMember => true,
        // Elsewhere a visitor is asked for a name.
        Denial::Nobody(_) => call.allowed.action() == Action::Read,
        _ => false,
    };
    let mut response = match denial {
        Denial::UnknownRoom => error::missing(language, &denial.localize(), &[]),
        // Its script asks, and says why in the panel.
        _ if call.surface == Surface::Panel => error::of(language, denial.clone()),
        _ if is_hidden => {
            let status = if me.is_some() { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
            let has_logins = call.w.app.has_logins();
            let opens_private = new_room::may_open_private(call.w, &call.allowed.caller);
            layout::answer(status, document(language, room, me, (has_logins, opens_private)))
        }
        _ => return error::of(language, denial.clone()),
    };
    response.extensions_mut().insert(denial.kind());
    response
}

/// The page of a room that its visitor may not read.
pub fn document(
    language: &'static Language,
    room: &RoomName,
    me: Option<&Author>,
    (has_logins, opens_private): (bool, bool),
) -> String {
    let title = language.text("denied-title");
    layout::document(
        language,
        &title,
        Script::Invitation,
        &body(language, room, me, (has_logins, opens_private)),
    )
}

fn body(
    language: &'static Language,
    room: &RoomName,
    me: Option<&Author>,
    (has_logins, opens_private): (bool, bool),
) -> Markup {
    // Also a guest may be a member, once they have signed in; a user, as somebody else.
    let onward = match me.map(|me| me.kind) {
        None | Some(AuthorKind::Guest) => has_logins.then_some("sign-in"),
        Some(_) => has_logins.then_some("account"),
    };
    let name = me.map(|me| html! { span data-ignore { (people::name(Localizer::For(language), me)) } });
    html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.failure {
                h1 { (language.markup("denied-title")) }
                p.why { bdi { (room) } }
                @match name {
                    Some(name) => p.why { (language.markup_with("denied-known", &[("name", Value::Markup(name))])) },
                    None => p.why { (language.markup("denied-nobody")) },
                }
                p.onward {
                    @if let Some(onward) = onward {
                        a.button href=(sign_in_address(room.as_str())) { (language.markup(onward)) } " "
                    }
                    a class=(if onward.is_some() { "quiet" } else { "button" }) href="/new" {
                        (language.markup("open-room"))
                    }
                }
                @if opens_private {
                    div.onward { (new_room::private(language, "quiet", &html! {})) }
                }
                details.invited {
                    summary { (language.markup("invitation-have")) }
                    (invitation::form(language, room, me))
                }
            }
        }
    }
}
