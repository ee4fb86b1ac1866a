//! Deletes and the like, which are answered when no node goes by what was before.

use futures_util::FutureExt as _;
use millchat::{Action, Chat, Draft, NewValue, Position, ReadError, Receipt, Replaces, SendError};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::Cluster;
use crate::{author, room, send, until};

async fn act(chat: Chat, to: &'static str, action: Action) -> Result<Receipt, SendError> {
    chat.send(&room(to), Draft { author: Some(author("ada")), action, key: None }).await
}

fn delete(target: Position) -> Action {
    Action::Delete { target, moderator: false }
}

/// The text of a message, if the node gives it.
async fn text(chat: &Chat, position: Position) -> Result<bool, ReadError> {
    Ok(chat.message(&room("lobby"), position).await?.unwrap().content.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_text_or_a_right_away_is_answered_when_all_nodes_have_applied_it() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let secret = send(&cluster, 0, "secret", "ada").await.position;
    let (here, there) = (cluster.chat(0).unwrap(), cluster.chat(2).unwrap());
    until("the other node has it", || there.head() >= secret).await;
    cluster.cut(2, true);
    let new = NewValue { text: "reader".into(), until: None, by: None, replaces: Replaces::Any, limit: 9 };
    let (ban, set) = (here.clone(), here.clone());
    let mut waiting = [
        tokio::spawn(act(here.clone(), "lobby", delete(secret))),
        tokio::spawn(act(here.clone(), "garden", Action::Purge)),
        tokio::spawn(async move { ban.ban("eve", author("moderator")).await }),
        tokio::spawn(async move { set.set_value("role/lobby/eve", new).await }),
    ];
    until("they are stored", || {
        here.head() >= secret + 4 && here.is_banned("eve") && here.value("role/lobby/eve").is_some()
    })
    .await;
    let posted = act(here.clone(), "lobby", Action::Post { content: "post".into(), reply_to: None }).await;
    assert!(posted.is_ok(), "it waits for nobody: {posted:?}");
    assert!(!text(&here, secret).await.unwrap());
    assert!(text(&there, secret).await.unwrap(), "the other node is current, and gives the text");
    for answer in &mut waiting {
        assert!(answer.now_or_never().is_none(), "nothing is answered");
    }
    cluster.cut(2, false);
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    assert!(!text(&there, secret).await.unwrap() && there.is_banned("eve"));
    assert!(there.value("role/lobby/eve").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_is_answered_although_a_node_stays_away_and_that_gives_no_text_then() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let secret = send(&cluster, 0, "secret", "ada").await.position;
    let (here, there) = (cluster.chat(0).unwrap(), cluster.chat(2).unwrap());
    cluster.cut(2, true);
    act(here, "lobby", delete(secret)).await.unwrap();
    let given = text(&there, secret).await;
    assert!(matches!(given, Err(ReadError::NotCurrent)), "{given:?}");
}
