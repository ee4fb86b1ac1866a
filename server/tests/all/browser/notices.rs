//! The page beyond its window, when it is asked to act there: notifications, a sound, the rooms of this
//! browser.

use super::{room_url, write_down_notifications};
use crate::support::{Browser, Server};
use serde_json::json;

#[tokio::test]
async fn who_asked_for_it_is_notified_when_nobody_looks_and_only_then() {
    let server = Server::start().await;
    let api = server.api();
    let hostile = api.guest("<img src=x onerror=alert(1)>").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    write_down_notifications(&page, &server).await;
    page.js("window.AudioContext = class { constructor() { window.heard = true; } };").await;
    let off = "!document.querySelector('#notify').checked && !document.querySelector('#sound').checked";
    assert!(page.is(off).await, "off until somebody asks");
    page.click("#more").await;
    page.click("#notify").await;
    page.until("localStorage.getItem('millchat:notify') === 'on'").await;
    // To see if it can show any, it made one and took it away.
    assert_eq!(page.js("return shown.splice(0).length").await, 1);
    api.say("lobby", &hostile, "seen").await;
    page.until_messages(1).await;

    let meanwhile = async {
        api.say("lobby", &hostile, "<b>missed</b>").await;
    };
    page.look_away(meanwhile, 2).await;
    let expected = json!([["<img src=x onerror=alert(1)> · lobby", "<b>missed</b>", "millchat:lobby"]]);
    assert_eq!(page.js("return shown").await, expected);
    assert!(page.is("window.heard === undefined").await, "no sound unless asked for");
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn the_title_counts_what_came_while_nobody_looked() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    page.js("window.titles = []; new MutationObserver(() => titles.push(document.title))\
             .observe(document.querySelector('title'), { childList: true })")
        .await;
    let meanwhile = async {
        for number in 0..3 {
            api.say("lobby", &carol, &format!("missed {number}")).await;
        }
    };
    page.look_away(meanwhile, 3).await;
    page.until("titles.some((title) => title.startsWith('(3) '))").await;
    page.until("!document.title.startsWith('(')").await;
}

