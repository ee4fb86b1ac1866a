//! Search: the messages of a room that have every word of a query, newest first.

use hyper::{StatusCode, header};
use millchat::{Query, RoomName, SEARCH_MESSAGES_MAX};

use super::input::position;
use crate::current::current;
use crate::http::{self, JSON};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::schema::{Links, Message, SearchPage};

/// Messages of a page unless the request says otherwise.
const PAGE_DEFAULT: usize = 20;

/// A page of what a search finds.
pub async fn page(Call { w, req, .. }: Call<'_>, room: RoomName) -> Answer {
    w.app.limits.read(&req)?;
    let malformed = |detail: String| Problem::new(Kind::MalformedParameter, detail);
    let typed = http::query(&req, "q").unwrap_or_default();
    let query = Query::parse(&typed).map_err(|error| malformed(format!("q: {error}")))?;
    let before = http::query(&req, "before").map(|before| position("before", &before)).transpose()?;
    let limit = match http::query(&req, "limit") {
        Some(limit) => http::clamped(&limit, 1, SEARCH_MESSAGES_MAX)
            .ok_or_else(|| malformed(format!("limit is a number of 1 to {SEARCH_MESSAGES_MAX}")))?,
        None => PAGE_DEFAULT,
    };
    let _turn = w.app.turns.read(&req).await;
    let chat = w.chat_for(&req);
    let (bytes, link_header) = current(&chat, async || {
        let page = chat.search(&room, query.clone(), before, limit).await?;
        let older = page.older.map(|before| {
            let q: String = form_urlencoded::byte_serialize(typed.as_bytes()).collect();
            format!("/api/v1/rooms/{room}/search?q={q}&before={before}&limit={limit}")
        });
        let link_header = older.as_ref().map(|path| format!("<{path}>; rel=\"prev\""));
        let texts_of = page.messages.iter().map(|message| message.position).collect();
        // A page may hold a megabyte.
        let write = move || {
            let messages = page.messages.iter().map(Message::of).collect();
            let links = Links { older, newer: None };
            http::to_json(&SearchPage { messages, floor: page.floor, head: page.head, links })
        };
        Ok(((w.app.turns.render(write).await, link_header), texts_of))
    })
    .await?;
    let mut response = http::bytes(StatusCode::OK, JSON, bytes);
    if let Some(link) = link_header {
        http::set_ascii(&mut response, header::LINK, &link);
    }
    Ok(response)
}
