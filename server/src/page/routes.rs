//! The routes of the page, and of the probes beside it.

use hyper::Method;

use super::moderation::{act, act_at, moderation, step};
use super::{
    assets, auth, avatar, choose_language, demo, desk, invitation, loader, messages, name, new_room, panel,
    search, stream,
};
use crate::access::table::Action::{Anything, Moderate, Own, Post, Read, Visit, Write};
use crate::admin::moderate;
use crate::api::{author_messages, drafts, flags, invitations, members};
use crate::http::Response;
use crate::paths::{METRICS_PATH, SIGN_OUT_PATH, SIGNED_IN_PATH};
use crate::probes;
use crate::route_table::Handler::{AtMessage, Following, InRoom, Plain};
use crate::route_table::{Route, now};

const ROOM: &str = "/{room}";
const PANEL: &str = "/embed/{room}";
/// The user who signed in in a panel.
const OF_PANEL: &str = "/embed/{room}/name";
/// The room of a visitor.
const OWN: &str = "/embed/{room}/own";
const LANGUAGE: &str = "/{room}/language";
const MESSAGES: &str = "/{room}/messages";
const SEARCH: &str = "/{room}/search";
const MODERATION: &str = "/{room}/moderation";
const CLOSED: &str = "/{room}/closed";
const MEMBER: &str = "/{room}/members/{author}";
const BAN: &str = "/{room}/bans/{author}";
const INVITATIONS: &str = "/{room}/invitations";
const INVITATION: &str = "/{room}/invitations/{id}";
const ACCEPT: &str = "/{room}/invitations/accept";
const FLAGS: &str = "/{room}/flags/{position}";

/// The paths of what a room and its panel do alike.
struct Shared {
    name: &'static str,
    typing: &'static str,
    messages: &'static str,
    message: &'static str,
    author_messages: &'static str,
    ban: &'static str,
    flag: &'static str,
    reaction: &'static str,
    draft: &'static str,
}

/// Returns these paths below an address.
macro_rules! below {
    ($address:literal) => {
        Shared {
            name: concat!($address, "/name"),
            typing: concat!($address, "/typing"),
            messages: concat!($address, "/messages"),
            message: concat!($address, "/messages/{position}"),
            author_messages: concat!($address, "/authors/{author}/messages"),
            ban: concat!($address, "/bans/{author}"),
            flag: concat!($address, "/messages/{position}/flags"),
            reaction: concat!($address, "/messages/{position}/reactions/{reaction}"),
            draft: concat!($address, "/drafts/{position}"),
        }
    };
}

/// The rows.
pub fn routes() -> Vec<Route<Response>> {
    let mut rows = of_pages();
    rows.extend(shared(&below!("/{room}")));
    rows.push(Route(
        Method::GET,
        PANEL,
        Read,
        Following(|c, room, decided| Box::pin(panel::panel(c, room, decided))),
    ));
    rows.extend(shared(&below!("/embed/{room}")));
    rows.push(Route(Method::POST, OWN, Visit, InRoom(|c, room| Box::pin(desk::own(c, room)))));
    rows.push(Route(Method::PUT, OF_PANEL, Visit, InRoom(|c, room| Box::pin(panel::take_over(c, room)))));
    rows.push(Route(Method::DELETE, OF_PANEL, Visit, InRoom(|c, room| Box::pin(panel::sign_out(c, room)))));
    rows
}

/// The rows of all that a room and its panel do alike.
fn shared(at: &Shared) -> Vec<Route<Response>> {
    vec![
        Route(Method::GET, at.name, Visit, InRoom(|c, room| now(name::current(&c, &room)))),
        Route(Method::POST, at.name, Visit, InRoom(|c, room| Box::pin(name::name(c, room)))),
        Route(Method::POST, at.typing, Write, InRoom(|c, room| now(messages::typing(&c, &room)))),
        Route(
            Method::GET,
            at.messages,
            Read,
            Following(|c, room, decided| Box::pin(stream::stream(c, room, decided))),
        ),
        Route(Method::POST, at.messages, Post, InRoom(|c, room| Box::pin(messages::send(c, room)))),
        Route(
            Method::PATCH,
            at.message,
            Write,
            AtMessage(|c, room, at| Box::pin(messages::edit(c, room, at))),
        ),
        Route(
            Method::DELETE,
            at.message,
            Write,
            AtMessage(|c, room, at| Box::pin(messages::delete(c, room, at))),
        ),
        Route(
            Method::PUT,
            at.reaction,
            Write,
            AtMessage(|c, room, at| Box::pin(messages::react(c, room, at))),
        ),
        Route(
            Method::DELETE,
            at.reaction,
            Write,
            AtMessage(|c, room, at| Box::pin(messages::react(c, room, at))),
        ),
        Route(
            Method::DELETE,
            at.draft,
            Write,
            AtMessage(|c, room, at| Box::pin(act_at(c, room, at, drafts::end))),
        ),
        Route(
            Method::DELETE,
            at.author_messages,
            Moderate,
            InRoom(|c, room| Box::pin(step(c, room, author_messages::delete))),
        ),
        Route(Method::PUT, at.ban, Moderate, InRoom(|c, room| Box::pin(act(c, room, members::ban)))),
        Route(
            Method::POST,
            at.flag,
            Read,
            AtMessage(|c, room, at| Box::pin(act_at(c, room, at, flags::flag))),
        ),
    ]
}

