//! A text that was sent at the page is never lost, whatever happens to the connection, the page and the
//! server.

use super::{NOTHING_WAITS, room_url};
use crate::support::{Api, Browser, Server};
use thirtyfour::prelude::*;

async fn texts(api: &Api) -> Vec<String> {
    let history = api.history("lobby", "").await;
    let messages = history["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_not_sent_is_sent_by_another_tab_when_the_server_is_back() {
    let mut server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.say("before").await;
    page.until_messages(1).await;
    server.kill().await;
    let enter = Key::Enter.value();
    page.keys("#draft", format!("first{enter}second{enter}third{enter}and a draft")).await;
    // It is there at once, and says what it waits for.
    page.until("document.querySelectorAll('#outbox li').length === 3").await;
    page.until("document.querySelector('#outbox li').innerText.includes('Waiting for the connection')").await;
    assert_eq!(page.js("return document.querySelector('#outbox .text').textContent").await, "first");
    // The tab is closed; what is left is in the browser alone.
    page.go("about:blank").await;
    let closed = page.open_tab("about:blank").await;
    page.close(closed).await;
    server.restart().await;
    page.go(&room_url(&server)).await;
    page.until_messages(4).await;
    page.until(NOTHING_WAITS).await;
    let expected = ["before", "first", "second", "third"];
    assert_eq!(page.texts().await, expected);
    assert_eq!(page.js("return document.querySelector('#draft').value").await, "and a draft");
    page.reload().await;
    page.until(NOTHING_WAITS).await;
    assert_eq!(page.js("return document.querySelector('#draft').value").await, "and a draft");
    assert_eq!(texts(&server.api()).await, expected);
    page.assert_quiet(true).await;
}

/// From now on the server gets what the page sends, and its answers do not arrive.
async fn lose_answers(page: &Browser) {
    page.js("const fetch_ = window.fetch;
         window.lost = 0;
         window.fetch = async (url, options) => {
             const answer = await fetch_(url, options);
             if (options?.method !== 'POST') return answer;
             window.lost += 1;
             throw new TypeError('the answer was lost');
         };")
        .await;
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_sent_again_and_stored_once() {
    let mut server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.say("before").await;
    page.until_messages(1).await;
    for (round, text) in ["once", "and once more"].into_iter().enumerate() {
        page.until(NOTHING_WAITS).await;
        lose_answers(&page).await;
        page.say(text).await;
        // Typing is a send whose answer is lost too.
        page.until("window.lost > 3").await;
        page.until("document.querySelector('#outbox li').innerText.includes('Waiting for the connection')")
            .await;
        if round == 1 {
            server.kill().await;
            server.restart().await;
        }
        page.reload().await;
        page.until(NOTHING_WAITS).await;
        page.until_messages(2 + round).await;
    }
    let expected = ["before", "once", "and once more"];
    assert_eq!(page.texts().await, expected);
    assert_eq!(texts(&server.api()).await, expected);
}

#[tokio::test]
async fn what_is_on_its_way_says_whose_it_is_below_another_and_what_is_typed_anywhere_goes_into_the_field() {
    let mut server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.reload().await;
    api.say("lobby", &carol, "Carol's").await;
    page.until_messages(1).await;
    assert!(page.is("document.activeElement === document.body").await);
    page.keys("body", "typed").await;
    page.until("document.querySelector('#draft').value === 'typed'").await;
    server.kill().await;
    page.keys("#draft", Key::Enter + "").await;
    page.until(
        "document.querySelector('#outbox').dataset.name === 'Ada' && document.querySelector('#outbox li')",
    )
    .await;
    server.restart().await;
    page.until_messages(2).await;
    page.until("document.querySelector('#outbox').dataset.name === undefined").await;
}

#[tokio::test]
async fn what_cannot_be_sent_says_so_and_offers_to_try_again() {
    // One message a second, one at once: the second is refused until its writer has waited.
    let server = Server::start_with(&["--rate-limit", "author=1/1"]).await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    let enter = Key::Enter.value();
    page.keys("#draft", format!("one{enter}two{enter}three{enter}")).await;
    page.until_messages(3).await;
    page.until(NOTHING_WAITS).await;
    assert_eq!(
        page.texts().await,
        ["one", "two", "three"],
        "what may pass is tried again by itself, in order"
    );

    // Who is not known any more has to decide; the text stays, over a reload too.
    page.cdp("Network.clearBrowserCookies", serde_json::json!({})).await;
    page.say("nobody's").await;
    page.until("document.querySelector('#outbox .failed .fate')?.textContent.includes('does not know you')")
        .await;
    page.reload().await;
    page.join("Ada").await;
    page.until("document.querySelector('#outbox .failed .again')").await;
    assert_eq!(page.js("return document.querySelector('#outbox .text').textContent").await, "nobody's");
    page.click("#outbox .again").await;
    page.until_messages(4).await;
    page.until(NOTHING_WAITS).await;
    assert_eq!(texts(&server.api()).await, ["one", "two", "three", "nobody's"]);
}
