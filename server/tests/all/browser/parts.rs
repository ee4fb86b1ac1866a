//! Parts of the script fail, one by one, in browsers that lack something, refuse it or tell nonsense: the
//! page still reads and sends.

use serde_json::json;
use thirtyfour::prelude::*;

use super::room_url;
use crate::support::{Browser, Guest, Server};

/// Faults of browsers: parts that they lack or refuse, and values that they make up.
const BROKEN: [(&str, &str); 31] = [
    ("no notifications", "delete window.Notification"),
    ("notifications undefined", "window.Notification = undefined"),
    ("notifications that throw", "Object.defineProperty(Notification, 'permission', { get() { throw new Error() } })"),
    ("no sound", "delete window.AudioContext"),
    ("no Intl", "window.Intl = undefined"),
    ("no Intl.Locale", "delete Intl.Locale"),
    ("no Intl.ListFormat", "delete Intl.ListFormat"),
    ("no Intl.PluralRules", "delete Intl.PluralRules"),
    ("no Intl.NumberFormat", "delete Intl.NumberFormat"),
    ("no Intl.DateTimeFormat", "delete Intl.DateTimeFormat"),
    (
        "formats that refuse",
        "for (const name of ['Locale', 'ListFormat', 'PluralRules', 'NumberFormat', 'DateTimeFormat'])
             Intl[name] = class { constructor() { throw new RangeError('Incorrect locale information provided') } }",
    ),
    (
        "formats that fail later",
        "for (const name of ['ListFormat', 'NumberFormat', 'DateTimeFormat'])
             Intl[name].prototype.format = () => { throw new RangeError() };
         Object.defineProperty(Intl.DateTimeFormat.prototype, 'format', { get() { throw new RangeError() } })",
    ),
    ("a POSIX locale", "Object.defineProperty(navigator, 'languages', { value: ['en-US@posix'] })"),
    ("a locale with an encoding", "Object.defineProperty(navigator, 'languages', { value: ['en_US.UTF-8', 'en'] })"),
    ("a locale that is none", "Object.defineProperty(navigator, 'languages', { value: ['en-', 'en-!', '', '*'] })"),
    ("locales that are no texts", "Object.defineProperty(navigator, 'languages', { value: [null, 7, {}] })"),
    ("no locales", "Object.defineProperty(navigator, 'languages', { value: undefined })"),
    ("locales that throw", "Object.defineProperty(navigator, 'languages', { get() { throw new Error() } })"),
    ("no channel between tabs", "delete window.BroadcastChannel"),
    ("a channel that is refused", "window.BroadcastChannel = class { constructor() { throw new Error() } }"),
    ("no locks", "Object.defineProperty(navigator, 'locks', { value: undefined })"),
    ("locks that throw", "Object.defineProperty(navigator, 'locks', { get() { throw new DOMException() } })"),
    (
        "locks that are refused",
        "const refuse = async () => { throw new DOMException('denied', 'SecurityError') };
         Object.defineProperty(navigator, 'locks', { value: { request: refuse, query: refuse } })",
    ),
    (
        "storage that throws",
        "for (const area of ['localStorage', 'sessionStorage'])
             Object.defineProperty(window, area, { get() { throw new DOMException('denied', 'SecurityError') } })",
    ),
    (
        "storage that is full",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
    ),
    (
        "storage that holds nonsense",
        "for (const name of ['unsent', 'draft', 'reply', 'seen', 'unsaved'])
             for (const area of [localStorage, sessionStorage]) area.setItem(`millchat:${name}:lobby`, '[null, 7, {}]');
         localStorage.setItem('millchat:rooms', '{\"a\":1}'); localStorage.removeItem('millchat:draft:lobby')",
    ),
    ("no random ids", "delete Crypto.prototype.randomUUID"),
    ("no random numbers", "Object.defineProperty(window, 'crypto', { value: undefined })"),
    ("no media queries", "window.matchMedia = undefined; window.CSS = undefined"),
    ("no observer of sizes", "delete window.ResizeObserver"),
    ("no dialogs and no popovers", "delete window.HTMLDialogElement; delete HTMLElement.prototype.showPopover"),
];

#[tokio::test]
async fn when_one_part_of_the_script_fails_the_page_still_reads_and_sends() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open("about:blank").await;
    for (what, script) in BROKEN {
        let found = read_and_send(&page, &server, &carol, script).await;
        found.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

/// One who joins, sends, reads live and reads again, in a browser in which this script ran first.
async fn read_and_send(page: &Browser, server: &Server, carol: &Guest, script: &str) -> Result<(), String> {
    let added = page
        .ask("Page.addScriptToEvaluateOnNewDocument", json!({ "source": format!("{{ {script} }}") }))
        .await;
    page.cdp("Network.clearBrowserCookies", json!({})).await;
    page.go(&room_url(server)).await;
    let before = page.texts().await.len();
    page.join("Ada").await;
    page.say("by the page").await;
    page.until_messages(before + 1).await;
    page.until("document.querySelectorAll('#outbox li').length === 0").await;
    server.api().say("lobby", carol, "by the API").await;
    page.until_messages(before + 2).await;
    let texts = page.texts().await;
    if texts[before..] != ["by the page", "by the API"] {
        return Err(format!("the page shows {texts:?}"));
    }
    let times = page
        .js("return [...document.querySelectorAll('#messages time')].map((time) => time.textContent)")
        .await;
    if times
        .as_array()
        .unwrap()
        .iter()
        .any(|time| !time.as_str().unwrap().contains(|c: char| c.is_ascii_digit()))
    {
        return Err(format!("the page shows the times {times}"));
    }
    page.reload().await;
    page.until_messages((before + 2).min(100)).await;
    page.cdp("Page.removeScriptToEvaluateOnNewDocument", json!({ "identifier": added["identifier"] })).await;
    page.js("try { localStorage.clear(); sessionStorage.clear(); } catch {}").await;
    Ok(())
}

#[tokio::test]
async fn a_page_whose_whole_script_fails_is_one_without_script() {
    let server = Server::start().await;
    let page = Browser::open("about:blank").await;
    // Neither the client nor the script gets far without it.
    page.before_pages("window.MutationObserver = undefined").await;
    page.go(&room_url(&server)).await;
    page.keys("#name", "Ada".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#writer')").await;
    page.keys("#draft", "first").await;
    page.click("#writer .send").await;
    page.until_messages(1).await;
    assert_eq!(page.texts().await, ["first"]);
    assert_eq!(page.js("return document.querySelector('#draft').value").await, "", "it is no draft any more");
    page.keys("#draft", "second".to_owned() + Key::Enter).await;
    page.until_messages(2).await;
}

#[tokio::test]
async fn a_module_that_throws_stops_no_other_and_is_reported() {
    let server = Server::start().await;
    let page = Browser::open("about:blank").await;
    // The list of rooms fails as it is run, and modules behind it are to run.
    page.before_pages(
        "const replace = Element.prototype.replaceChildren;
        Element.prototype.replaceChildren = function (...nodes) {
            if (this.parentElement?.id === 'lately') throw new Error('broken on purpose');
            return replace.apply(this, nodes);
        };",
    )
    .await;
    page.go(&room_url(&server)).await;
    page.join("Ada").await;
    page.say("hello").await;
    page.until_messages(1).await;
    page.until("document.querySelectorAll('#outbox li').length === 0").await;
    let log = page.log().await;
    assert!(log.iter().any(|entry| entry.message.contains("broken on purpose")), "{log:?}");
}
