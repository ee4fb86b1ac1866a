//! The way back to a page with a panel that the browser has kept whole: its stream was closed meanwhile and goes on where
//! it was, and it shows nothing of somebody who may not be its reader any more.

use serde_json::json;

use super::NOTHING_WAITS;
use super::embed::{READY, chat, enter, open_panel, page};
use super::identify::{self, enter_as, whole};
use crate::support::site::{Page, Site};
use crate::support::{Browser, LOOK_EVERY};

/// A page of the site without a panel.
fn elsewhere() -> Page {
    Page { path: "/elsewhere", html: "<!DOCTYPE html><title>Elsewhere</title>".to_owned(), ..Page::default() }
}

/// Follows a link of the host, to this address.
async fn follow(browser: &Browser, url: &str) {
    browser
        .js_with("window.isKept = true; setTimeout(() => { location.href = arguments[0] })", vec![json!(url)])
        .await;
    while browser.url().await != url {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Goes back. Fails unless the browser has kept the page.
async fn go_back(browser: &Browser) {
    browser.js("setTimeout(() => history.back())").await;
    browser.until("window.Millchat?.version").await;
    let reasons = browser
        .js("return JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)")
        .await;
    assert!(browser.is("window.isKept").await, "the browser has not kept the page: {reasons}");
}

#[tokio::test]
async fn a_page_that_the_browser_keeps_has_no_stream_and_goes_on_where_it_was_on_the_way_back() {
    let server = chat().await;
    let api = server.api();
    let site = Site::start(vec![page(&server, "/", "data-room=support", ""), elsewhere()]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.join_with("Ada", "before").await;
    browser.keys("#draft", "a draft").await;
    browser.js("window.isTheSame = true").await;
    browser.leave_frame().await;
    api.until_present("support", 1).await;
    let bob = api.guest("Bob").await;
    for round in 0..2 {
        follow(&browser, &site.url("/elsewhere")).await;
        api.until_present("support", 0).await;
        api.say("support", &bob, &format!("meanwhile {round}")).await;
        go_back(&browser).await;
        api.until_present("support", 1).await;
        enter(&browser).await;
        assert!(browser.is("window.isTheSame").await, "the frame was kept too");
        browser.until_messages(2 + round).await;
        browser.leave_frame().await;
    }
    enter(&browser).await;
    browser.js("document.querySelector('#draft').value = ''").await;
    browser.say("after").await;
    browser.until_messages(4).await;
    browser.until(NOTHING_WAITS).await;
    assert_eq!(browser.texts().await, ["before", "meanwhile 0", "meanwhile 1", "after"]);
    browser.leave_frame().await;
    browser.assert_quiet(true).await;
}

/// A page that vouches for whoever is signed in at the site, as a cookie of it would say.
const SESSION: &str = "<script>(window.Millchat ||= []).push((m) => m.identify(async () => sessionStorage.user || null))</script>";

#[tokio::test]
async fn a_page_that_is_brought_back_shows_nothing_before_the_site_has_said_who_reads_it_now() {
    let (server, _secret) = identify::chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=team", SESSION), elsewhere()]).await;
    let browser = Browser::open("about:blank").await;
    browser.go(&site.url("/elsewhere")).await;
    let sign_in = "sessionStorage.user = arguments[0]";
    browser.js_with(sign_in, vec![json!(identify::ada())]).await;
    browser.go(&site.url("/")).await;
    open_panel(&browser).await;
    enter_as(&browser, "Ada").await;
    browser.say("of Ada").await;
    browser.until("document.querySelector('.msg.mine')").await;
    browser.keys("#draft", "a secret of Ada").await;
    // What the frame shows when it is brought back, as it is then.
    browser
        .js("window.isTheSame = true;
             addEventListener('pageshow', () => {
                 localStorage.setItem('test:shown', document.documentElement.getClientRects().length);
             })")
        .await;
    browser.leave_frame().await;
    // Still her.
    follow(&browser, &site.url("/elsewhere")).await;
    go_back(&browser).await;
    enter(&browser).await;
    browser.until("window.isTheSame && !document.documentElement.hidden").await;
    assert_eq!(browser.js("return localStorage.getItem('test:shown')").await, "0");
    browser.js("localStorage.removeItem('test:shown')").await;
    assert_eq!(browser.js("return document.querySelector('#draft').value").await, "a secret of Ada");
    browser.leave_frame().await;
    // Another one has signed in.
    follow(&browser, &site.url("/elsewhere")).await;
    browser.js_with(sign_in, vec![json!(identify::bob())]).await;
    go_back(&browser).await;
    enter_as(&browser, "Bob").await;
    assert_eq!(browser.js("return localStorage.getItem('test:shown')").await, "0");
    assert!(!whole(&browser).await.contains("a secret of Ada"), "{}", whole(&browser).await);
    browser.say("of Bob").await;
    browser.until("document.querySelectorAll('.msg.mine').length === 1").await;
    browser.keys("#draft", "a secret of Bob").await;
    browser.leave_frame().await;
    // Nobody.
    follow(&browser, &site.url("/elsewhere")).await;
    browser.js("sessionStorage.removeItem('user')").await;
    go_back(&browser).await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until("document.querySelector('#denied:not([hidden])')").await;
    let whole = whole(&browser).await;
    assert!(!whole.contains("of Ada") && !whole.contains("of Bob"), "{whole}");
    assert!(!whole.contains("\"u_"), "no key of an author: {whole}");
}

#[tokio::test]
async fn two_pages_that_vouch_for_two_users_never_show_or_write_as_the_other_on_the_way_back() {
    let (server, _secret) = identify::chat().await;
    let vouching = |token: String| {
        format!("<script>(window.Millchat ||= []).push((m) => m.identify(async () => '{token}'))</script>")
    };
    let site = Site::start(vec![
        page(&server, "/", "data-room=team", &vouching(identify::ada())),
        page(&server, "/next", "data-room=team", &vouching(identify::bob())),
    ])
    .await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter_as(&browser, "Ada").await;
    browser.keys("#draft", "a secret of Ada").await;
    browser.leave_frame().await;
    follow(&browser, &site.url("/next")).await;
    enter_as(&browser, "Bob").await;
    assert!(!whole(&browser).await.contains("of Ada"));
    browser.say("of Bob").await;
    browser.until("document.querySelectorAll('.msg.mine').length === 1").await;
    browser.keys("#draft", "a secret of Bob").await;
    browser.leave_frame().await;
    // The browser may have kept that page, or load it again.
    browser.js("setTimeout(() => history.back())").await;
    browser.until(&format!("location.pathname === '/' && {READY}")).await;
    enter_as(&browser, "Ada").await;
    browser.until_text("of Bob").await;
    assert!(!whole(&browser).await.contains("a secret of Bob"), "{}", whole(&browser).await);
    browser.js("document.querySelector('#draft').value = ''").await;
    browser.say("of Ada").await;
    browser.until("document.querySelectorAll('.msg.mine').length === 1").await;
    let rows = browser.rows().await;
    assert_eq!(rows.iter().map(|(_, _, text)| &**text).collect::<Vec<_>>(), ["of Bob", "of Ada"]);
    assert_ne!(rows[0].1, rows[1].1);
}
