//! The actions in a room, of authors and of the operator: the one place where drafts are made. The API, the
//! page and the operator's routes bring who acts, and say the outcome in their own way.

use std::sync::Arc;

use millchat::{
    Action, Author, AuthorKind, Draft, Position, Reaction, ReadError, Receipt, RoomName, SendError,
};

use tokio::sync::OwnedMutexGuard;

use crate::access::authority::Allowed;
use crate::access::denial::Denial;
use crate::access::role::Role;
use crate::access::table::Action as Right;
use crate::access::{decide, deeds, flags};
use crate::app::Worker;
use crate::client_ip::Client;
use crate::hops::{self, HOPS_MAX};
use crate::limit::Limited;
use crate::log_throttle::LogThrottle;
use crate::own;
use crate::page::markdown;
use crate::problem::{Kind, Problem};

/// A text from this length on, which is kept once it is rendered, is rendered before it is sent. Some are a
/// hundred times as costly as plain ones, and the thread on which its first reader happens to be serves
/// others too.
const RENDERED_AHEAD_BYTES_MIN: usize = markdown::CACHED_BYTES_MIN;

/// An action was not done.
#[derive(Debug)]
pub enum ActError {
    /// It is no longer allowed.
    Denied(Denial),
    /// It was refused, or its outcome is not known.
    Send(SendError),
    /// It could not be found out if the room has events.
    Read(ReadError),
    /// Bots have answered each other too often.
    TooManyHops,
    /// The address of whoever does it has done as much as it may.
    Limited(Limited),
}

impl From<Denial> for ActError {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<SendError> for ActError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<ReadError> for ActError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<Limited> for ActError {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::TooManyHops => {
                let detail = format!("bots answer each other at most {HOPS_MAX} times in a row");
                Problem::new(Kind::TooManyHops, detail)
            }
            ActError::Limited(limited) => limited.into(),
            ActError::Denied(denial) => denial.into(),
            ActError::Send(error) => error.into(),
            ActError::Read(error) => error.into(),
        }
    }
}

/// A message to post. Its text is by the written rule: see [`crate::sanitize`].
pub struct NewMessage {
    /// The text.
    pub content: String,
    /// The position of the message that it answers.
    pub reply_to: Option<Position>,
    /// The key by which a repeated post is recognised.
    pub key: Option<String>,
}

/// Posts a message.
pub async fn post(
    w: &Worker,
    client: Client,
    room: &RoomName,
    by: &Allowed,
    message: NewMessage,
) -> Result<Receipt, ActError> {
    let NewMessage { content, reply_to, key } = message;
    let content = rendered_ahead(w, client, content).await;
    // Kept until it is stored: of those who write the first event at once only one is the first.
    let _turn = begin(w, client, room, by).await?;
    let author = confirmed(w, by, room)?;
    if hops::are_too_many(&w.app.chat, room, &author, reply_to).await? {
        return Err(ActError::TooManyHops);
    }
    let bot = Some(author.id.clone()).filter(|_| author.kind == AuthorKind::Bot);
    let draft = Draft { author: Some(author), action: Action::Post { content, reply_to }, key };
    let receipt = send(w, room, draft, (by, by.action())).await?;
    if let (Some(bot), Some(reply_to)) = (bot, reply_to) {
        w.app.drafts.finish(room, reply_to, &bot);
    }
    Ok(receipt)
}

/// Lets somebody write an event that may be the first of a room, and own the room by it. Returns their turn, if it
/// is the first.
async fn begin(
    w: &Worker,
    client: Client,
    room: &RoomName,
    by: &Allowed,
) -> Result<Option<OwnedMutexGuard<()>>, ActError> {
    let authority = &w.app.authority;
    if !authority.watches_beginning(room) || w.app.chat.overview(room).await?.head != 0 {
        return Ok(None);
    }
    // Also where somebody owns it already: their event may be on its way.
    let mut turn = Arc::clone(&w.app.beginnings).lock_owned().await;
    if !is_new(w, room).await? {
        return Ok(None);
    }
    // They waited.
    let standing = authority.confirm(by, room)?;
    if authority.may_begin(&by.caller, standing, room)? && standing.role < Some(Role::Owner) {
        turn = own(w, client, room, by, turn).await?;
    }
    Ok(Some(turn))
}

