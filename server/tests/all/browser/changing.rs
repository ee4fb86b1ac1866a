//! One's own messages at the page: edited and deleted, by keyboard and by pointer.

use super::room_url;
use crate::support::{Browser, Server};
use reqwest::Method;
use thirtyfour::prelude::*;

#[tokio::test]
async fn arrow_up_edits_the_last_message_and_escape_leaves_it() {
    let server = Server::start().await;
    let api = server.api();
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    ada.say("first <b>").await;
    ada.say("secnd\nline").await;
    ada.until_messages(3).await;
    let carol = api.guest("Carol").await;
    api.say("lobby", &carol, "not Ada's").await;
    ada.until_messages(4).await;

    let value = "return document.querySelector('#draft').value";
    ada.keys("#draft", Key::Up + "").await;
    assert_eq!(ada.js(value).await, "line");
    ada.keys("#draft", Key::Escape + "").await;
    assert_eq!(ada.js(value).await, "");
    ada.keys("#draft", Key::Up + Key::Up + Key::Up).await;
    assert_eq!(ada.js(value).await, "first <b>", "the one before, and the one before that");
    ada.keys("#draft", " and last".to_owned() + Key::Enter).await;
    bob.until_messages(4).await;
    bob.until("document.querySelector('#messages .edited')").await;
    let expected = ["first <b> and last", "secnd", "line", "not Ada's"];
    assert_eq!(bob.texts().await, expected);
    ada.until("document.querySelector('#editing').hidden").await;
    assert_eq!(ada.js(value).await, "", "the field is free again");
    // Edited again, it begins with the text as it is now.
    ada.keys("#draft", Key::Up + Key::Up + Key::Up).await;
    assert_eq!(ada.js(value).await, "first <b> and last");
    for page in [&ada, &bob] {
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn a_changed_edit_outlives_a_new_name_a_reload_and_another_edit() {
    let server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    let value = "return document.querySelector('#draft').value";
    page.join("Ada").await;
    page.say("first").await;
    page.say("second").await;
    page.until_messages(2).await;
    page.keys("#draft", "a draft").await;
    let edit = async |nth: usize| {
        page.hover(&format!("#messages > .msg:nth-child({nth}) .text")).await;
        page.click(".tools .edit").await;
    };
    edit(1).await;
    page.keys("#draft", " changed").await;
    page.click("#rename").await;
    page.until("document.activeElement.id === 'name'").await;
    page.keys("#name", "Bea".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#composer').dataset.authorName.endsWith('Bea')").await;
    page.until(
        "document.querySelector('#writer').dataset.editing && !document.querySelector('#editing').hidden",
    )
    .await;
    assert_eq!(page.js(value).await, "first changed");
    page.reload().await;
    page.until("document.querySelector('#draft').value === 'first changed'").await;
    edit(2).await;
    assert_eq!(page.js(value).await, "second");
    page.hover("#messages > .msg:nth-child(2) .text").await;
    page.click(".tools .reply").await;
    assert_eq!(page.js(value).await, "a draft");
    edit(1).await;
    assert_eq!(page.js(value).await, "first changed");
    page.keys("#draft", Key::Enter + "").await;
    page.until("document.querySelector('#messages .edited')").await;
    page.until("document.querySelector('#draft').value === 'a draft'").await;
    assert_eq!(page.texts().await, ["first changed", "second"]);
    // What it answers is there too, and a new name takes it from nobody.
    page.click("#rename").await;
    page.until("document.activeElement.id === 'name'").await;
    page.keys("#name", "x".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#composer').dataset.authorName !== 'Bea'").await;
    page.until(
        "document.querySelector('#writer').dataset.replyTo && !document.querySelector('#replying').hidden",
    )
    .await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn an_edit_that_the_server_did_not_take_stays_in_the_field() {
    let mut server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.say("helo").await;
    page.until_messages(1).await;
    page.keys("#draft", Key::Up + "").await;
    server.kill().await;
    page.keys("#draft", " world".to_owned() + Key::Enter).await;
    page.until_text("The change is not saved.").await;
    assert_eq!(page.js("return document.querySelector('#draft').value").await, "helo world");
    server.restart().await;
    page.keys("#draft", Key::Enter + "").await;
    page.until("document.querySelector('#editing').hidden").await;
    page.until("document.querySelector('#messages .edited')").await;
    assert_eq!(page.texts().await, ["helo world"]);
}

#[tokio::test]
async fn a_message_is_deleted_after_a_question_and_only_by_its_author() {
    let server = Server::start().await;
    let api = server.api();
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    let carol = api.guest("Carol").await;
    let others = api.say("lobby", &carol, "Carol's").await;
    page.say("regretted").await;
    page.say("regretted too").await;
    page.until_messages(3).await;

    // By keyboard: emptied, then the question, whose first answer keeps it.
    page.keys("#draft", Key::Up + "").await;
    page.js("document.querySelector('#draft').select()").await;
    page.keys("#draft", Key::Backspace + Key::Enter).await;
    page.until("document.querySelector('#deleting').open").await;
    assert!(page.is("document.activeElement.value === 'keep'").await);
    page.keys("#deleting button[value=keep]", Key::Escape + "").await;
    page.until("!document.querySelector('#deleting').open").await;
    page.keys("#draft", Key::Enter + "").await;
    page.until("document.querySelector('#deleting').open").await;
    page.keys("#deleting button[value=delete]", Key::Enter + "").await;
    page.until("document.querySelectorAll('#messages .deleted').length === 1").await;
    page.until("document.querySelector('#editing').hidden").await;

    // By pointer; the row of somebody else offers neither.
    page.hover(&format!("#m-{others} .text")).await;
    page.until("document.querySelector('.tools .edit')?.checkVisibility() === false").await;
    assert!(page.is("!document.querySelector('.tools .delete').checkVisibility()").await);
    page.hover(".msg.mine .text").await;
    page.until("document.querySelector('.msg.mine .tools')").await;
    page.click(".tools .delete").await;
    page.until("document.querySelector('#deleting').open").await;
    page.click("#deleting button[value=delete]").await;
    page.until("document.querySelectorAll('#messages .deleted').length === 2").await;
    assert!(!page.js("return document.body.innerHTML").await.to_string().contains("regretted"));
    page.assert_quiet(false).await;

    // And the server does not rely on what the page offers.
    for method in [Method::PATCH, Method::DELETE] {
        let answer = page
            .js(&format!(
                "return fetch('/lobby/messages/{others}', {{ method: '{method}', \
                 headers: {{ 'Content-Type': 'application/json' }}, \
                 body: '{method}' === 'PATCH' ? '{{\"content\":\"mine\"}}' : undefined }}).then((a) => a.status)"
            ))
            .await;
        assert_eq!(answer, 403, "{method}");
    }
    assert_eq!(api.history("lobby", "").await["messages"][0]["content"], "Carol's");
}