#[tokio::test]
async fn the_menu_knows_the_rooms_of_this_browser_until_they_are_forgotten() {
    let server = Server::start().await;
    let page = Browser::open(&format!("http://{}/garden", server.address())).await;
    page.js("localStorage.setItem('millchat:rooms', JSON.stringify(['garden', '<img src=x>', 7, 'javascript:x']))")
        .await;
    for room in ["kitchen", "lobby"] {
        page.go(&format!("http://{}/{room}", server.address())).await;
    }
    page.click("#more").await;
    let links = "return [...document.querySelectorAll('#lately li a')].map((a) => [a.textContent, a.getAttribute('href')])";
    assert_eq!(page.js(links).await, json!([["garden", "/garden"], ["kitchen", "/kitchen"]]));
    page.click("#lately .link").await;
    page.until("document.querySelector('#lately').hidden").await;
    page.click("#menu a[href='/new']").await;
    page.until("location.pathname.length === 33").await;
    page.click("#more").await;
    assert_eq!(page.js(links).await, json!([["lobby", "/lobby"]]));
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn the_menu_lists_rooms_by_name_as_the_language_of_its_reader_has_them() {
    let server = Server::start().await;
    for (languages, broken) in [("de", false), ("en-US", true)] {
        let page = Browser::open_in("about:blank", languages).await;
        if broken {
            page.before_pages("Intl.Collator = class { constructor() { throw new RangeError(); } };").await;
        }
        for room in ["garden", "room-10", "room-9", "Attic", "kitchen", "lobby"] {
            page.go(&format!("http://{}/{room}", server.address())).await;
        }
        page.click("#more").await;
        let links =
            page.js("return [...document.querySelectorAll('#lately li a')].map((a) => a.textContent)").await;
        let expected = if broken {
            json!(["Attic", "garden", "kitchen", "room-10", "room-9"])
        } else {
            json!(["Attic", "garden", "kitchen", "room-9", "room-10"])
        };
        assert_eq!(links, expected);
        // The rooms that were open last are the ones that are kept.
        let kept = page.js("return JSON.parse(localStorage.getItem('millchat:rooms'))[0]").await;
        assert_eq!(kept, "lobby");
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn a_screen_reader_is_told_what_is_new_and_nothing_of_what_is_fetched() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..150 {
        api.say("lobby", &carol, &format!("old {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.until_messages(100).await;
    // All that elements say that are read out when they change, by the rules of ARIA.
    page.js("window.told = [];
         const polite = ':is([role=log], [role=status], [role=alert], [aria-live])';
         const isLive = (node) => {
             const region = (node instanceof Element ? node : node.parentElement)?.closest(polite);
             return region && region.getAttribute('aria-live') !== 'off' && region.getAttribute('aria-busy') !== 'true';
         };
         new MutationObserver((records) => {
             for (const { target, addedNodes } of records)
                 if (isLive(target)) told.push(...[...addedNodes].map((node) => node.textContent).filter(Boolean));
         }).observe(document.body, { childList: true, subtree: true });")
        .await;
    page.js("document.querySelector('#scroller').scrollTop = 0").await;
    page.until_messages(150).await;
    let at = api.say("lobby", &carol, "fresh fish").await;
    page.until_messages(151).await;
    page.until("told.some((line) => line.includes('Carol') && line.includes('fresh fish'))").await;
    api.react(&carol, ("lobby", at), "👍", true).await.expect(204);
    api.edit("lobby", &carol, at, "regretted").await.expect(200);
    api.delete("lobby", &carol, at).await.expect(204);
    page.until("document.querySelector('#messages .deleted')").await;
    assert!(!page.js("return document.documentElement.outerHTML").await.to_string().contains("fresh fish"));
    for number in 0..20 {
        api.say("lobby", &carol, &format!("one of many {number}")).await;
    }
    page.until_messages(171).await;
    page.say("my own").await;
    page.until_messages(172).await;
    let told = page.js("return told.filter((line) => /old|👍|regretted|my own/.test(line))").await;
    assert_eq!(told, json!([]));
}

#[tokio::test]
async fn who_came_and_who_went_is_said_for_a_moment_and_a_reload_is_neither() {
    let server = Server::start().await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    // All that the line ever says.
    ada.js("window.said = [];
         new MutationObserver(() => said.push(document.querySelector('#joins').textContent))
             .observe(document.querySelector('#joins'), { childList: true });")
        .await;
    bob.join("Bob").await;
    ada.until("said.some((line) => /^\\u2068\\u2068Bob\\u2069\\u2069 joined$/.test(line))").await;
    bob.reload().await;
    bob.say("still here").await;
    ada.until_text("still here").await;
    bob.go("about:blank").await;
    ada.until("said.some((line) => line.endsWith(' left'))").await;
    let said = ada.js("return said.filter(Boolean)").await;
    assert_eq!(said.as_array().unwrap().len(), 2, "{said}");
    ada.assert_quiet(false).await;
}

#[tokio::test]
async fn where_notifications_cannot_be_made_the_switch_goes_off_again_and_says_so() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    // As on Android, where only workers show them.
    let forbid = "window.isForbidden = true;
         window.Notification = class {
             static permission = 'granted';
             static requestPermission = async () => 'granted';
             constructor() { if (isForbidden) throw new TypeError('Illegal constructor'); }
         };";
    let is_off = "!document.querySelector('#notify').checked && !localStorage.getItem('millchat:notify')
         && document.querySelector('#notify-problem').textContent.startsWith('This browser cannot')";
    page.js(forbid).await;
    page.click("#more").await;
    page.click("#notify").await;
    page.until(is_off).await;
    // One that could before goes off when it no longer can.
    page.js("window.isForbidden = false").await;
    page.click("#notify").await;
    page.until("localStorage.getItem('millchat:notify') === 'on'").await;
    assert!(page.is("document.querySelector('#notify-problem').textContent === ''").await);
    page.js("window.isForbidden = true").await;
    let meanwhile = async {
        api.say("lobby", &carol, "missed").await;
    };
    page.look_away(meanwhile, 1).await;
    page.until(is_off).await;
    page.assert_quiet(false).await;
}