/// Returns true if nobody has begun the room: it has no event, nor an owner who has written none yet.
async fn is_new(w: &Worker, room: &RoomName) -> Result<bool, ReadError> {
    let (app, chat) = (&w.app, &w.app.chat);
    let is_owned = app.authority.has_creator(room) && !deeds::members(chat, room, None, 1).is_empty();
    Ok(!is_owned && chat.overview(room).await?.head == 0)
}

/// Makes somebody the owner. It is kept for ever, so an address makes as few owners as it makes guests.
/// The turn lasts until that is stored, also if whoever asks goes away.
async fn own(
    w: &Worker,
    client: Client,
    room: &RoomName,
    by: &Allowed,
    turn: OwnedMutexGuard<()>,
) -> Result<OwnedMutexGuard<()>, ActError> {
    let author = by.caller.author()?.clone();
    w.app.limits.owner(&client)?;
    tracing::info!(%room, by = %author.name, deed = "own-room", "moderation");
    let (chat, room) = (w.app.chat.clone(), room.clone());
    let owned = tokio::spawn(async move { deeds::own(&chat, &room, author).await.map(|()| turn) });
    let turn = owned.await.map_err(|_| SendError::Unavailable("the server is about to end".into()))??;
    w.app.metrics.moderated("own-room");
    Ok(turn)
}

/// Makes somebody the owner of a private room that is theirs to begin. Returns false if others were first.
pub async fn open_private(
    w: &Worker,
    client: Client,
    room: &RoomName,
    by: &Allowed,
) -> Result<bool, ActError> {
    let turn = Arc::clone(&w.app.beginnings).lock_owned().await;
    let is_new = is_new(w, room).await?;
    if is_new {
        // They waited.
        w.app.authority.confirm(by, room)?;
        drop(own(w, client, room, by, turn).await?);
    }
    Ok(is_new)
}

/// Gives the author's own message another text.
pub async fn edit(
    w: &Worker,
    client: Client,
    room: &RoomName,
    by: &Allowed,
    target: Position,
    content: String,
) -> Result<Receipt, ActError> {
    let content = rendered_ahead(w, client, content).await;
    let author = owner(w, by, room, target).await?;
    act(w, room, author, Action::Edit { target, content, moderator: false }, (by, by.action())).await
}

/// Returns the text once it is rendered, if it is a long one: its author waits for that, and no reader.
async fn rendered_ahead(w: &Worker, client: Client, content: String) -> String {
    if content.len() < RENDERED_AHEAD_BYTES_MIN {
        return content;
    }
    let render = move || {
        markdown::formatted(&content);
        content
    };
    w.app.turns.render_ahead(client.share(), render).await
}

/// Takes the author's own message away.
pub async fn delete(
    w: &Worker,
    room: &RoomName,
    by: &Allowed,
    target: Position,
) -> Result<Receipt, ActError> {
    let author = owner(w, by, room, target).await?;
    let action = Action::Delete { target, moderator: false };
    let receipt = act(w, room, author.clone(), action, (by, by.action())).await?;
    clear_flags(w, room, Gone::Message(target), author).await;
    Ok(receipt)
}

/// Adds the author's reaction to a message, or takes it back.
pub async fn react(
    w: &Worker,
    room: &RoomName,
    by: &Allowed,
    target: Position,
    (reaction, on): (Reaction, bool),
) -> Result<Receipt, ActError> {
    let author = confirmed(w, by, room)?;
    act(w, room, author, Action::React { target, reaction, on }, (by, by.action())).await
}

