//! Tickets for the stream of a room, for clients that can send no header.

use std::iter;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use millchat::RoomName;

use super::room_shapes::TicketMade;
use crate::access::decide::granted;
use crate::http;
use crate::identity::Person;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::schema::Time;

/// The parameter of a stream that has the ticket.
pub const TICKET: &str = "ticket";

/// Make a ticket: with it an `EventSource` follows this room as you, for a day at most.
pub fn make(Call { w, req, allowed, .. }: &Call<'_>, room: &RoomName) -> Answer {
    allowed.caller.author()?;
    w.app.limits.read(req)?;
    let person = allowed.caller.person.as_deref().map_err(|error| *error)?;
    // Of what the credential gives, this room's part alone.
    let of_room = || granted(person, room).map(|role| (Arc::from(room.as_str()), Arc::from(role.as_str())));
    let grants = person.grants.is_some().then(|| iter::once(of_room()).flatten().collect());
    let person = Person { grants, ..person.clone() };
    let Some((ticket, expires_at)) = w.app.identity.ticket(&person, room.as_str()) else {
        return Err(Problem::new(Kind::TooLarge, "the token has too many groups for a ticket"));
    };
    // Behind the signature: a key that is new now must not sign for a token that is void.
    w.app.authority.confirm(allowed, room)?;
    let made = TicketMade { ticket, expires_at: Time(expires_at) };
    let mut response = http::json(StatusCode::CREATED, &made);
    http::set(&mut response, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
