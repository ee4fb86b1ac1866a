//! The desk of rooms of visitors, at the address of their beginning: it leads a visitor to the room that is theirs, asks
//! somebody new for a name, and shows the staff the open rooms.

use hyper::StatusCode;
use maud::{Markup, html};
use millchat::RoomName;
use serde::Serialize;

use super::error;
use super::i18n::{Language, Localizer, Value};
use super::layout::{self, Script};
use super::{denied, people, room, rows};
use crate::access::denial::Denial;
use crate::access::table::{Action, allows};
use crate::access::visitors::room_of;
use crate::app::Worker;
use crate::desk::{Conversation, DeskError, LISTED_MAX, UNREAD_MAX, conversations};
use crate::http::{self, Response};
use crate::identity::Person;
use crate::room_address::RoomAddress;
use crate::route_table::{Call, Decision};
use crate::sanitize::NAME_GRAPHEMES_MAX;

/// The room of a visitor of a panel.
#[derive(Serialize)]
struct OwnRoom<'a> {
    room: &'a str,
}

/// `GET /{room}`: the page of a room, or of a desk.
pub async fn page(call: Call<'_>, room: RoomName, decided: Decision) -> Response {
    if call.w.app.authority.rules().of(&room).is_desk(&room) {
        return desk(call, room, decided).await;
    }
    match decided {
        Ok(_) => room::room(call, room).await,
        Err(denial) => denied::answer(&call, &room, &denial),
    }
}

async fn desk(call: Call<'_>, beginning: RoomName, decided: Decision) -> Response {
    let Call { w, ref req, ref allowed, language, .. } = call;
    match &decided {
        Err(Denial::UnknownRoom) => return denied::answer(&call, &beginning, &Denial::UnknownRoom),
        Ok(by) if allows(by.standing.role, Action::Moderate) => {
            let title = w.app.authority.rules().of(&beginning).title.clone();
            return match conversations(w, req, &beginning).await {
                Ok(found) => {
                    layout::answer(StatusCode::OK, staff(language, &beginning, title.as_deref(), &found))
                }
                Err(DeskError::Limited(limited)) => error::of(language, limited),
                Err(DeskError::Read(unread)) => error::of(language, unread),
            };
        }
        _ => {}
    }
    let Ok(person) = &allowed.caller.person else {
        return layout::answer(StatusCode::OK, stranger(language, &beginning));
    };
    if let Err(limited) = w.app.limits.read(req) {
        return error::of(language, limited);
    }
    match own_room(w, &beginning, person).await {
        Ok(Some(room)) => http::redirect(&RoomAddress::page(&room).to_string()),
        Ok(None) => denied::answer(&call, &beginning, &Denial::NotMember),
        Err(unread) => error::of(language, unread),
    }
}

/// `POST /embed/{room}/own`: the room of the visitor of a panel.
pub async fn own(call: Call<'_>, beginning: RoomName) -> Response {
    let Call { w, req, language, allowed, .. } = call;
    if let Err(limited) = w.app.limits.read(&req) {
        return error::of(language, limited);
    }
    if !w.app.authority.rules().of(&beginning).is_desk(&beginning) {
        return error::of(language, Denial::UnknownRoom);
    }
    let person = match &allowed.caller.person {
        Ok(person) => person,
        Err(wrong) => return error::of(language, Denial::Nobody(*wrong)),
    };
    match own_room(w, &beginning, person).await {
        Ok(Some(room)) => http::json(StatusCode::OK, &OwnRoom { room: room.as_str() }),
        Ok(None) => error::of(language, Denial::NotMember),
        Err(unread) => error::of(language, unread),
    }
}

/// Returns the room of a visitor: of those that they had as guests before they signed in, the one in which they have
/// written.
async fn own_room(
    w: &Worker,
    beginning: &RoomName,
    person: &Person,
) -> Result<Option<RoomName>, millchat::ReadError> {
    let rooms: Vec<_> = person.ids().filter_map(|id| room_of(&w.app.chat, beginning.as_str(), id)).collect();
    for room in &rooms {
        if w.app.chat.overview(room).await?.head > 0 {
            return Ok(Some(room.clone()));
        }
    }
    Ok(rooms.into_iter().next())
}

/// The page of the staff.
pub fn staff(
    language: &'static Language,
    beginning: &RoomName,
    title: Option<&str>,
    (found, has_more): &(Vec<Conversation>, bool),
) -> String {
    let title = title.unwrap_or(beginning.as_str());
    let waiting = found.iter().filter(|of| of.unread > 0).count();
    let shown = if waiting > 0 { format!("({waiting}) {title}") } else { title.to_owned() };
    let body = html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main #desk .account {
                h1 { bdi { (title) } }
                p { (language.markup_with("desk-waiting", &[("count", Value::Number(waiting))])) }
                @if found.is_empty() { p { (language.markup("desk-empty")) } }
                ul.conversations { @for of in found { li { (conversation(language, of)) } } }
                @if *has_more {
                    p.hint { (language.markup_with("desk-more", &[("limit", Value::Number(LISTED_MAX))])) }
                }
                noscript { p { a href={ "/" (beginning) } { (language.markup("desk-again")) } } }
            }
        }
    };
    layout::document(language, &shown, Script::Desk, &body)
}

fn conversation(language: &'static Language, of: &Conversation) -> Markup {
    let count = if of.unread >= UNREAD_MAX { format!("{UNREAD_MAX}+") } else { of.unread.to_string() };
    html! {
        a href={ "/" (of.room) } {
            span.name {
                @match &of.visitor {
                    Some(visitor) => (people::name(Localizer::For(language), visitor)),
                    None => bdi { (of.room) },
                }
            }
            " " (rows::date(of.last_at))
            @if of.unread > 0 {
                " " span.count { span.unseen { (language.markup("desk-unread")) " " } (count) }
            }
        }
    }
}

/// The page of somebody who has no name yet.
fn stranger(language: &Language, beginning: &RoomName) -> String {
    let body = html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.account {
                h1 { (language.markup("your-name")) }
                p { (language.markup("desk-own")) }
                form.naming method="post" action={ "/" (beginning) "/name" } {
                    label.unseen for="name" { (language.markup("your-name")) }
                    input #name name="name" required maxlength=(NAME_GRAPHEMES_MAX * 4) autocomplete="nickname"
                        spellcheck="false" placeholder=(language.text("name-hint"));
                    " " button.button type="submit" { (language.markup("join")) }
                }
            }
        }
    };
    layout::document(language, &language.text("your-name"), Script::None, &body)
}
