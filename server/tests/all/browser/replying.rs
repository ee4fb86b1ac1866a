//! Answering at the page: a quote above the text, which is what its target is at the moment.

use super::{NOTHING_WAITS, room_url};
use crate::support::{Browser, Server};
use serde_json::json;
use thirtyfour::prelude::*;

/// Returns what the quote of the message at this place in the list shows.
async fn quote(page: &Browser, nth: usize) -> String {
    let quote = page
        .js(&format!(
            "return document.querySelectorAll('#messages > .msg')[{nth}].querySelector('.quote')?.textContent ?? 'none'"
        ))
        .await;
    quote.as_str().unwrap().to_owned()
}

async fn until_quote(page: &Browser, nth: usize, text: &str) {
    page.until(&format!(
        "document.querySelectorAll('#messages > .msg')[{nth}]?.querySelector('.quote')?.textContent === {}",
        json!(text)
    ))
    .await;
}

/// Presses the button of this class in the tools of a row.
async fn tool(page: &Browser, position: u64, tool: &str) {
    page.hover(&format!("#m-{position} .text")).await;
    page.until(&format!("document.querySelector('#m-{position} > .tools')")).await;
    page.click(&format!("#m-{position} > .tools .{tool}")).await;
}

#[tokio::test]
async fn an_answer_quotes_its_target_as_it_is_live_and_in_the_first_html() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("<b>Carol").await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    let long = format!("shall we\n<i>{}", " and so on".repeat(30));
    let target = api.say("lobby", &carol, &long).await;
    ada.until_messages(1).await;
    tool(&ada, target, "reply").await;
    assert!(ada.is("document.activeElement.id === 'draft'").await);
    ada.until("document.querySelector('#replying .said')?.textContent.startsWith('shall we <i> and so on')")
        .await;
    // Escape leaves it, and the draft stays.
    ada.keys("#draft", "yes".to_owned() + Key::Escape).await;
    ada.until("document.querySelector('#replying').hidden").await;
    tool(&ada, target, "reply").await;
    // Like the draft it is there after a reload.
    ada.reload().await;
    ada.until("document.querySelector('#replying .said')?.textContent.startsWith('shall we')").await;
    assert_eq!(ada.js("return document.querySelector('#draft').value").await, "yes");
    ada.keys("#draft", Key::Enter + "").await;
    ada.until_messages(2).await;
    ada.until("document.querySelector('#replying').hidden").await;
    // What is written next answers nothing, nor after a reload.
    ada.reload().await;
    ada.say("by the way").await;
    let cut: String = long.replace('\n', " ").chars().take(140).collect();
    for page in [&ada, &bob] {
        page.until_messages(3).await;
        until_quote(page, 1, &format!("<b>Carol {cut}…")).await;
        assert_eq!((quote(page, 0).await, quote(page, 2).await), ("none".into(), "none".into()));
        assert_eq!(page.js("return document.querySelectorAll('#messages :is(b, i)').length").await, 0);
    }
    assert_eq!(api.history("lobby", "").await["messages"][1]["reply_to"], target);

    api.edit("lobby", &carol, target, "shall we not?").await.expect(200);
    for page in [&ada, &bob] {
        until_quote(page, 1, "<b>Carol shall we not?").await;
    }
    // The quote leads to what it quotes.
    bob.click(".quote").await;
    bob.until(&format!("document.querySelector('#m-{target}').classList.contains('aimed')")).await;
    ada.reload().await;
    assert_eq!(quote(&ada, 1).await, "<b>Carol shall we not?");
    api.delete("lobby", &carol, target).await.expect(204);
    for page in [&ada, &bob] {
        until_quote(page, 1, "This message was deleted.").await;
        assert!(!page.js("return document.documentElement.outerHTML").await.to_string().contains("shall we"));
    }
    ada.reload().await;
    assert_eq!(quote(&ada, 1).await, "This message was deleted.");
    for page in [&ada, &bob] {
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn a_target_that_is_not_in_the_page_is_quoted_edited_and_deleted_all_the_same() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let far = api.say("lobby", &carol, "far back").await;
    let other = api.say("lobby", &carol, "far back too").await;
    for n in 0..120 {
        api.say("lobby", &carol, &format!("in between {n}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(100).await;
    assert!(page.is(&format!("document.querySelector('#m-{far}') === null")).await);
    for target in [far, other] {
        api.reply("lobby", &carol, target, "x").await.expect(201);
    }
    page.until_messages(102).await;
    // Live the script asks for it.
    until_quote(&page, 100, "Carol far back").await;
    until_quote(&page, 101, "Carol far back too").await;
    api.edit("lobby", &carol, far, "far back and edited").await.expect(200);
    until_quote(&page, 100, "Carol far back and edited").await;
    // In the first HTML the server reads it.
    page.reload().await;
    page.until_messages(100).await;
    let newest = page.js("return fetch(location.href).then((answer) => answer.text())").await;
    assert!(
        newest.as_str().unwrap().contains("far back and edited"),
        "it is filled in before any script runs"
    );
    until_quote(&page, 98, "Carol far back and edited").await;
    api.delete("lobby", &carol, far).await.expect(204);
    until_quote(&page, 98, "This message was deleted.").await;
    assert_eq!(quote(&page, 99).await, "Carol far back too");
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn what_an_answer_answers_goes_with_it_over_a_lost_server_a_reload_and_a_target_that_is_gone() {
    let mut server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let (kept, gone) = (api.say("lobby", &carol, "kept").await, api.say("lobby", &carol, "regretted").await);
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.until_messages(2).await;
    server.kill().await;
    for (target, text) in [(kept, "to the one"), (gone, "to the other")] {
        tool(&page, target, "reply").await;
        page.say(text).await;
    }
    page.until("document.querySelectorAll('#outbox .quote').length === 2").await;
    assert_eq!(page.js("return document.querySelector('#outbox .quote').textContent").await, "Carol kept");
    page.go("about:blank").await;
    server.restart().await;
    let api = server.api();
    api.delete("lobby", &carol, gone).await.expect(204);
    page.go(&room_url(&server)).await;
    page.until_messages(3).await;
    until_quote(&page, 2, "Carol kept").await;
    page.until("document.querySelector('#outbox .failed .fate')?.textContent.includes('was deleted')").await;
    let messages = api.history("lobby", "").await["messages"].clone();
    assert_eq!((&messages[2]["content"], &messages[2]["reply_to"]), (&json!("to the one"), &json!(kept)));
    // The text comes back, and can be sent as an answer to nothing.
    page.click("#outbox .failed .edit").await;
    assert!(page.is("document.querySelector('#replying').hidden").await);
    page.keys("#draft", Key::Enter + "").await;
    page.until_messages(4).await;
    page.until(NOTHING_WAITS).await;
    assert!(api.history("lobby", "").await["messages"][3].get("reply_to").is_none());
}

#[tokio::test]
async fn quotes_are_fetched_when_they_are_in_view_and_one_at_a_time() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let mut old = Vec::new();
    for number in 0..40 {
        old.push(api.say("lobby", &carol, &format!("old {number}")).await);
    }
    for number in 0..120 {
        api.say("lobby", &carol, &format!("in between {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(100).await;
    page.js("window.asked = []; window.atOnce = 0; window.mostAtOnce = 0;
         const fetch_ = window.fetch;
         window.fetch = async (url, options) => {
             if (!/[?&]quote=/.test(url)) return fetch_(url, options);
             asked.push(url);
             mostAtOnce = Math.max(mostAtOnce, ++atOnce);
             try { return await fetch_(url, options); } finally { atOnce -= 1; }
         };
         const scroller = document.querySelector('#scroller');
         scroller.scrollTop = scroller.scrollHeight / 2;")
        .await;
    page.until("!document.querySelector('#scroller').classList.contains('following')").await;
    for target in &old {
        api.reply("lobby", &carol, *target, "answered").await.expect(201);
    }
    page.until_messages(140).await;
    // What comes by the stream afterwards is here: the page had its time to ask.
    api.say("lobby", &carol, "the end").await;
    page.until_messages(141).await;
    page.until("document.querySelectorAll('#messages .quote[data-empty]').length === 40").await;
    // What comes into view is asked for within the least wait after the next frame: by then it would have
    // been.
    page.js(
        "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 250))))",
    )
    .await;
    assert_eq!(page.js("return asked").await, json!([]), "out of view");
    page.click("#latest").await;
    let filled = "[...document.querySelectorAll('#messages .quote')].filter((quote) => {
            const box = quote.getBoundingClientRect();
            const view = document.querySelector('#scroller').getBoundingClientRect();
            return box.bottom > view.top && box.top < view.bottom && quote.dataset.empty !== undefined;
        }).length === 0";
    page.until(filled).await;
    assert_eq!(page.js("return mostAtOnce").await, 1);
    let asked = page.js("return asked.length").await.as_u64().unwrap();
    assert!((1..40).contains(&asked), "{asked}");
    until_quote(&page, 139, "Carol old 39").await;
    page.assert_quiet(false).await;
}
