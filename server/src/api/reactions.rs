//! Reactions to messages: each is put there or taken away by its own address, so to repeat a request does no
//! harm.

use hyper::{Method, StatusCode};
use millchat::{Position, Reaction, RoomName};
use percent_encoding::percent_decode_str;

use crate::actions;
use crate::http;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;

/// `PUT` adds your reaction to a message, `DELETE` takes it back.
pub async fn set(call: Call<'_>, room: RoomName, target: Position) -> Answer {
    let (w, req) = (call.w, &call.req);
    w.app.limits.message(call.allowed.caller.author()?, req)?;
    let on = req.method() == Method::PUT;
    let reaction = named(call.param("reaction"))?;
    actions::react(w, &room, &call.allowed, target, (reaction, on)).await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// The reaction that the path names, percent-encoded.
pub fn named(encoded: &str) -> Result<Reaction, Problem> {
    let decoded = percent_decode_str(encoded).decode_utf8().unwrap_or_default();
    decoded.parse().map_err(|unknown: millchat::UnknownReaction| {
        let detail = format!("the last part of the path: {unknown}, percent-encoded");
        Problem::new(Kind::MalformedParameter, detail)
    })
}
