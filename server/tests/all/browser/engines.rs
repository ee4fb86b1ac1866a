//! The main path in browsers that are not Chromium: name, send, live, a kill of the server, history, edit,
//! reaction, tabs, languages, keys. `make prove` runs it.

use thirtyfour::prelude::*;

use super::languages::choose;
use super::tabs::until_readers;
use super::{NOTHING_WAITS, room_url};
use crate::support::engine::Engine;
use crate::support::{Browser, Server, within};

#[tokio::test]
#[ignore = "needs Firefox; `make prove` runs it"]
async fn firefox_goes_the_main_path() {
    main_path(Engine::Firefox).await;
}

#[tokio::test]
#[ignore = "needs WebKit; `make prove` runs it"]
async fn webkit_goes_the_main_path() {
    main_path(Engine::WebKit).await;
}

async fn main_path(engine: Engine) {
    let mut server = Server::start().await;
    let carol = server.api().guest("Carol").await;
    let page = Browser::open_engine(engine, &room_url(&server)).await;
    // A name, a message, and one of somebody else.
    page.join("Ada").await;
    page.keys("#draft", "first line".to_owned() + (Key::Shift + Key::Enter)).await;
    page.say("second line").await;
    page.until_messages(1).await;
    page.until(NOTHING_WAITS).await;
    server.api().say("lobby", &carol, "live").await;
    page.until_messages(2).await;

    // The server is killed and comes back.
    server.kill().await;
    page.until("document.querySelector('#state').textContent.includes('gone')").await;
    page.say("in the dark").await;
    page.until("document.querySelectorAll('#outbox li').length === 1").await;
    server.restart().await;
    server.api().say("lobby", &carol, "back").await;
    page.until_messages(4).await;
    page.until(NOTHING_WAITS).await;
    let mut texts = page.texts().await;
    assert_eq!(texts[..2], ["first line\nsecond line", "live"]);
    texts[2..].sort();
    assert_eq!(texts[2..], ["back", "in the dark"]);

    // An edit and a reaction, by keys: Arrow up; Tab leads from a message's time to its tools.
    page.keys("#draft", Key::Up + "").await;
    page.until("document.querySelector('#draft').value === 'in the dark'").await;
    page.keys("#draft", " and in the light".to_owned() + Key::Enter).await;
    page.until(
        "[...document.querySelectorAll('.text')].some((t) => t.textContent.startsWith('in the dark and'))",
    )
    .await;
    page.js("document.querySelector('.msg.mine .at').focus()").await;
    page.click(".tools .react").await;
    page.click(".tools .picker button").await;
    page.until("document.querySelector('.msg.mine .chip')?.getAttribute('aria-pressed') === 'true'").await;

    // Another tab of the room, by the one connection that both have.
    let first = page.open_tab(&room_url(&server)).await;
    page.until_messages(4).await;
    page.say("by the other tab").await;
    page.until_messages(5).await;
    let second = page.here().await;
    page.switch_to(first).await;
    page.until_messages(5).await;
    if page.is("navigator.locks").await {
        until_readers(&server, 1).await;
    }
    page.close(second).await;
    server.api().say("lobby", &carol, "to the one tab").await;
    page.until_messages(6).await;

    // A language, and who types.
    choose(&page, "de").await;
    assert!(page.is("document.querySelector('#draft').placeholder === 'Nachricht schreiben'").await);
    choose(&page, "en").await;

    // History comes as one scrolls.
    for number in 0..150 {
        server.api().say("garden", &carol, &format!("message {number}")).await;
    }
    page.go(&format!("http://{}/garden", server.address())).await;
    page.until_messages(100).await;
    let scroll = async {
        while !page.is("document.querySelectorAll('#messages > .msg').length === 150").await {
            page.js("document.querySelector('#scroller').scrollTop = 0").await;
        }
    };
    within("the whole history is there", scroll).await;
    let expected: Vec<String> = (0..150).map(|number| format!("message {number}")).collect();
    assert_eq!(page.texts().await, expected);
}
