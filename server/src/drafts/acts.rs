//! Showing and ending drafts: a bot shows one, and it ends by the bot itself or by whoever may stop it.

use std::sync::Arc;

use millchat::{
    AnswerState, Author, AuthorKind, Position, RedactionMark, RoomName, SendError, StoppedAnswer,
    UnfinishedAnswer,
};

use super::held::Stopped;
use crate::access::authority::Allowed;
use crate::access::table::{Action, allows};
use crate::app::App;
use crate::problem::{Kind, Problem};

/// Shows a bot's unfinished answer to a message of the room.
pub async fn show(
    app: &App,
    room: &RoomName,
    by: &Author,
    (reply_to, state, text): (Position, AnswerState, &str),
) -> Result<(), Problem> {
    if by.kind != AuthorKind::Bot {
        let detail = "unfinished answers are for bots: their API token begins with mct_";
        return Err(Problem::new(Kind::NotABot, detail));
    }
    if app.chat.is_banned(&by.id) {
        return Err(SendError::Banned.into());
    }
    if app.chat.is_closed(room) {
        return Err(SendError::RoomClosed.into());
    }
    let known = app.drafts.known(room, reply_to, &by.id);
    if is_stopped(app, room, reply_to, &by.id) {
        let detail = format!("the answer to {reply_to} was stopped: post what there is of it, or nothing");
        return Err(Problem::new(Kind::DraftStopped, detail));
    }
    let is_there = |seen: RedactionMark| app.chat.is_current(seen, |message| message == reply_to);
    let (asker_id, seen) = match known.filter(|known| is_there(known.seen)) {
        Some(known) => (known.asker_id, known.seen),
        None => question(app, room, reply_to).await?,
    };
    let held = app.drafts.hold((room, reply_to, &by.id), asker_id.clone(), seen);
    if held.map_err(|error| Problem::new(Kind::Busy, error.to_string()))? {
        let answer = UnfinishedAnswer { asker_id, ..UnfinishedAnswer::new(by.clone(), reply_to, state) };
        app.chat.show_answer(room, answer.with_text(text));
    }
    // It may have been stopped, or the message deleted, before it was shown.
    let is_gone = app.drafts.known(room, reply_to, &by.id).is_none();
    if is_gone || is_stopped(app, room, reply_to, &by.id) || !is_there(seen) {
        app.chat.remove_answer(room, &by.id, reply_to);
    }
    Ok(())
}

/// Returns true if a bot's answer to a message was stopped, here or at another node.
pub fn is_stopped(app: &App, room: &RoomName, reply_to: Position, bot: &Arc<str>) -> bool {
    let answer = || StoppedAnswer { room: room.clone(), reply_to, author_id: bot.clone() };
    app.drafts.known(room, reply_to, bot).is_some_and(|known| known.is_stopped)
        || app.chat.is_stopped_in_cluster(&answer())
}

/// Returns the author of a message that is there, and the moment at which it was.
async fn question(
    app: &App,
    room: &RoomName,
    position: Position,
) -> Result<(Option<Arc<str>>, RedactionMark), Problem> {
    let seen = app.chat.redaction_mark();
    let message = app.chat.message(room, position).await?;
    let message = message.ok_or(SendError::UnknownTarget(position))?;
    if message.content.is_none() {
        return Err(SendError::TargetDeleted(position).into());
    }
    Ok((message.author.map(|author| author.id), seen))
}

/// Ends the unfinished answers to a message, of one bot or of all: the bot itself gives its own up; whoever asked, a
/// moderator and the operator stop them, at whichever node they are written.
pub fn end(
    app: &App,
    room: &RoomName,
    allowed: &Allowed,
    (reply_to, bot): (Position, Option<&str>),
) -> Result<(), Problem> {
    let unknown = || {
        let detail = format!("nobody is writing an answer to {reply_to} here");
        Problem::new(Kind::UnknownDraft, detail)
    };
    let person = allowed.caller.person.as_ref().ok();
    let mut elsewhere = app.chat.answers_elsewhere(room);
    elsewhere.retain(|answer| answer.reply_to == reply_to);
    if let Some(person) = person
        && person.author.kind == AuthorKind::Bot
    {
        let id = &person.author.id;
        if app.drafts.finish(room, reply_to, id) {
            app.chat.remove_answer(room, id, reply_to);
            return Ok(());
        }
        if elsewhere.iter().any(|answer| answer.author.id == *id) {
            // At the node to which it was shown it goes by itself, as all that is not shown again.
            return Ok(());
        }
    }
    let is_moderator = allowed.caller.admin.is_some() || allows(allowed.standing.role, Action::Moderate);
    let is_asker = |asker: Option<&str>| {
        let is = |id: &Arc<str>| asker == Some(&**id);
        person.is_some_and(|person| is(&person.author.id) || person.was.iter().any(is))
    };
    let may_stop = |asker: Option<&str>| is_moderator || is_asker(asker);
    let mut outcome = app.drafts.stop(room, reply_to, bot, may_stop);
    for answer in elsewhere {
        if bot.is_none_or(|id| id == &*answer.author.id) {
            outcome = outcome.and(answer.author.id, may_stop(answer.asker_id.as_deref()));
        }
    }
    match outcome {
        Stopped::Unknown => Err(unknown()),
        Stopped::Refused => {
            let detail = "only whoever asked, a moderator and the operator stop an answer";
            Err(Problem::new(Kind::NotAuthor, detail))
        }
        Stopped::Authors(authors) => {
            for author_id in authors {
                app.chat.stop_answer(StoppedAnswer { room: room.clone(), reply_to, author_id });
            }
            Ok(())
        }
    }
}
