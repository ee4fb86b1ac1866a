//! Answers that are made of texts, which may be deleted while the answer is made.
//!
//! The chat gives current texts. But to render a page takes time, and may have to wait for its turn: a text
//! in it can be deleted, and the delete be acknowledged, before the page is handed to its connection. Then it
//! is made again.

use std::collections::HashSet;

use millchat::{Chat, Position, ReadError};

/// Most tries to make an answer. Who posts and deletes without end makes others come back in a second, at
/// worst.
const TRIES_MAX: usize = 8;

/// Makes an answer, again and again until no text in it was deleted since it was begun. `make` also says of
/// which messages it has texts.
pub async fn current<T>(
    chat: &Chat,
    make: impl AsyncFn() -> Result<(T, HashSet<Position>), ReadError>,
) -> Result<T, ReadError> {
    for _ in 0..TRIES_MAX {
        let mark = chat.redaction_mark();
        let (answer, texts_of) = make().await?;
        if chat.is_current(mark, |message| texts_of.contains(&message)) {
            return Ok(answer);
        }
    }
    Err(ReadError::Busy)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use millchat::{Action, Author, AuthorKind, Draft, HistoryRange, RoomName};

    use super::*;

    #[tokio::test]
    async fn an_answer_is_made_again_if_a_text_in_it_was_deleted_meanwhile() {
        let (chat, room) = (Chat::open("memory:").unwrap(), RoomName::new("lobby").unwrap());
        let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
        for text in ["secret", "other"] {
            chat.send(&room, Draft::post(ada.clone(), text)).await.unwrap();
        }
        for (action, tries) in [
            (Action::Delete { target: 2, moderator: false }, 1),
            (Action::Delete { target: 1, moderator: false }, 2),
            (Action::Purge, 2),
        ] {
            let tried = Cell::new(0);
            let answer = current(&chat, async || {
                let page = chat.history(&room, HistoryRange::Before(2), 9).await?;
                tried.set(tried.get() + 1);
                if tried.get() == 1 {
                    // Acknowledged while the answer is made.
                    let draft = Draft { author: Some(ada.clone()), action: action.clone(), key: None };
                    chat.send(&room, draft).await.unwrap();
                }
                let texts_of = page.messages.iter().map(|message| message.position).collect();
                Ok((page.messages[0].content.clone(), texts_of))
            });
            let answer = answer.await.unwrap();
            let is_there = matches!(action, Action::Delete { target: 2, .. });
            assert_eq!((answer.is_some(), tried.get()), (is_there, tries), "{action:?}");
        }
        let busy = current(&chat, async || {
            chat.send(&room, Draft { author: None, action: Action::Purge, key: None }).await.unwrap();
            Ok(((), HashSet::new()))
        });
        assert!(matches!(busy.await, Err(ReadError::Busy)));
    }
}
