//! The page beyond its window, when it is asked to act there: notifications, a sound, the rooms of this
//! browser.

use super::room_url;
use crate::support::{Browser, Server};
use serde_json::json;

#[tokio::test]
async fn who_asked_for_it_is_notified_when_nobody_looks_and_only_then() {
    let server = Server::start().await;
    let api = server.api();
    let hostile = api.guest("<img src=x onerror=alert(1)>").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    let origin = format!("http://{}", server.address());
    let granted = json!({ "permissions": ["notifications"], "origin": origin });
    page.cdp("Browser.grantPermissions", granted).await;
    // What the system would show is written down instead.
    page.js("window.shown = [];
         window.Notification = class extends EventTarget {
             static permission = 'granted';
             static requestPermission = async () => 'granted';
             constructor(title, options) { super(); shown.push([title, options.body, options.tag]); }
         };
         window.AudioContext = class { constructor() { window.heard = true; } };")
        .await;
    let off = "!document.querySelector('#notify').checked && !document.querySelector('#sound').checked";
    assert!(page.is(off).await, "off until somebody asks");
    page.click("#more").await;
    page.click("#notify").await;
    page.until("localStorage.getItem('millchat:notify') === 'on'").await;
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
    assert_eq!(page.js(links).await, json!([["kitchen", "/kitchen"], ["garden", "/garden"]]));
    page.click("#lately .link").await;
    page.until("document.querySelector('#lately').hidden").await;
    page.click("#menu a[href='/new']").await;
    page.until("location.pathname.length === 33").await;
    page.click("#more").await;
    assert_eq!(page.js(links).await, json!([["lobby", "/lobby"]]));
    page.assert_quiet(false).await;
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
