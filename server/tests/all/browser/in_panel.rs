//! The room in a panel: who its reader is, what is kept for whom, and what the host hears of it.

use serde_json::json;
use thirtyfour::prelude::*;

use super::embed::{READY, ROOT, chat, enter, open_panel, page, until_badge};
use crate::support::site::Site;
use crate::support::Browser;

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
