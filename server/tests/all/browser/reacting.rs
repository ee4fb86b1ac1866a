//! Reacting at the page: chips with counts, one's own pressed, by pointer and by keyboard.

use super::room_url;
use crate::support::client::answer;
use crate::support::{Browser, Server};
use reqwest::Method;
use serde_json::{Value, json};
use thirtyfour::prelude::*;

/// The chips of a row: emoji and count, pressed or not.
async fn chips(page: &Browser, position: u64) -> Value {
    page.js(&format!(
        "return [...document.querySelectorAll('#m-{position} .chip')].map((chip) =>
            [chip.dataset.reaction, chip.querySelector('[id$=\"-n\"]').textContent, chip.getAttribute('aria-pressed')])"
    ))
    .await
}

async fn until_chips(page: &Browser, position: u64, expected: Value) {
    page.until(&format!(
        "JSON.stringify([...document.querySelectorAll('#m-{position} .chip')].map((chip) =>
            [chip.dataset.reaction, chip.querySelector('[id$=\"-n\"]').textContent, chip.getAttribute('aria-pressed')]))
         === {}",
        json!(expected.to_string())
    ))
    .await;
}

#[tokio::test]
async fn reactions_are_added_counted_and_taken_back_by_pointer_and_by_keyboard() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    bob.join("Bob").await;
    let target = api.say("lobby", &carol, "done").await;
    ada.until_messages(1).await;
    bob.until_messages(1).await;

    // By pointer, from the picker.
    ada.hover(&format!("#m-{target} .text")).await;
    ada.click(".tools .react").await;
    ada.click(".tools .picker [data-reaction='👍']").await;
    until_chips(&ada, target, json!([["👍", "1", "true"]])).await;
    until_chips(&bob, target, json!([["👍", "1", "false"]])).await;
    // By keyboard alone: from the message's link to its tools, and to the second of the picker.
    bob.keys(&format!("#m-{target} .at"), "").await;
    bob.js(&format!("document.querySelector('#m-{target} .at').focus()")).await;
    bob.until(&format!("document.querySelector('#m-{target} > .tools')")).await;
    bob.js("document.querySelector('.tools .react').focus()").await;
    bob.keys(".tools .react", Key::Enter + "").await;
    bob.until("document.activeElement.dataset.reaction === '👍'").await;
    bob.keys(".tools .picker button", Key::Tab + Key::Space).await;
    until_chips(&bob, target, json!([["👍", "1", "false"], ["❤️", "1", "true"]])).await;
    assert!(bob.is("document.querySelector('.tools .picker').hidden").await);
    // A chip that is there is pressed.
    bob.click(&format!("#r-{target}-1")).await;
    until_chips(&ada, target, json!([["👍", "2", "true"], ["❤️", "1", "false"]])).await;
    ada.hover(&format!("#r-{target}-1")).await;
    ada.until(&format!("document.querySelector('#r-{target}-1').title === 'Ada, Bob'")).await;

    for page in [&ada, &bob] {
        let before = chips(page, target).await;
        page.reload().await;
        assert_eq!(chips(page, target).await, before, "by the server as by the stream");
        page.assert_quiet(false).await;
    }
    bob.click(&format!("#r-{target}-1")).await;
    bob.js(&format!("document.querySelector('#r-{target}-2').focus()")).await;
    bob.keys(&format!("#r-{target}-2"), Key::Enter + "").await;
    for (page, pressed) in [(&ada, "true"), (&bob, "false")] {
        until_chips(page, target, json!([["👍", "1", pressed]])).await;
    }
    // The focus is where it was, though the chip is gone.
    assert!(bob.is(&format!("document.activeElement === document.querySelector('#m-{target} .at')")).await);

    api.delete("lobby", &carol, target).await.expect(204);
    for page in [&ada, &bob] {
        until_chips(page, target, json!([])).await;
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn a_frame_that_comes_twice_counts_once_and_a_restart_loses_none() {
    let mut server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    let target = api.say("lobby", &carol, "done").await;
    page.until_messages(1).await;
    let mut guests = Vec::new();
    for n in 0..3 {
        let guest = api.guest(&format!("Guest {n}")).await;
        let path = format!("/api/v1/rooms/lobby/messages/{target}/reactions/%F0%9F%8E%89");
        answer(api.request(Method::PUT, &path).bearer_auth(&guest.token)).await.expect(204);
        guests.push((guest, path));
    }
    until_chips(&page, target, json!([["🎉", "3", "false"]])).await;
    // As a stream that begins further back brings them: all frames of the room, again.
    let frames = page
        .js("const controller = new AbortController();
             const epoch = (await (await fetch('/api/v1/rooms/lobby/events?history=0', { signal: controller.signal }))
                 .body.getReader().read()).value;
             const id = /id: ([0-9a-f]{8})/.exec(new TextDecoder().decode(epoch))[1];
             const again = document.querySelector('#stream').cloneNode();
             again.id = 'again';
             again.removeAttribute('data-attr:data-place');
             controller.abort();
             window.frames_ = 0;
             document.addEventListener('datastar-fetch', ({ detail }) => {
                 if (detail.el.id === 'again' && detail.type === 'datastar-patch-elements') window.frames_ += 1;
             });
             document.body.append(again);
             // Once the client has read it.
             await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
             const detail = { url: '/lobby/messages', place: `${id}-0`, until: new AbortController() };
             again.dispatchEvent(new CustomEvent('open', { detail }));
             return id;")
        .await;
    assert_eq!(frames.as_str().unwrap().len(), 8);
    page.until("window.frames_ >= 8").await;
    until_chips(&page, target, json!([["🎉", "3", "false"]])).await;
    assert_eq!(
        page.js(&format!("return document.querySelectorAll('#r-{target}-4 [data-author-id]').length")).await,
        3
    );

    server.kill().await;
    server.restart().await;
    let api = server.api();
    let (guest, path) = &guests[0];
    answer(api.request(Method::DELETE, path).bearer_auth(&guest.token)).await.expect(204);
    until_chips(&page, target, json!([["🎉", "2", "false"]])).await;
    page.reload().await;
    until_chips(&page, target, json!([["🎉", "2", "false"]])).await;
}

#[tokio::test]
async fn who_may_not_react_is_told_so_and_other_sites_are_refused() {
    let server = Server::start_with(&["--rate-limit", "author=1/2"]).await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let target = api.say("lobby", &carol, "done").await;
    let page = Browser::open(&room_url(&server)).await;
    let path = format!("/api/v1/rooms/lobby/messages/{target}/reactions/%F0%9F%8E%89");
    answer(api.request(Method::PUT, &path).bearer_auth(&carol.token)).await.expect(204);
    until_chips(&page, target, json!([["🎉", "1", "false"]])).await;
    // Without a name: one is asked for.
    page.click(&format!("#r-{target}-4")).await;
    page.until("document.activeElement.id === 'name'").await;
    page.join("Ada").await;
    page.hover(&format!("#m-{target} .text")).await;
    page.until("document.querySelector('.tools .picker')").await;
    // More at once than the limit lets through.
    page.js("document.querySelectorAll('.tools .picker button').forEach((button) => button.click())").await;
    page.until_text("Come back in").await;
    page.until_text("The reaction is not saved.").await;

    let url = format!("/lobby/messages/{target}/reactions/%F0%9F%8E%89");
    for method in [Method::PUT, Method::DELETE] {
        let foreign = api.request(method, &url).header("Sec-Fetch-Site", "cross-site");
        assert_eq!(answer(foreign).await.status, 403);
    }
    let nobody = api.request(Method::PUT, &url).header("Sec-Fetch-Site", "same-origin");
    assert_eq!(answer(nobody).await.status, 401);
}
