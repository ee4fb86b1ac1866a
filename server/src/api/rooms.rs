//! A room at a glance, and the signal that somebody is typing in it.

use hyper::StatusCode;
use millchat::RoomName;

use crate::http;
use crate::problem::Answer;
use crate::route_table::Call;
use crate::schema::{Author, BotHere, Overview, Presence, You};

/// A room at a glance: how far it has come and who is in it.
pub async fn overview(Call { w, req, allowed, .. }: Call<'_>, room: RoomName) -> Answer {
    w.app.limits.read(&req)?;
    let _turn = w.app.turns.read(&req).await;
    let overview = w.chat_for(&req).overview(&room).await?;
    let bots = w.app.bots.iter().filter(|bot| bot.rooms.contains(&room));
    let shape = Overview {
        room: room.as_str(),
        head: overview.head,
        floor: overview.floor,
        closed: overview.closed,
        presence: Presence::of(&overview.presence),
        bots: bots
            .map(|bot| BotHere { author: Author::of(&bot.author), answers: bot.answers.as_str() })
            .collect(),
        you: You::of(&allowed),
    };
    Ok(http::json(StatusCode::OK, &shape))
}

/// Say that you are typing: a signal to those who are in the room now, which nobody keeps.
pub fn typing(call: &Call<'_>, room: &RoomName) -> Answer {
    call.w.app.chat.typing(room, call.allowed.caller.author()?);
    Ok(http::empty(StatusCode::NO_CONTENT))
}
