//! The routes of the API.

use hyper::Method;

use super::{events, guests, messages, openapi, reactions, rooms, search};
use crate::problem::Answer;
use crate::route_table::Access::Anybody;
use crate::route_table::Handler::{AtMessage, InRoom, Plain};
use crate::route_table::{Route, now};

const ROOM: &str = "/api/v1/rooms/{room}";
const TYPING: &str = "/api/v1/rooms/{room}/typing";
const EVENTS: &str = "/api/v1/rooms/{room}/events";
const SEARCH: &str = "/api/v1/rooms/{room}/search";
const MESSAGES: &str = "/api/v1/rooms/{room}/messages";
const MESSAGE: &str = "/api/v1/rooms/{room}/messages/{position}";
const REACTION: &str = "/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}";

/// The rows.
pub fn routes() -> Vec<Route<Answer>> {
    vec![
        Route(Method::GET, "/api/openapi.json", Anybody, Plain(|_| now(Ok(openapi::document())))),
        Route(Method::POST, "/api/v1/guests", Anybody, Plain(|c| Box::pin(guests::create(c)))),
        Route(Method::PATCH, "/api/v1/guests/me", Anybody, Plain(|c| Box::pin(guests::rename(c)))),
        Route(Method::GET, ROOM, Anybody, InRoom(|c, room| Box::pin(rooms::overview(c, room)))),
        Route(Method::POST, TYPING, Anybody, InRoom(|c, room| now(rooms::typing(c.w, &c.req, &room)))),
        Route(Method::GET, EVENTS, Anybody, InRoom(|c, room| Box::pin(events::follow(c, room)))),
        Route(Method::GET, SEARCH, Anybody, InRoom(|c, room| Box::pin(search::page(c, room)))),
        Route(Method::GET, MESSAGES, Anybody, InRoom(|c, room| Box::pin(messages::page(c, room)))),
        Route(Method::POST, MESSAGES, Anybody, InRoom(|c, room| Box::pin(messages::post(c, room)))),
        Route(Method::GET, MESSAGE, Anybody, AtMessage(|c, room, at| Box::pin(messages::get(c, room, at)))),
        Route(
            Method::PATCH,
            MESSAGE,
            Anybody,
            AtMessage(|c, room, at| Box::pin(messages::edit(c, room, at))),
        ),
        Route(
            Method::DELETE,
            MESSAGE,
            Anybody,
            AtMessage(|c, room, at| Box::pin(messages::delete(c, room, at))),
        ),
        Route(Method::PUT, REACTION, Anybody, AtMessage(|c, room, at| Box::pin(reactions::set(c, room, at)))),
        Route(
            Method::DELETE,
            REACTION,
            Anybody,
            AtMessage(|c, room, at| Box::pin(reactions::set(c, room, at))),
        ),
    ]
}
