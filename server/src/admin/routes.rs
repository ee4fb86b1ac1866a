//! The operator's routes.

use hyper::Method;

use super::{addresses, backup, keys, moderate, tokens};
use crate::paths::BACKUP_PATH;
use crate::problem::Answer;
use crate::route_table::Access::Operator;
use crate::route_table::Handler::{InRoom, Plain};
use crate::route_table::{Route, now};

const CLOSED: &str = "/admin/rooms/{room}/closed";
const MESSAGES: &str = "/admin/rooms/{room}/messages";
const AUTHOR: &str = "/admin/authors/{author}";
const BAN: &str = "/admin/bans/{author}";
const ADDRESS_BANS: &str = "/admin/bans/addresses";
const TOKENS: &str = "/admin/tokens";
const TOKEN: &str = "/admin/tokens/{id}";
const SECRET: &str = "/admin/tokens/{id}/secret";
const SESSIONS: &str = "/admin/sessions/{author}";
const ADDRESS_BAN: &str = "/admin/bans/addresses/{*network}";

/// The rows.
pub fn routes() -> Vec<Route<Answer>> {
    vec![
        Route(Method::GET, BACKUP_PATH, Operator, Plain(|c| now(Ok(backup::send(&c))))),
        Route(Method::GET, "/admin/rooms", Operator, Plain(|c| now(Ok(moderate::closed_rooms(c.w))))),
        Route(Method::PUT, CLOSED, Operator, InRoom(|c, room| Box::pin(moderate::close(c, room)))),
        Route(Method::DELETE, CLOSED, Operator, InRoom(|c, room| Box::pin(moderate::open(c, room)))),
        Route(Method::DELETE, MESSAGES, Operator, InRoom(|c, room| Box::pin(moderate::empty(c, room)))),
        Route(Method::GET, "/admin/bans", Operator, Plain(|c| now(Ok(moderate::bans(c.w))))),
        Route(Method::PUT, BAN, Operator, Plain(|c| Box::pin(moderate::ban(c)))),
        Route(Method::DELETE, BAN, Operator, Plain(|c| Box::pin(moderate::unban(c)))),
        Route(Method::GET, AUTHOR, Operator, Plain(|c| now(addresses::of_author(&c)))),
        Route(Method::GET, ADDRESS_BANS, Operator, Plain(|c| now(Ok(addresses::bans(c.w))))),
        Route(Method::PUT, ADDRESS_BAN, Operator, Plain(|c| Box::pin(addresses::ban(c)))),
        Route(Method::POST, "/admin/keys", Operator, Plain(|c| Box::pin(keys::rotate(c)))),
        Route(Method::DELETE, SESSIONS, Operator, Plain(|c| Box::pin(keys::end_sessions(c)))),
        Route(Method::GET, TOKENS, Operator, Plain(|c| now(Ok(tokens::list(c.w))))),
        Route(Method::POST, TOKENS, Operator, Plain(|c| Box::pin(tokens::add(c)))),
        Route(Method::DELETE, TOKEN, Operator, Plain(|c| Box::pin(tokens::remove(c)))),
        Route(Method::POST, SECRET, Operator, Plain(|c| Box::pin(tokens::renew(c)))),
        Route(Method::DELETE, ADDRESS_BAN, Operator, Plain(|c| now(addresses::unban(&c)))),
    ]
}
