//! Pages around a panel that the settings do not name: they show no panel, whatever page of theirs or of others is in
//! between, and no word of them is obeyed.

use super::embed::{BUTTON, READY, ROOT, chat, enter, open_panel, page};
use crate::support::Browser;
use crate::support::site::{Page, Site};

/// Fails unless the browser has refused to show the panel in the frame.
async fn assert_refused(browser: &Browser) {
    enter(browser).await;
    browser.until("location.protocol === 'chrome-error:'").await;
    browser.leave_frame().await;
}

/// Fails unless it says that this was by the policy of the panel.
async fn assert_by_policy(browser: &Browser) {
    let said = browser.log().await;
    assert!(said.iter().any(|entry| entry.message.contains("frame-ancestors")), "{said:?}");
}

/// A page with a frame of this address.
fn around(path: &'static str, address: &str) -> Page {
    let html = format!(
        "<!DOCTYPE html><title>Around</title><iframe width=900 height=700 src=\"{address}\"></iframe>"
    );
    Page { path, html, ..Page::default() }
}

/// Forges what the page around a panel says, for a window below this one, and counts the answers.
const FORGE: &str = "window.answers ??= 0;
    window.forge = (below) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => { window.answers += 1 };
        below.postMessage({ kind: 'hello' }, '*', [port2]);
        port1.postMessage({ kind: 'set', title: 'forged', name: 'forged' });
        for (const kind of ['close', 'identity', 'shown', 'set']) below.postMessage({ kind, token: 'x.y.z', title: 'forged' }, '*');
    };";

#[tokio::test]
async fn a_site_of_the_settings_in_a_page_of_another_site_shows_no_panel() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", "")]).await;
    let other = Site::start(vec![around("/", &site.url("/"))]).await;
    let browser = Browser::open(&other.url("/").replace("localhost", "127.0.0.1")).await;
    let inner = "document.querySelector('iframe')";
    browser.enter_found(inner).await;
    browser.until(BUTTON).await;
    browser.js("Millchat.on('error', ({ code }) => { window.code = code }); Millchat.open()").await;
    assert_refused(&browser).await;
    assert_by_policy(&browser).await;
    browser.enter_found(inner).await;
    assert!(!browser.is(READY).await);
    // What that page says to the frames is heard by nobody.
    browser.leave_frame().await;
    browser.js(&format!("{FORGE} forge(frames[0])")).await;
    assert!(
        browser.is("frames[0].length === 0").await,
        "it has no way to a frame in the shadow of an element"
    );
    browser.enter_found(inner).await;
    browser.until("window.code === 'unreachable'").await;
    assert!(!browser.is(READY).await);
    browser.leave_frame().await;
    assert_eq!(browser.js("return answers").await, 0);
}

#[tokio::test]
async fn a_page_around_the_page_around_a_panel_is_obeyed_by_nobody() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", ""), around("/around", "/")]).await;
    let browser = Browser::open(&site.url("/around")).await;
    let inner = "document.querySelector('iframe')";
    browser.enter_found(inner).await;
    browser.until(BUTTON).await;
    // From before the frame is there, all the time: the page between them is of the same site, and shows it the frame.
    browser.leave_frame().await;
    browser
        .js(&format!(
            "{FORGE}
             setInterval(() => {{
                 const panel = frames[0].{ROOT}.querySelector('iframe');
                 if (panel) forge(panel.contentWindow);
             }}, 1)"
        ))
        .await;
    browser.enter_found(inner).await;
    open_panel(&browser).await;
    browser.js("window.heard = 0; Millchat.on('message', () => { heard += 1 })").await;
    enter(&browser).await;
    browser.join_with("Ada", "hello").await;
    assert_eq!(browser.js("return document.querySelector('h1').textContent").await, "support");
    browser.leave_frame().await;
    browser.enter_found(inner).await;
    browser.until("heard === 1 && Millchat.isOpen").await;
    browser.leave_frame().await;
    assert!(browser.is("window.answers === 0").await);
}

#[tokio::test]
async fn a_page_without_an_origin_shows_no_panel() {
    let server = chat().await;
    let html = page(&server, "/", "data-room=support", "").html;
    let address = format!("data:text/html,{}", html.replace('#', "%23"));
    // Such a page may load nothing from this machine, which is where the chat of a test is.
    let browser = Browser::open_by(
        &address,
        &["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"],
    )
    .await;
    browser.until(BUTTON).await;
    browser.js("Millchat.on('error', ({ code }) => { window.code = code })").await;
    browser.click_found(&format!("{ROOT}.querySelector('#launcher')")).await;
    assert_refused(&browser).await;
    assert_by_policy(&browser).await;
    browser.until("window.code === 'unreachable'").await;
    // Nor in a page of a site that the settings name.
    let framed = html.replace('&', "&amp;").replace('"', "&quot;");
    let sandboxed = Page {
        path: "/sandboxed",
        html: format!(
            "<!DOCTYPE html><iframe width=900 height=700 sandbox=\"allow-scripts\" srcdoc=\"{framed}\"></iframe>"
        ),
        ..Page::default()
    };
    let site = Site::start(vec![around("/data", &address.replace('"', "%22")), sandboxed]).await;
    for path in ["/data", "/sandboxed"] {
        browser.go(&site.url(path)).await;
        browser.enter_found("document.querySelector('iframe')").await;
        browser.until(BUTTON).await;
        browser.js("Millchat.open()").await;
        assert_refused(&browser).await;
    }
}
