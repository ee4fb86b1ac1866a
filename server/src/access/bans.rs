//! Bans from all rooms. One for good is a record that the chat itself holds against each send; one until a time is a
//! value, which the decision looks at.

use std::sync::Arc;

use tokio::sync::Mutex;

use millchat::{Author, Chat, NewValue, Receipt, Replaces, SendError, Timestamp, Value, is_value_key};

/// Most bans that end by themselves.
pub const TIMED_BANS_MAX: usize = 100_000;
/// The kind of their values.
pub const KIND: &str = "banned";
/// The beginning of their keys.
const PREFIX: &str = "banned/";
/// Their text: who it is for is in the key, who laid it is the value's author.
const TEXT: &str = "banned";

/// Held over the steps of a ban: of two at once, one is the newer.
static TURN: Mutex<()> = Mutex::const_new(());

fn key(author: &str) -> String {
    [PREFIX, author].concat()
}

/// Returns true if an author of this id can be banned until a time.
pub fn can_end(author: &str) -> bool {
    is_value_key(&key(author))
}

/// Returns true if an author is banned from all rooms.
pub fn is_banned(chat: &Chat, author: &str) -> bool {
    chat.is_banned(author) || chat.value(&key(author)).is_some()
}

/// Bans an author from all rooms, for good or until a time, in place of the ban that there is.
pub async fn ban(
    chat: &Chat,
    author: &str,
    until: Option<Timestamp>,
    by: Author,
) -> Result<Receipt, SendError> {
    let _turn = TURN.lock().await;
    // The new one first: at no moment there is none.
    if until.is_none() {
        let receipt = chat.ban(author, by.clone()).await?;
        remove(chat, author, by).await?;
        return Ok(receipt);
    }
    let new = NewValue {
        text: TEXT.to_owned(),
        until,
        by: Some(by.clone()),
        replaces: Replaces::Any,
        limit: TIMED_BANS_MAX,
    };
    let receipt = chat.set_value(&key(author), new).await?;
    if chat.is_banned(author) {
        chat.unban(author, by).await?;
    }
    Ok(receipt)
}

/// Lets an author write again, however they are banned.
pub async fn unban(chat: &Chat, author: &str, by: Author) -> Result<Receipt, SendError> {
    let _turn = TURN.lock().await;
    remove(chat, author, by.clone()).await?;
    chat.unban(author, by).await
}

async fn remove(chat: &Chat, author: &str, by: Author) -> Result<(), SendError> {
    if !can_end(author) {
        return Ok(());
    }
    match chat.remove_value(&key(author), Some(by)).await {
        Err(SendError::UnknownValue) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Returns the bans that end by themselves, by author.
pub fn timed(chat: &Chat) -> Vec<(Arc<str>, Value)> {
    let values = chat.values(PREFIX).into_iter();
    values.map(|(key, value)| (Arc::from(&key[PREFIX.len()..]), value)).collect()
}
