//! People sign in from a panel, with real Chromium: in a window of its own, and by a click there.

use serde_json::json;

use super::SignIns;
use super::browser::{at_provider, picture};
use crate::browser::embed::{enter, open_panel, page};
use crate::browser::looks::violations;
use crate::support::site::Site;
use crate::support::{Browser, LOOK_EVERY, within};

async fn start() -> SignIns {
    SignIns::start_with_first("embed-origins = [\"http://localhost:*\"]", "", "").await
}

/// Goes to the window that was opened last, once it is there.
async fn enter_window(browser: &Browser) {
    let here = browser.here().await;
    within("another window", async {
        loop {
            let others = browser.windows().await;
            if let Some(other) = others.into_iter().find(|window| *window != here) {
                return browser.switch_to(other).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_guest_of_a_panel_signs_in_in_a_window_and_keeps_draft_and_messages() {
    let signs = start().await;
    let events = "<script>window.said = []; (window.Millchat ||= []).push((m) =>
        m.on('identity', ({ author }) => said.push(author.name)));</script>";
    let site = Site::start(vec![page(&signs.server, "/", "data-room=lobby", events)]).await;
    let browser = Browser::open(&site.url("/")).await;
    let host = browser.here().await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.join_with("Guest Ada", "written as a guest").await;
    browser.until("document.querySelector('.msg.mine')").await;
    browser.keys("#draft", "a draft").await;
    picture(&browser, "panel-guest").await;
    browser.click("#sign-in").await;
    enter_window(&browser).await;
    browser.until("document.querySelector('.logins a')").await;
    browser.click(".logins a").await;
    at_provider(&browser, "ada").await;
    browser.until("document.querySelector('#ask:not([hidden]) button')").await;
    assert_eq!(violations(&browser).await, json!([]));
    picture(&browser, "panel-window").await;
    // Nothing is said without a click.
    browser.switch_to(host.clone()).await;
    assert_eq!(browser.js("return said").await, json!(["Guest Ada"]));
    enter_window(&browser).await;
    browser.click("#ask button").await;
    browser.switch_to(host.clone()).await;
    browser.until("said.includes('Ada Lovelace')").await;
    assert_eq!(browser.windows().await.len(), 1, "the window is closed");
    enter(&browser).await;
    browser.until("document.querySelector('#composer').dataset.authorName === 'Ada Lovelace'").await;
    browser.until("document.querySelector('#draft').value === 'a draft'").await;
    picture(&browser, "panel-user").await;
    assert_eq!(violations(&browser).await, json!([]));
    // What she wrote as a guest is hers, and what others write still comes.
    browser.until("document.querySelector('.msg.mine')").await;
    browser.say("and as a user").await;
    browser.until("document.querySelectorAll('.msg.mine').length === 2").await;
    let api = signs.server.api();
    api.say("lobby", &api.guest("Bob").await, "Hello Ada").await;
    browser.until_text("Hello Ada").await;
    assert!(
        !browser
            .js("return JSON.stringify([localStorage, sessionStorage])")
            .await
            .to_string()
            .contains("panel-")
    );
    // Signed out she is the guest again, whom the browser kept.
    browser.click("#sign-out").await;
    browser.until("document.querySelector('#composer')?.dataset.authorName === 'Guest Ada'").await;
    browser.leave_frame().await;
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn a_message_that_is_not_of_the_window_of_the_panel_signs_nobody_in() {
    let signs = start().await;
    let events = "<script>window.wrong = []; (window.Millchat ||= []).push((m) =>
        m.on('error', ({ code }) => wrong.push(code)));</script>";
    let site = Site::start(vec![page(&signs.server, "/", "data-room=lobby", events)]).await;
    let browser = Browser::open(&site.url("/")).await;
    let host = browser.here().await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.js("window.asked = ''; const open = window.open; window.open = (...how) => { asked = how[0]; return open(...how); }").await;
    browser.click("#sign-in").await;
    enter_window(&browser).await;
    browser.until("document.querySelector('.logins a')").await;
    // A window with the wrong number.
    browser.js("opener.postMessage({ kind: 'signed-in', number: '0'.repeat(32), token: 'x.y' }, location.origin)").await;
    let popup = browser.here().await;
    browser.switch_to(host.clone()).await;
    enter(&browser).await;
    let number = browser.js("return new URLSearchParams(new URLSearchParams(asked.split('?')[1]).get('to').split('?')[1]).get('panel')").await;
    assert_eq!(number.as_str().unwrap().len(), 32);
    // This very document, and the page around it, with the right one.
    let forged = json!({ "kind": "signed-in", "number": number, "token": "x.y" });
    browser.js_with("window.postMessage(arguments[0], '*')", vec![forged.clone()]).await;
    browser.leave_frame().await;
    browser.js_with("document.querySelector('mill-chat').shadowRoot.querySelector('iframe').contentWindow.postMessage(arguments[0], '*')", vec![forged]).await;
    enter(&browser).await;
    browser.join_with("Guest", "still a guest").await;
    browser.until("document.querySelector('.msg.mine')").await;
    assert_eq!(browser.js("return document.querySelector('#composer').dataset.authorName").await, "Guest");
    // No token was even tried.
    browser.leave_frame().await;
    assert_eq!(browser.js("return wrong").await, json!([]));
    browser.switch_to(popup).await;
}

#[tokio::test]
async fn where_the_window_is_kept_apart_it_goes_on_as_the_whole_room() {
    let signs = start().await;
    let origin = format!("http://{}", signs.server.address());
    let to = format!("/auth/done%3Fpanel%3D{}%26room%3Dlobby", "0".repeat(32));
    let browser = Browser::open(&format!("{origin}/auth?to={to}")).await;
    browser.click(".logins a").await;
    at_provider(&browser, "ada").await;
    browser.until("document.querySelector('#alone:not([hidden]) a')").await;
    assert!(browser.is("document.querySelector('#ask').hidden").await);
    assert_eq!(violations(&browser).await, json!([]));
    picture(&browser, "panel-window-apart").await;
    browser.click("#alone a").await;
    browser.until("location.pathname === '/lobby' && document.querySelector('#composer')?.dataset.authorName === 'Ada Lovelace'").await;
}
