//! Messages that answer others: what may be answered, and what stays of it.

mod support;

use millchat::log::NewRecord;
use millchat::{Action, Body, Chat, Draft, HistoryRange, Message, Position, SendError, Timestamp};
use support::{act, ada, room};

fn reply(target: Position, content: &str) -> Draft {
    Draft::reply(ada(), target, content)
}

fn delete(target: Position) -> Draft {
    act(Action::Delete { target, moderator: false })
}

async fn messages(chat: &Chat) -> Vec<Message> {
    chat.history(&room("lobby"), HistoryRange::Newest, 100).await.unwrap().messages
}

#[tokio::test]
async fn an_answer_names_its_target_live_in_history_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || Chat::open(path.to_str().unwrap()).unwrap();
    let lobby = room("lobby");
    {
        let chat = open();
        let target = chat.send(&lobby, Draft::post(ada(), "shall we?")).await.unwrap().position;
        let answer = chat.send(&lobby, reply(target, "yes")).await.unwrap().position;
        // An answer can be answered.
        chat.send(&lobby, reply(answer, "good")).await.unwrap();
        // The text is Ada's to change, the target is not.
        chat.send(&lobby, act(Action::Edit { target: answer, content: "no".into(), moderator: false }))
            .await
            .unwrap();
        chat.close().await.unwrap();
    }
    let chat = open();
    let messages = messages(&chat).await;
    let shown: Vec<_> = messages.iter().map(|it| (it.content.as_deref(), it.reply_to)).collect();
    assert_eq!(shown, [(Some("shall we?"), None), (Some("no"), Some(1)), (Some("good"), Some(2))]);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_answered() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let (lobby, other) = (room("lobby"), room("other"));
    let cut = chat.send(&lobby, Draft::post(ada(), "cut")).await.unwrap().position;
    let gone = chat.send(&lobby, Draft::post(ada(), "gone")).await.unwrap().position;
    let edited = chat.send(&lobby, Draft::post(ada(), "helo")).await.unwrap().position;
    let edit = act(Action::Edit { target: edited, content: "hello".into(), moderator: false });
    let edit = chat.send(&lobby, edit).await.unwrap().position;
    let elsewhere = chat.send(&other, Draft::post(ada(), "elsewhere")).await.unwrap().position;
    chat.send(&lobby, delete(gone)).await.unwrap();
    log.commit(&[], gone).unwrap();
    let head = chat.head();
    for target in [0, cut, edit, elsewhere, head + 1, head + 2, Position::MAX] {
        let refused = chat.send(&lobby, reply(target, "x")).await;
        assert!(
            matches!(refused, Err(SendError::UnknownTarget(at)) if at == target),
            "{target}: {refused:?}"
        );
    }
    let refused = chat.send(&lobby, reply(gone, "x")).await;
    assert!(matches!(refused, Err(SendError::TargetDeleted(at)) if at == gone), "{refused:?}");
    assert_eq!(chat.head(), head, "nothing was stored");
    // What is there can be, also by others and also the system's.
    let system = Draft { author: None, ..Draft::post(ada(), "maintenance at noon") };
    let system = chat.send(&lobby, system).await.unwrap().position;
    for target in [edited, system] {
        chat.send(&lobby, reply(target, "x")).await.unwrap();
    }
}

#[tokio::test]
async fn a_target_that_goes_leaves_the_answer_and_takes_its_own_text_alone() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let target = chat.send(&lobby, Draft::post(ada(), "secret")).await.unwrap().position;
    chat.send(&lobby, reply(target, "indeed")).await.unwrap();
    chat.send(&lobby, delete(target)).await.unwrap();
    let messages = messages(&chat).await;
    let shown: Vec<_> = messages.iter().map(|it| (it.content.as_deref(), it.reply_to)).collect();
    assert_eq!(shown, [(None, None), (Some("indeed"), Some(target))]);
}

#[tokio::test]
async fn a_key_used_again_for_another_target_is_refused_and_for_the_same_gets_its_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || Chat::open(path.to_str().unwrap()).unwrap();
    let lobby = room("lobby");
    let chat = open();
    let mut targets = Vec::new();
    for text in ["one", "two"] {
        targets.push(chat.send(&lobby, Draft::post(ada(), text)).await.unwrap().position);
    }
    let [one, two] = targets[..] else { unreachable!() };
    let keyed = |draft: Draft| draft.with_key("key");
    let first = chat.send(&lobby, keyed(reply(one, "yes"))).await.unwrap();
    // And then what it answers goes.
    chat.send(&lobby, delete(one)).await.unwrap();
    chat.close().await.unwrap();
    let chat = open();
    assert_eq!(chat.send(&lobby, keyed(reply(one, "yes"))).await.unwrap(), first);
    for other in [reply(two, "yes"), Draft::post(ada(), "yes")] {
        let refused = chat.send(&lobby, keyed(other)).await;
        assert!(matches!(refused, Err(SendError::KeyReused)), "{refused:?}");
    }
    // And the other way round.
    chat.send(&lobby, Draft::post(ada(), "plain").with_key("plain")).await.unwrap();
    let refused = chat.send(&lobby, reply(two, "plain").with_key("plain")).await;
    assert!(matches!(refused, Err(SendError::KeyReused)), "{refused:?}");
    assert_eq!(messages(&chat).await.len(), 4);
}

#[test]
fn an_answer_to_what_is_not_there_is_found_by_a_check() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    let message = |reply_to| Body::Message { content: Some("x".into()), reply_to };
    let append = |body| NewRecord::event(room("lobby"), Some(ada()), Timestamp(1), body);
    log.commit(&[append(message(None)), append(message(Some(1))), append(message(Some(7)))], 0).unwrap();
    log.close().unwrap();
    drop(log);
    let mut found = Vec::new();
    millchat::log::check(&path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, ["room lobby, position 3: it is about a message at 7, which is not there"]);
}
