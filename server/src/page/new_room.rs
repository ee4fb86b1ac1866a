//! The ways to a new room: a fresh name, and a private room that belongs to whoever opens it.

use hyper::StatusCode;
use maud::{Markup, html};
use rand::RngExt;
use rand::distr::Alphanumeric;

use super::error::{self, Localize as _};
use super::form::back_to;
use super::i18n::Language;
use crate::access::decide::Caller;
use crate::access::denial::Denial;
use crate::access::pattern::Pattern;
use crate::access::table::Action;
use crate::actions;
use crate::app::Worker;
use crate::client_ip::client;
use crate::cross_site;
use crate::http::{self, Response};
use crate::identity::TokenError;
use crate::paths;
use crate::room_address::RoomAddress;
use crate::route_table::Call;

/// Letters and digits of a fresh room's name: 190 bits, so nobody finds it who was not told.
const FRESH_ROOM_CHARS: usize = 32;

/// Tries of a name that nobody has used: of short patterns there are few.
const FRESH_ROOM_TRIES: usize = 8;

/// `GET /`, `GET /new`: to a fresh random room that the visitor may use; where the operator's list has none, to
/// the first room of the list.
pub async fn home(Call { w, req, .. }: Call<'_>) -> Response {
    let rules = w.app.authority.rules();
    let Some(rooms) = &rules.rooms else { return http::redirect(&format!("/{}", letters())) };
    let caller = Caller::of(w.app.identity.visitor(req.headers()).ok_or(TokenError::Missing));
    for pattern in rooms {
        for _ in 0..FRESH_ROOM_TRIES {
            let Some(room) =
                pattern.filled(&letters()).filter(|room| paths::room(Some(room.as_str())).is_some())
            else {
                break;
            };
            let Ok(allowed) = w.app.authority.decide(caller.clone(), &room, Action::Read) else { break };
            if w.app.authority.may_begin(&caller, allowed.standing, &room).is_err() {
                break;
            }
            if w.app.chat.overview(&room).await.is_ok_and(|overview| overview.head == 0) {
                return http::redirect(&format!("/{room}"));
            }
        }
    }
    let first = rooms.iter().find_map(Pattern::plain).or_else(|| rooms.first()?.filled(&letters()));
    http::redirect(&first.map_or("/".to_owned(), |room| format!("/{room}")))
}

/// `POST /new`: a private room of the visitor's own, if the settings have such rooms.
pub async fn open_private(Call { w, req, language, .. }: Call<'_>) -> Response {
    if let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()) {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let caller = Caller::of(w.app.identity.visitor(req.headers()).ok_or(TokenError::Missing));
    let limited = match caller.author() {
        Ok(author) => w.app.limits.message(author, &req),
        Err(nobody) => return error::of(language, nobody),
    };
    if let Err(limited) = limited {
        return error::of(language, limited);
    }
    for _ in 0..FRESH_ROOM_TRIES {
        let Some((room, allowed)) = w.app.authority.private_room(&caller, &letters()) else { break };
        if paths::room(Some(room.as_str())).is_none() {
            continue;
        }
        match actions::open_private(w, client(&req), &room, &allowed).await {
            Ok(true) => return back_to(RoomAddress::page(&room)),
            Ok(false) => {}
            Err(failed) => return error::of(language, failed),
        }
    }
    error::of(language, Denial::NoNewRooms)
}

/// Returns true if somebody may open a private room.
pub fn may_open_private(w: &Worker, caller: &Caller) -> bool {
    w.app.authority.private_room(caller, &letters()).is_some()
}

/// The button for a private room. It works without script too.
pub fn private(language: &Language, class: &str, icon: &Markup) -> Markup {
    html! {
        form.private method="post" action="/new" {
            button class=(class) type="submit" { (icon) (language.markup("new-private-room")) }
        }
    }
}

fn letters() -> String {
    rand::rng().sample_iter(Alphanumeric).take(FRESH_ROOM_CHARS).map(char::from).collect()
}
