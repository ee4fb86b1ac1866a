//! The operator's routes.

use hyper::Method;

use super::{addresses, author_messages, backup, keys, moderate, tokens};
use crate::access::table::Action::{Keys, Operate};
use crate::paths::BACKUP_PATH;
use crate::problem::Answer;
use crate::route_table::Handler::{InRoom, Plain};
use crate::route_table::{Route, now};

const CLOSED: &str = "/admin/rooms/{room}/closed";
const MESSAGES: &str = "/admin/rooms/{room}/messages";
const AUTHOR: &str = "/admin/authors/{author}";
const AUTHOR_MESSAGES: &str = "/admin/authors/{author}/messages";
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
        Route(Method::GET, BACKUP_PATH, Keys, Plain(|c| now(Ok(backup::send(&c))))),
        Route(Method::GET, "/admin/rooms", Operate, Plain(|c| now(Ok(moderate::closed_rooms(c.w))))),
        Route(Method::PUT, CLOSED, Operate, InRoom(|c, room| Box::pin(moderate::close(c, room)))),
        Route(Method::DELETE, CLOSED, Operate, InRoom(|c, room| Box::pin(moderate::open(c, room)))),
        Route(Method::DELETE, MESSAGES, Operate, InRoom(|c, room| Box::pin(moderate::empty(c, room)))),
        Route(Method::GET, "/admin/bans", Operate, Plain(|c| now(Ok(moderate::bans(c.w))))),
        Route(Method::PUT, BAN, Operate, Plain(|c| Box::pin(moderate::ban(c)))),
        Route(Method::DELETE, BAN, Operate, Plain(|c| Box::pin(moderate::unban(c)))),
        Route(Method::GET, AUTHOR, Operate, Plain(|c| now(addresses::of_author(&c)))),
        Route(Method::DELETE, AUTHOR_MESSAGES, Operate, Plain(|c| Box::pin(author_messages::delete(c)))),
        Route(Method::GET, ADDRESS_BANS, Operate, Plain(|c| now(Ok(addresses::bans(c.w))))),
        Route(Method::PUT, ADDRESS_BAN, Operate, Plain(|c| Box::pin(addresses::ban(c)))),
        Route(Method::POST, "/admin/keys", Keys, Plain(|c| Box::pin(keys::rotate(c)))),
        Route(Method::DELETE, SESSIONS, Operate, Plain(|c| Box::pin(keys::end_sessions(c)))),
        Route(Method::GET, TOKENS, Operate, Plain(|c| now(Ok(tokens::list(c.w))))),
        Route(Method::POST, TOKENS, Operate, Plain(|c| Box::pin(tokens::add(c)))),
        Route(Method::DELETE, TOKEN, Operate, Plain(|c| Box::pin(tokens::remove(c)))),
        Route(Method::POST, SECRET, Operate, Plain(|c| Box::pin(tokens::renew(c)))),
        Route(Method::DELETE, ADDRESS_BAN, Operate, Plain(|c| now(addresses::unban(&c)))),
    ]
}
