//! The routes of the page, and of the probes beside it.

use hyper::Method;

use super::{assets, choose_language, messages, name, room, search, sign_out, stream};
use crate::http::Response;
use crate::paths::{METRICS_PATH, SIGN_OUT_PATH};
use crate::probes;
use crate::route_table::Access::Anybody;
use crate::route_table::Handler::{AtMessage, InRoom, Plain};
use crate::route_table::{Route, now};

const ROOM: &str = "/{room}";
const NAME: &str = "/{room}/name";
const LANGUAGE: &str = "/{room}/language";
const TYPING: &str = "/{room}/typing";
const SEARCH: &str = "/{room}/search";
const MESSAGES: &str = "/{room}/messages";
const MESSAGE: &str = "/{room}/messages/{position}";
const REACTION: &str = "/{room}/messages/{position}/reactions/{reaction}";

/// The rows.
pub fn routes() -> Vec<Route<Response>> {
    vec![
        Route(Method::GET, "/", Anybody, Plain(|_| now(room::home()))),
        Route(Method::GET, "/new", Anybody, Plain(|_| now(room::home()))),
        Route(
            Method::GET,
            "/favicon.ico",
            Anybody,
            Plain(|c| now(assets::respond("favicon.ico", c.req.headers(), c.language))),
        ),
        Route(
            Method::GET,
            "/assets/{*path}",
            Anybody,
            Plain(|c| now(assets::respond(c.param("path"), c.req.headers(), c.language))),
        ),
        Route(Method::GET, "/healthz", Anybody, Plain(|_| now(probes::healthz()))),
        Route(Method::GET, "/readyz", Anybody, Plain(|c| now(probes::readyz(c.w)))),
        Route(Method::GET, METRICS_PATH, Anybody, Plain(|c| now(probes::metrics(c.w)))),
        Route(Method::POST, SIGN_OUT_PATH, Anybody, Plain(|c| Box::pin(sign_out::sign_out(c)))),
        Route(Method::GET, ROOM, Anybody, InRoom(|c, room| Box::pin(room::room(c, room)))),
        Route(Method::GET, NAME, Anybody, InRoom(|c, room| now(name::current(&c, &room)))),
        Route(Method::POST, NAME, Anybody, InRoom(|c, room| Box::pin(name::name(c, room)))),
        Route(
            Method::POST,
            LANGUAGE,
            Anybody,
            InRoom(|c, room| Box::pin(choose_language::language(c, room))),
        ),
        Route(Method::GET, SEARCH, Anybody, InRoom(|c, room| Box::pin(search::search(c, room)))),
        Route(Method::POST, TYPING, Anybody, InRoom(|c, room| now(messages::typing(&c, &room)))),
        Route(Method::GET, MESSAGES, Anybody, InRoom(|c, room| Box::pin(stream::stream(c, room)))),
        Route(Method::POST, MESSAGES, Anybody, InRoom(|c, room| Box::pin(messages::send(c, room)))),
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
        Route(
            Method::PUT,
            REACTION,
            Anybody,
            AtMessage(|c, room, at| Box::pin(messages::react(c, room, at))),
        ),
        Route(
            Method::DELETE,
            REACTION,
            Anybody,
            AtMessage(|c, room, at| Box::pin(messages::react(c, room, at))),
        ),
    ]
}
