//! The room in a panel: who its reader is, what is kept for whom, and what the host hears of it.

use reqwest::Method;
use serde_json::json;
use thirtyfour::prelude::*;

use super::embed::{READY, ROOT, chat, enter, open_panel, page, until_badge};
use super::looks::violations;
use crate::support::client::answer;
use crate::support::site::Site;
use crate::support::{ADMIN, Browser, Server};

/// Settings with a room for its members, and a site that may show it.
const PRIVATE: &str =
    "embed-origins = [\"http://localhost:*\"]\n[[room]]\nname = \"team\"\npolicy = \"members\"\n";

#[tokio::test]
async fn the_badge_counts_what_others_wrote_since_the_panel_was_last_shown_also_between_two_pages() {
    let server = chat().await;
    let api = server.api();
    let bob = api.guest("Bob").await;
    api.say("support", &bob, "before").await;
    let site = Site::start(vec![
        page(&server, "/", "data-room=support", ""),
        page(&server, "/next", "data-room=support", ""),
    ])
    .await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.join_with("Ada", "my own").await;
    browser.leave_frame().await;
    browser.js("Millchat.close()").await;
    api.say("support", &bob, "one").await;
    browser.until("Millchat.unread === 1").await;
    browser.go("about:blank").await;
    api.say("support", &bob, "two, while no page is there").await;
    browser.go(&site.url("/next")).await;
    browser.until("window.Millchat?.unread === 2").await;
    until_badge(&browser, "2").await;
    api.say("support", &bob, "three").await;
    browser.until("Millchat.unread === 3").await;
    browser.go(&site.url("/")).await;
    browser.until("window.Millchat?.unread === 3").await;
    // Shown, all are read, here and on the next page.
    browser.js("Millchat.open(); Millchat.close()").await;
    until_badge(&browser, "").await;
    browser.go(&site.url("/next")).await;
    browser.until(&format!("window.Millchat && {READY}")).await;
    api.say("support", &bob, "four").await;
    browser.until("Millchat.unread === 1").await;
}

#[tokio::test]
async fn what_arrives_while_the_panel_is_put_away_is_unread() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    // The frame hears late that it is not shown any more.
    browser
        .js("const { postMessage } = MessagePort.prototype;
             window.held = [];
             MessagePort.prototype.postMessage = function (message) {
                 const send = () => postMessage.call(this, message);
                 if (message.shown === false) held.push(send);
                 else send();
             };
             Millchat.on('message', () => { window.hasHeard = true });
             Millchat.close()")
        .await;
    let bob = server.api().guest("Bob").await;
    server.api().say("support", &bob, "hello").await;
    browser.until("window.hasHeard").await;
    browser.js("for (const send of held) send()").await;
    browser.until("Millchat.unread === 1").await;
}

#[tokio::test]
async fn an_unsent_text_waits_for_its_author_and_that_of_somebody_else_is_not_sent() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.join_with("Ada", "first").await;
    browser.keys("#draft", "a draft").await;
    let kept = browser
        .js("const ada = document.querySelector('#composer').dataset.authorId;
             const unsent = (author, content) => localStorage.setItem(`${author}:millchat:unsent:support`,
                 JSON.stringify([{ key: `key-of-${content}`, content, author, at: Date.now() }]));
             unsent(ada, 'of Ada');
             unsent('somebody', 'of somebody else');
             return Object.keys(localStorage).filter((key) => key.includes(':draft:')).map((key) => key === \
                 `${ada}:millchat:draft:support`)")
        .await;
    assert_eq!(kept, json!([true]), "the draft is hers");
    browser.leave_frame().await;
    browser.reload().await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until_messages(2).await;
    browser.until("document.querySelectorAll('#outbox li').length === 0").await;
    assert_eq!(browser.texts().await, ["first", "of Ada"]);
    let history = server.api().history("support", "").await;
    assert_eq!(history["messages"][1]["author"]["name"], "Ada");
    assert_eq!(browser.js("return document.querySelector('#draft').value").await, "a draft");
    let others = browser.js("return localStorage.getItem('somebody:millchat:unsent:support')").await;
    assert!(others.as_str().unwrap().contains("of somebody else"));
}

#[tokio::test]
async fn what_is_typed_while_the_name_is_given_is_no_part_of_the_first_message() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support data-name=Ada", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser
        .js("const { fetch } = window;
             const gate = new Promise((open) => { window.openGate = open });
             window.fetch = async (input, init) => {
                 if (new URL(input, location).pathname.endsWith('/name') && init?.method !== 'POST') {
                     window.isHeld = true;
                     await gate;
                 }
                 return fetch(input, init);
             }")
        .await;
    browser.keys("#draft", "Hello".to_owned() + Key::Enter).await;
    browser.until("window.isHeld").await;
    browser.keys("#draft", " and a half").await;
    browser.js("openGate()").await;
    browser.until_messages(1).await;
    assert_eq!(browser.texts().await, ["Hello"]);
    assert_eq!(browser.js("return document.querySelector('#draft').value").await, " and a half");
}

