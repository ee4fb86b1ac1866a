//! The desk of rooms of visitors: the rooms that the staff should look at.
//!
//! A message is unread until somebody answers it who is not the room's visitor: what one of the staff has answered is
//! answered for all. A guest is always taken for a visitor.

use millchat::{Author, AuthorKind, Chat, HistoryRange, ReadError, RoomHead, RoomName, Timestamp};

use crate::access::rules::Rules;
use crate::access::visitors::room_of;
use crate::app::Worker;
use crate::http::Request;
use crate::limit::Limited;

/// Most messages of one room that are counted as unread.
pub const UNREAD_MAX: usize = 20;
/// Most conversations that are listed: those with the newest events.
pub const LISTED_MAX: usize = 50;
/// Rooms whose newest messages are read for the price of one read.
pub const ROOMS_PER_READ: usize = 16;
/// Rooms that are read at a time.
const READ: usize = 256;
/// Most rooms that one request looks at.
const LOOKED_AT_MAX: usize = 16 * READ;

/// A room of a visitor that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The room.
    pub room: RoomName,
    /// The visitor, as named in their newest message; `None`: it is further back than the messages that are read.
    pub visitor: Option<Author>,
    /// The messages that nobody has answered, at most [`UNREAD_MAX`].
    pub unread: usize,
    /// The time of the newest event.
    pub last_at: Timestamp,
}

/// The reason why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Too many requests.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The log was not read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Returns the open rooms of visitors with this beginning, the newest events first; true if there may be more.
pub async fn conversations(
    w: &Worker,
    req: &Request,
    beginning: &RoomName,
) -> Result<(Vec<Conversation>, bool), DeskError> {
    w.app.limits.read(req)?;
    let _turn = w.app.turns.read(req).await;
    let chat = w.chat_for(req);
    let mut heads: Vec<RoomHead> = Vec::new();
    let (mut after, mut looked_at) = (beginning.clone(), 0);
    let mut has_more = loop {
        let page = chat.rooms(Some(after.clone()), READ).await?;
        looked_at += page.len();
        let is_last = page.len() < READ;
        let floor = chat.floor();
        let mut has_left = false;
        for head in page {
            after = head.room.clone();
            has_left |= !head.room.as_str().starts_with(beginning.as_str());
            if !has_left && head.head >= floor && !chat.is_closed(&head.room) {
                heads.push(head);
            }
        }
        if is_last || has_left {
            break false;
        }
        // Each further look at the log counts as a read.
        if looked_at >= LOOKED_AT_MAX || w.app.limits.read(req).is_err() {
            break true;
        }
    };
    heads.sort_unstable_by(|one, other| other.last_at.cmp(&one.last_at).then(one.room.cmp(&other.room)));
    has_more |= heads.len() > LISTED_MAX;
    heads.truncate(LISTED_MAX);
    let mut found = Vec::with_capacity(heads.len());
    for (count, head) in heads.into_iter().enumerate() {
        if count > 0 && count % ROOMS_PER_READ == 0 {
            w.app.limits.read(req)?;
        }
        let (visitor, unread) = newest(&chat, beginning.as_str(), &head.room).await?;
        found.push(Conversation { room: head.room, visitor, unread, last_at: head.last_at });
    }
    Ok((found, has_more))
}

/// Returns the messages of a room that nobody has answered, if it is a room of visitors.
pub async fn unread(chat: &Chat, rules: &Rules, room: &RoomName) -> Result<Option<usize>, ReadError> {
    let Some(beginning) = rules.of(room).beginning() else { return Ok(None) };
    Ok(Some(newest(chat, beginning, room).await?.1))
}

async fn newest(chat: &Chat, beginning: &str, room: &RoomName) -> Result<(Option<Author>, usize), ReadError> {
    let page = chat.history(room, HistoryRange::Newest, UNREAD_MAX).await?;
    let is_visitor = |author: &Author| {
        author.kind == AuthorKind::Guest || room_of(chat, beginning, &author.id).as_ref() == Some(room)
    };
    let newest = || page.messages.iter().rev().filter_map(|message| message.author.as_ref());
    let unread = newest().take_while(|author| is_visitor(author)).count();
    Ok((newest().find(|author| is_visitor(author)).cloned(), unread))
}
