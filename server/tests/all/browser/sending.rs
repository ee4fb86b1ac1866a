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

#[tokio::test]
async fn after_a_choice_about_a_failed_message_the_focus_is_where_one_goes_on() {
    let server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.say("first").await;
    page.until_messages(1).await;
    page.cdp("Network.clearBrowserCookies", serde_json::json!({})).await;
    for choice in [".again", ".discard", ".edit"] {
        page.say("nobody's").await;
        page.until("document.querySelector('#outbox .failed .again')").await;
        page.keys(&format!("#outbox .failed {choice}"), Key::Enter + "").await;
        page.until("document.activeElement.id === 'draft'").await;
        if choice == ".again" {
            // It fails again, and the focus stays.
            page.until("document.querySelector('#outbox .failed .again')").await;
            assert!(page.is("document.activeElement.matches('#draft, #name')").await);
            page.click("#outbox .failed .discard").await;
            page.until(NOTHING_WAITS).await;
        }
    }
}

/// A browser as it is on plain HTTP.
const WITHOUT_LOCKS: &str = "delete Navigator.prototype.locks; delete Crypto.prototype.randomUUID;";

#[tokio::test]
async fn a_draft_that_two_tabs_send_is_one_message() {
    for locks in [true, false] {
        let server = Server::start().await;
        let api = server.api();
        let carol = api.guest("Carol").await;
        let target = api.say("lobby", &carol, "a question").await;
        let page = Browser::open("about:blank").await;
        let browser = if locks { "" } else { WITHOUT_LOCKS };
        page.before_pages(browser).await;
        page.before_pages(
            "window.addEventListener('storage', (event) => window.isDeaf && event.stopImmediatePropagation())",
        )
        .await;
        page.go(&room_url(&server)).await;
        page.join("Ada").await;
        page.hover(&format!("#m-{target} .text")).await;
        page.click(".tools .reply").await;
        page.keys("#draft", "sent twice").await;
        let first = page.open_tab_with(browser, &room_url(&server)).await;
        let second = page.here().await;
        assert_eq!(page.js("return document.querySelector('#draft').value").await, "sent twice");
        // The first tab does not hear in time that the second has sent it.
        page.switch_to(first.clone()).await;
        page.js("window.isDeaf = true").await;
        page.switch_to(second).await;
        page.keys("#draft", Key::Enter + "").await;
        page.until(NOTHING_WAITS).await;
        page.switch_to(first).await;
        assert_eq!(page.js("return document.querySelector('#draft').value").await, "sent twice");
        page.keys("#draft", Key::Enter + "").await;
        page.until(NOTHING_WAITS).await;
        assert_eq!(texts(&api).await, ["a question", "sent twice"], "locks: {locks}");
        // The same text again is another message.
        page.say("sent twice").await;
        page.until(NOTHING_WAITS).await;
        assert_eq!(texts(&api).await, ["a question", "sent twice", "sent twice"]);
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn all_tabs_of_a_room_show_the_draft_and_that_it_was_sent() {
    let server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.say("before").await;
    page.until_messages(1).await;
    let first = page.open_tab(&room_url(&server)).await;
    let second = page.here().await;
    let other = "document.querySelector('#draft').value";
    page.keys("#draft", "half a thought").await;
    page.switch_to(first.clone()).await;
    page.until(&format!("{other} === 'half a thought'")).await;
    // During an edit the draft is put aside, and what comes back is not what was sent meanwhile.
    page.js("document.querySelector('#draft').setSelectionRange(0, 0)").await;
    page.hover(".msg.mine .text").await;
    page.click(".tools .edit").await;
    page.until(&format!("{other} === 'before'")).await;
    page.switch_to(second).await;
    page.keys("#draft", Key::Enter + "").await;
    page.until_messages(2).await;
    page.switch_to(first).await;
    page.until_messages(2).await;
    page.keys("#draft", Key::Escape + "").await;
    page.until(&format!("{other} === ''")).await;
    assert_eq!(texts(&server.api()).await, ["before", "half a thought"]);
}
