//! Bots that answer bots: a few times, and no more.
//!
//! Two programs that answer each other would never end. The log says how often they did: an answer names the message
//! that it answers.

use millchat::{Author, AuthorKind, Chat, Position, ReadError, RoomName};

/// Most messages of bots in a row, each an answer to the one before.
pub const HOPS_MAX: usize = 5;

/// Returns true if a bot's answer to a message would be one too many.
pub async fn are_too_many(
    chat: &Chat,
    room: &RoomName,
    author: &Author,
    reply_to: Option<Position>,
) -> Result<bool, ReadError> {
    let mut next = reply_to.filter(|_| author.kind == AuthorKind::Bot);
    for _ in 0..HOPS_MAX {
        let Some(position) = next else { return Ok(false) };
        let Some(message) = chat.message(room, position).await? else { return Ok(false) };
        let is_of_bot = message.author.is_some_and(|author| author.kind == AuthorKind::Bot);
        next = message.reply_to.filter(|_| is_of_bot);
        if !is_of_bot {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use millchat::Draft;

    use super::*;

    #[tokio::test]
    async fn bots_answer_each_other_a_few_times_and_people_as_often_as_they_like() {
        let (chat, room) = (Chat::open("memory:").unwrap(), RoomName::new("lobby").unwrap());
        let author = |id: &str, kind| Author { id: id.into(), name: id.into(), kind };
        let (ada, bot) = (author("g_ada", AuthorKind::Guest), author("b_bot", AuthorKind::Bot));
        let mut last = chat.send(&room, Draft::post(ada.clone(), "@bot")).await.unwrap().position;
        for _ in 0..HOPS_MAX {
            assert!(!are_too_many(&chat, &room, &bot, Some(last)).await.unwrap());
            last = chat.send(&room, Draft::reply(bot.clone(), last, "yes")).await.unwrap().position;
        }
        assert!(are_too_many(&chat, &room, &bot, Some(last)).await.unwrap());
        assert!(!are_too_many(&chat, &room, &ada, Some(last)).await.unwrap(), "a person may");
        assert!(!are_too_many(&chat, &room, &bot, None).await.unwrap(), "it is no answer");
        last = chat.send(&room, Draft::reply(ada, last, "go on")).await.unwrap().position;
        assert!(!are_too_many(&chat, &room, &bot, Some(last)).await.unwrap(), "a person asked");
    }
}
