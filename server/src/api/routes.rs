//! The routes of the API.

use hyper::Method;

use super::{
    author_messages, drafts, events, everywhere, flags, guests, hooks, invitations, members, messages,
    openapi, reactions, room_list, rooms, search, ticket,
};
use crate::access::table::Action::{Anything, Moderate, Own, Post, Read, Visit, Write};
use crate::admin::moderate;
use crate::problem::Answer;
use crate::route_table::Handler::{AtMessage, Following, InRoom, Plain};
use crate::route_table::{Route, now};

const HOOK: &str = "/api/v1/hooks/{token}";
const ROOM: &str = "/api/v1/rooms/{room}";
const TICKET: &str = "/api/v1/rooms/{room}/ticket";
const TYPING: &str = "/api/v1/rooms/{room}/typing";
const EVENTS: &str = "/api/v1/rooms/{room}/events";
const SEARCH: &str = "/api/v1/rooms/{room}/search";
const MESSAGES: &str = "/api/v1/rooms/{room}/messages";
const MESSAGE: &str = "/api/v1/rooms/{room}/messages/{position}";
const CLOSED: &str = "/api/v1/rooms/{room}/closed";
const MEMBERS: &str = "/api/v1/rooms/{room}/members";
const MEMBER: &str = "/api/v1/rooms/{room}/members/{author}";
const AUTHOR_MESSAGES: &str = "/api/v1/rooms/{room}/authors/{author}/messages";
const BANS: &str = "/api/v1/rooms/{room}/bans";
const BAN: &str = "/api/v1/rooms/{room}/bans/{author}";
const INVITATIONS: &str = "/api/v1/rooms/{room}/invitations";
const INVITATION: &str = "/api/v1/rooms/{room}/invitations/{id}";
const ACCEPT: &str = "/api/v1/rooms/{room}/invitations/accept";
const FLAGS: &str = "/api/v1/rooms/{room}/flags";
const FLAGS_OF: &str = "/api/v1/rooms/{room}/flags/{position}";
const FLAG: &str = "/api/v1/rooms/{room}/messages/{position}/flags";
const DRAFT: &str = "/api/v1/rooms/{room}/drafts/{position}";
const REACTION: &str = "/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}";

/// The rows.
pub fn routes() -> Vec<Route<Answer>> {
    vec![
        Route(Method::GET, "/api/openapi.json", Anything, Plain(|_| now(Ok(openapi::document())))),
        Route(Method::POST, "/api/v1/guests", Anything, Plain(|c| Box::pin(guests::create(c)))),
        Route(Method::PATCH, "/api/v1/guests/me", Anything, Plain(|c| Box::pin(guests::rename(c)))),
        Route(
            Method::DELETE,
            "/api/v1/me/messages",
            Anything,
            Plain(|c| Box::pin(everywhere::delete_own(c))),
        ),
        Route(Method::POST, HOOK, Anything, Plain(|c| Box::pin(hooks::post(c)))),
        Route(Method::GET, "/api/v1/rooms", Anything, Plain(|c| Box::pin(room_list::list(c)))),
        Route(Method::GET, ROOM, Read, InRoom(|c, room| Box::pin(rooms::overview(c, room)))),
        Route(Method::POST, TYPING, Write, InRoom(|c, room| now(rooms::typing(&c, &room)))),
        Route(
            Method::GET,
            EVENTS,
            Read,
            Following(|c, room, decided| Box::pin(events::follow(c, room, decided))),
        ),
        Route(Method::POST, TICKET, Read, InRoom(|c, room| now(ticket::make(&c, &room)))),
        Route(Method::GET, SEARCH, Read, InRoom(|c, room| Box::pin(search::page(c, room)))),
        Route(Method::GET, MESSAGES, Read, InRoom(|c, room| Box::pin(messages::page(c, room)))),
        Route(Method::POST, MESSAGES, Post, InRoom(|c, room| Box::pin(messages::post(c, room)))),
        Route(Method::GET, MESSAGE, Read, AtMessage(|c, room, at| Box::pin(messages::get(c, room, at)))),
        Route(Method::PATCH, MESSAGE, Write, AtMessage(|c, room, at| Box::pin(messages::edit(c, room, at)))),
        Route(
            Method::DELETE,
            MESSAGE,
            Write,
            AtMessage(|c, room, at| Box::pin(messages::delete(c, room, at))),
        ),
        Route(Method::PUT, CLOSED, Moderate, InRoom(|c, room| Box::pin(moderate::close(c, room)))),
        Route(Method::DELETE, CLOSED, Moderate, InRoom(|c, room| Box::pin(moderate::open(c, room)))),
        Route(Method::DELETE, MESSAGES, Own, InRoom(|c, room| Box::pin(moderate::empty(c, room)))),
        Route(Method::GET, MEMBERS, Moderate, InRoom(|c, room| now(members::list(&c, &room)))),
        Route(Method::PUT, MEMBER, Own, InRoom(|c, room| Box::pin(members::give(c, room)))),
        Route(Method::DELETE, MEMBER, Own, InRoom(|c, room| Box::pin(members::take_back(c, room)))),
        Route(
            Method::DELETE,
            AUTHOR_MESSAGES,
            Moderate,
            InRoom(|c, room| Box::pin(author_messages::delete(c, room))),
        ),
        Route(Method::GET, BANS, Moderate, InRoom(|c, room| now(members::bans(&c, &room)))),
        Route(Method::PUT, BAN, Moderate, InRoom(|c, room| Box::pin(members::ban(c, room)))),
        Route(Method::DELETE, BAN, Moderate, InRoom(|c, room| Box::pin(members::unban(c, room)))),
        Route(Method::GET, INVITATIONS, Own, InRoom(|c, room| now(invitations::list(&c, &room)))),
        Route(Method::POST, INVITATIONS, Own, InRoom(|c, room| Box::pin(invitations::invite(c, room)))),
        Route(Method::DELETE, INVITATION, Own, InRoom(|c, room| Box::pin(invitations::take_back(c, room)))),
        Route(Method::POST, ACCEPT, Visit, InRoom(|c, room| Box::pin(invitations::accept(c, room)))),
        Route(Method::GET, FLAGS, Moderate, InRoom(|c, room| Box::pin(flags::list(c, room)))),
        Route(
            Method::DELETE,
            FLAGS_OF,
            Moderate,
            AtMessage(|c, room, at| Box::pin(flags::clear(c, room, at))),
        ),
        Route(Method::POST, FLAG, Read, AtMessage(|c, room, at| Box::pin(flags::flag(c, room, at)))),
        Route(Method::PUT, DRAFT, Write, AtMessage(|c, room, at| Box::pin(drafts::show(c, room, at)))),
        Route(Method::DELETE, DRAFT, Write, AtMessage(|c, room, at| Box::pin(drafts::end(c, room, at)))),
        Route(Method::PUT, REACTION, Write, AtMessage(|c, room, at| Box::pin(reactions::set(c, room, at)))),
        Route(
            Method::DELETE,
            REACTION,
            Write,
            AtMessage(|c, room, at| Box::pin(reactions::set(c, room, at))),
        ),
    ]
}