/// An action of the operator in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moderation {
    /// Close the room to writing.
    Close,
    /// Open it again.
    Open,
    /// Take the text of all its events away.
    Purge,
    /// Take the message at this position away, of any author.
    Delete(Position),
}

/// Acts in a room as one of its moderators or as the operator; the event names them.
pub async fn moderate(
    w: &Worker,
    room: &RoomName,
    (allowed, by): (&Allowed, Author),
    moderation: Moderation,
) -> Result<Receipt, ActError> {
    let (action, right) = match moderation {
        Moderation::Close => (Action::Close, Right::Moderate),
        Moderation::Open => (Action::Open, Right::Moderate),
        Moderation::Purge => (Action::Purge, Right::Own),
        Moderation::Delete(target) => (Action::Delete { target, moderator: true }, Right::Moderate),
    };
    let receipt = act(w, room, by.clone(), action, (allowed, right)).await?;
    match moderation {
        Moderation::Purge => clear_flags(w, room, Gone::Before(receipt.position), by).await,
        Moderation::Delete(target) => clear_flags(w, room, Gone::Message(target), by).await,
        Moderation::Close | Moderation::Open => {}
    }
    Ok(receipt)
}

/// Messages that were taken away.
enum Gone {
    /// The one at this position.
    Message(Position),
    /// All before this position.
    Before(Position),
}

/// Takes the flags of what is gone away, also when the client has gone too. Those that cannot be taken now are not
/// listed, and go after their time.
async fn clear_flags(w: &Worker, room: &RoomName, gone: Gone, by: Author) {
    static LOGGED: LogThrottle = LogThrottle::new();
    let (chat, room) = (w.app.chat.clone(), room.clone());
    let clear = async move {
        let cleared = match gone {
            Gone::Message(position) => flags::clear(&chat, &room, position, Some(by)).await,
            Gone::Before(position) => flags::clear_before(&chat, &room, position, Some(by)).await,
        };
        if let Err(error) = cleared
            && LOGGED.is_due()
        {
            tracing::warn!(%room, %error, "flags of messages that were deleted are kept for now");
        }
    };
    let _ = tokio::spawn(clear).await;
}

async fn act(
    w: &Worker,
    room: &RoomName,
    author: Author,
    action: Action,
    right: (&Allowed, Right),
) -> Result<Receipt, ActError> {
    send(w, room, Draft { author: Some(author), action, key: None }, right).await
}

/// Sends what somebody may. The writer asks again if they still may: whoever was banned or lost a role while
/// the draft was on its way has written nothing behind the acknowledgement of that.
async fn send(
    w: &Worker,
    room: &RoomName,
    draft: Draft,
    (by, right): (&Allowed, Right),
) -> Result<Receipt, ActError> {
    let sent = w.app.send(room, draft, (by, right)).await;
    if let Err(SendError::NotAllowed) = sent {
        // If they may again by now, they are to try again.
        w.app.authority.still_allows(by, room, right)?;
    }
    Ok(sent?)
}

/// Returns the author of a change to a message, if it is still allowed: somebody, or the guest that they were when
/// they wrote it.
async fn owner(w: &Worker, by: &Allowed, room: &RoomName, target: Position) -> Result<Author, ActError> {
    let guest = match &by.caller.person {
        Ok(person) => own::guest_of(&w.app.chat, person, room, target).await,
        Err(_) => None,
    };
    let author = confirmed(w, by, room)?;
    Ok(guest.unwrap_or(author))
}

/// Returns the author of an action, if it is still allowed: between the decision and this moment the client took
/// its time to send the rest.
fn confirmed(w: &Worker, by: &Allowed, room: &RoomName) -> Result<Author, Denial> {
    let standing = w.app.authority.confirm(by, room)?;
    // Who might have begun the room is not who may write in it.
    decide::refuse(standing, by.action())?;
    by.caller.author().cloned()
}