/// The rows of pages, and of what is done by the forms of one.
fn of_pages() -> Vec<Route<Response>> {
    vec![
        Route(Method::GET, "/", Anything, Plain(|c| Box::pin(new_room::home(c)))),
        Route(Method::GET, "/new", Anything, Plain(|c| Box::pin(new_room::home(c)))),
        Route(Method::POST, "/new", Anything, Plain(|c| Box::pin(new_room::open_private(c)))),
        Route(
            Method::GET,
            "/favicon.ico",
            Anything,
            Plain(|c| now(assets::respond("favicon.ico", c.req.headers(), c.language))),
        ),
        Route(
            Method::GET,
            "/assets/{*path}",
            Anything,
            Plain(|c| now(assets::respond(c.param("path"), c.req.headers(), c.language))),
        ),
        Route(Method::GET, "/embed.js", Anything, Plain(|c| now(loader::loader(c.req.headers())))),
        Route(Method::GET, "/demo", Anything, Plain(|c| now(demo::demo(&c)))),
        Route(Method::GET, "/healthz", Anything, Plain(|_| now(probes::healthz()))),
        Route(Method::GET, "/readyz", Anything, Plain(|c| now(probes::readyz(c.w)))),
        Route(Method::GET, METRICS_PATH, Anything, Plain(|c| now(probes::metrics(c.w)))),
        Route(Method::GET, "/avatars/{id}", Anything, Plain(|c| now(avatar::avatar(&c)))),
        Route(Method::GET, "/auth", Anything, Plain(|c| now(auth::choice(&c)))),
        Route(Method::GET, SIGNED_IN_PATH, Anything, Plain(|c| now(auth::done(&c)))),
        Route(Method::POST, SIGNED_IN_PATH, Anything, Plain(|c| now(auth::token(&c)))),
        Route(Method::POST, SIGN_OUT_PATH, Anything, Plain(|c| Box::pin(auth::sign_out(c)))),
        Route(Method::GET, "/auth/{login}", Anything, Plain(|c| Box::pin(auth::begin(c)))),
        Route(Method::GET, "/auth/{login}/callback", Anything, Plain(|c| Box::pin(auth::callback(c)))),
        Route(Method::GET, ROOM, Read, Following(|c, room, decided| Box::pin(desk::page(c, room, decided)))),
        Route(Method::GET, SEARCH, Read, InRoom(|c, room| Box::pin(search::search(c, room)))),
        Route(Method::POST, LANGUAGE, Visit, InRoom(|c, room| Box::pin(choose_language::language(c, room)))),
        Route(Method::GET, MODERATION, Moderate, InRoom(|c, room| Box::pin(moderation(c, room)))),
        Route(Method::PUT, CLOSED, Moderate, InRoom(|c, room| Box::pin(act(c, room, moderate::close)))),
        Route(Method::DELETE, CLOSED, Moderate, InRoom(|c, room| Box::pin(act(c, room, moderate::open)))),
        Route(Method::DELETE, MESSAGES, Own, InRoom(|c, room| Box::pin(act(c, room, moderate::empty)))),
        Route(Method::PUT, MEMBER, Own, InRoom(|c, room| Box::pin(act(c, room, members::give)))),
        Route(Method::DELETE, MEMBER, Own, InRoom(|c, room| Box::pin(act(c, room, members::take_back)))),
        Route(Method::DELETE, BAN, Moderate, InRoom(|c, room| Box::pin(act(c, room, members::unban)))),
        Route(Method::POST, INVITATIONS, Own, InRoom(|c, room| Box::pin(invitation::invite(c, room)))),
        Route(
            Method::DELETE,
            INVITATION,
            Own,
            InRoom(|c, room| Box::pin(act(c, room, invitations::take_back))),
        ),
        Route(Method::GET, ACCEPT, Visit, InRoom(|c, room| now(invitation::page(&c, &room)))),
        Route(Method::POST, ACCEPT, Visit, InRoom(|c, room| Box::pin(invitation::accept(c, room)))),
        Route(
            Method::DELETE,
            FLAGS,
            Moderate,
            AtMessage(|c, room, at| Box::pin(act_at(c, room, at, flags::clear))),
        ),
    ]
}