#[tokio::test]
async fn a_panel_of_a_room_for_members_says_so_and_opens_no_stream() {
    let server = Server::start_with_settings(PRIVATE, &[]).await;
    let site = Site::start(vec![page(&server, "/", "data-room=team", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.until_text("This room is for its members").await;
    browser.until("document.querySelector('#stream').dataset.place !== undefined").await;
    for event in ["offline", "online"] {
        browser.js(&format!("window.dispatchEvent(new Event('{event}'))")).await;
    }
    // Locks are given in turn, and the stream would have asked for two before.
    let held = browser
        .js("await navigator.locks.request('last', () => {});
             const { held, pending } = await navigator.locks.query();
             return [...held, ...pending].map(({ name }) => name)")
        .await;
    assert_eq!(held, json!([]));
    let asked = browser
        .js("return performance.getEntriesByType('resource').filter(({ name }) => name.includes('/messages')).length")
        .await;
    assert_eq!(asked, 0);
    assert_eq!(browser.js("return document.querySelector('#state').textContent").await, "");
    assert_eq!(violations(&browser).await, json!([]));
}

#[tokio::test]
async fn a_guest_who_becomes_a_member_reads_the_room_in_the_panel_and_has_a_badge() {
    let server = Server::start_with_settings(PRIVATE, &["--admin-token", ADMIN]).await;
    let api = server.api();
    let make_member = async |id: &str| {
        let member = format!("/api/v1/rooms/team/members/{id}");
        let role = json!({ "role": "writer" });
        answer(api.request(Method::PUT, &member).bearer_auth(ADMIN).json(&role)).await.expect(204);
    };
    let olga = api.guest("Olga").await;
    make_member(&olga.id).await;
    api.say("team", &olga, "for members").await;
    let site = Site::start(vec![
        page(&server, "/", "data-room=lobby", ""),
        page(&server, "/team", "data-room=team data-title=Members", ""),
    ])
    .await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.join_with("Ada", "hello").await;
    let ada = browser.js("return document.querySelector('#composer').dataset.authorId").await;
    browser.go(&site.url("/team")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.until_text("you are none of them").await;
    make_member(ada.as_str().unwrap()).await;
    browser.go(&site.url("/team")).await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until_messages(1).await;
    browser.until("document.querySelector('#draft')").await;
    // A patch of the whole room takes away neither what the host calls it now nor the button of the panel.
    browser.leave_frame().await;
    browser.js("Millchat.set({ title: 'For us' })").await;
    enter(&browser).await;
    browser.until("document.querySelector('h1').textContent === 'For us'").await;
    browser
        .js("const joiner = document.querySelector('#joiner');
             const patched = new Promise((done) => document.addEventListener('datastar-fetch', ({ detail }) => {
                 if (detail.el === joiner && detail.type === 'finished') setTimeout(done);
             }));
             joiner.dispatchEvent(new CustomEvent('join'));
             await patched")
        .await;
    let head = "[document.querySelector('h1').textContent, document.querySelector('#shut').hidden]";
    assert_eq!(browser.js(&format!("return {head}")).await, json!(["For us", false]));
    browser.leave_frame().await;
    browser.js("Millchat.close()").await;
    api.say("team", &olga, "one").await;
    browser.until("Millchat.unread === 1").await;
    browser.go(&site.url("/team")).await;
    browser.until("window.Millchat?.unread === 1").await;
    // Where the browser keeps nothing, what was there before is not new.
    browser.until(READY).await;
    enter(&browser).await;
    browser.js("Storage.prototype.setItem = () => {}; sessionStorage.clear()").await;
    browser.go(&site.url("/team")).await;
    browser.until(&format!("window.Millchat && {READY}")).await;
    enter(&browser).await;
    browser.until_messages(2).await;
    browser.leave_frame().await;
    api.say("team", &olga, "two").await;
    browser.until("Millchat.unread > 0").await;
    assert_eq!(browser.js("return Millchat.unread").await, 1);
}

#[tokio::test]
async fn a_frame_stays_in_its_room_and_pages_open_beside_it() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.js("document.querySelector('#banning').showModal()").await;
    browser
        .js("const link = document.querySelector('#banning a');
             link.href = '/support/moderation';
             link.click();
             document.querySelector('#banning').close()")
        .await;
    browser.click("#more").await;
    browser.keys("form.search input[type=search]", "hats".to_owned() + Key::Enter).await;
    browser.leave_frame().await;
    let pages = async || {
        let targets = browser.ask("Target.getTargets", json!({})).await;
        let targets = targets["targetInfos"].as_array().unwrap().clone();
        targets.iter().filter(|target| target["type"] == "page").count()
    };
    while pages().await < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(browser.is(READY).await);
    enter(&browser).await;
    assert_eq!(browser.js("return location.pathname").await, "/embed/support");
}

#[tokio::test]
async fn a_suggested_name_that_was_taken_away_stays_away() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support data-name=Ada", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.until("document.querySelector('#name').value === 'Ada'").await;
    browser.js("document.querySelector('#name').value = ''").await;
    browser.leave_frame().await;
    browser.js("Millchat.set({ title: 'Ask' })").await;
    enter(&browser).await;
    browser.until("document.querySelector('h1').textContent === 'Ask'").await;
    assert_eq!(browser.js("return document.querySelector('#name').value").await, "");
    browser.leave_frame().await;
    browser.js("Millchat.set({ name: 'Grace' })").await;
    enter(&browser).await;
    browser.until("document.querySelector('#name').value === 'Grace'").await;
    browser.leave_frame().await;
    assert_eq!(browser.js(&format!("return {ROOT}.querySelectorAll('iframe').length")).await, 1);
}
