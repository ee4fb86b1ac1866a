//! Questions: the messages that a bot answers.

use millchat::{Author, Body, Chat, Event, Position, ReadError, RoomName, Timestamp};

use super::settings::Bot;
use crate::mention::MentionedName;
use crate::program_rooms::When;

/// A message that a bot is to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its room.
    pub room: RoomName,
    /// Its position.
    pub position: Position,
    /// Its author.
    pub asker: Author,
    /// The time at which it was asked.
    pub asked_at: Timestamp,
}

/// Returns the question that an event asks of a bot, if it does: a message of a person, or an edit of one.
pub async fn of_event(
    chat: &Chat,
    bot: &Bot,
    name: &MentionedName,
    event: &Event,
) -> Result<Option<Question>, ReadError> {
    let Some(asker) = event.author.as_ref().filter(|author| author.kind.is_person()) else { return Ok(None) };
    if !bot.rooms.contains(&event.room) {
        return Ok(None);
    }
    let question =
        |position, asked_at| Question { room: event.room.clone(), position, asker: asker.clone(), asked_at };
    match &event.body {
        Body::Message { content: Some(content), reply_to } => {
            let is_meant = bot.answers == When::All
                || name.is_in(content)
                || is_own(chat, bot, &event.room, *reply_to).await?;
            Ok(is_meant.then(|| question(event.position, event.created_at)))
        }
        // The message did not mention it before, or it is answered, or is about to be.
        Body::Edit { target, content: Some(content) } if bot.answers == When::Mention => {
            if !name.is_in(content) {
                return Ok(None);
            }
            let message = chat.message(&event.room, *target).await?;
            Ok(message.map(|message| question(*target, message.created_at)))
        }
        _ => Ok(None),
    }
}

/// Returns true if a message is the bot's own.
async fn is_own(
    chat: &Chat,
    bot: &Bot,
    room: &RoomName,
    position: Option<Position>,
) -> Result<bool, ReadError> {
    let Some(position) = position else { return Ok(false) };
    let message = chat.message(room, position).await?;
    Ok(message.and_then(|message| message.author).is_some_and(|author| author.id == bot.author.id))
}
