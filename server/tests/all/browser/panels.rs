//! Panels of a host's page: where they stand, what their settings change, and how they go.

use serde_json::json;
use thirtyfour::prelude::*;

use super::embed::{BUTTON, READY, ROOT, chat, enter, open_panel, origin, page, until_badge};
use crate::support::site::{Page, Site};
use crate::support::{Browser, Server};

/// A page with several scripts, which have these attributes.
fn page_of_several(server: &Server, attributes: &[&str]) -> Page {
    let script = |one: &&str| format!("<script src=\"{}/embed.js\" {one} async></script>", origin(server));
    let scripts: Vec<String> = attributes.iter().map(script).collect();
    page(server, "/", "data-room=first", &scripts.concat())
}

#[tokio::test]
async fn buttons_at_one_side_stand_above_each_other_and_those_of_the_other_side_do_not_count() {
    let server = chat().await;
    let others = [
        "data-room=second data-side=end",
        "data-room=third data-side=start",
        "data-room=fourth data-side=up",
    ];
    let hidden = ["data-room=fifth data-launcher=off", "data-room=sixth data-side=end"];
    let site = Site::start(vec![page_of_several(&server, &[&others[..], &hidden[..]].concat())]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until("document.querySelectorAll('mill-chat').length === 6").await;
    let places = browser
        .js("const panels = [...document.querySelectorAll('mill-chat')];
             const places = panels.map((panel) => {
                 const { left, bottom, height } = panel.shadowRoot.querySelector('#launcher').getBoundingClientRect();
                 return [panel.getAttribute('side') === 'start', left < innerWidth / 2, height && innerHeight - bottom];
             });
             return places.sort((one, other) => one[0] - other[0] || one[2] - other[2])")
        .await;
    let at_end = [0, 20, 88, 156, 224].map(|up| json!([false, up == 0, up]));
    assert_eq!(places, json!([&at_end[..], &[json!([true, true, 20])]].concat()));
}

#[tokio::test]
async fn a_panel_that_is_destroyed_is_gone_and_the_others_stay() {
    let server = chat().await;
    let site = Site::start(vec![page_of_several(&server, &["data-room=second"])]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until("document.querySelectorAll('mill-chat').length === 2").await;
    browser.js("Millchat.panel('first').open(); Millchat.panel('second').open()").await;
    browser.js("window.gone = Millchat.panel('first'); gone.destroy(); document.body.className = 'x'").await;
    // What is put back is put back in the next frame.
    browser
        .js("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        .await;
    let left = browser
        .js("return [...document.querySelectorAll('mill-chat')].map((panel) => panel.getAttribute('room'))")
        .await;
    assert_eq!(left, json!(["second"]));
    assert!(browser.is("Millchat.panel('first') === undefined && Millchat.panel('second').isOpen").await);
    assert_eq!(browser.js("return Object.keys(sessionStorage)").await, json!(["millchat:second"]));
    // It hears of no attribute any more.
    browser.js("document.querySelector('script[data-room=first]').dataset.theme = 'dark'; gone.open()").await;
    assert!(browser.is("document.querySelectorAll('mill-chat').length === 1 && !gone.isOpen").await);
    let bottom = format!("innerHeight - {ROOT}.querySelector('#launcher').getBoundingClientRect().bottom");
    assert_eq!(browser.js(&format!("return {bottom}")).await, 20, "the other one takes its place");
}

#[tokio::test]
async fn two_panels_that_fill_a_phones_screen_leave_the_page_as_it_was() {
    let server = chat().await;
    let site = Site::start(vec![page_of_several(&server, &["data-room=second"])]).await;
    let browser = Browser::open_phone(&site.url("/"), 390, 700).await;
    browser.until("document.querySelectorAll('mill-chat').length === 2").await;
    let states = browser
        .js("const rests = () => [document.body.inert, document.adoptedStyleSheets.length];
             const [first, second] = ['first', 'second'].map((room) => Millchat.panel(room));
             const states = [];
             for (const step of [first.open, second.open, first.close, second.close]) {
                 step();
                 states.push(rests());
             }
             return states")
        .await;
    assert_eq!(states, json!([[true, 1], [true, 1], [true, 1], [false, 0]]));
}

#[tokio::test]
async fn a_body_that_takes_the_place_of_the_one_behind_a_panel_rests_too() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", "")]).await;
    let browser = Browser::open_phone(&site.url("/"), 390, 700).await;
    open_panel(&browser).await;
    browser.js("document.body.replaceWith(document.createElement('body'))").await;
    browser.until("document.body.inert").await;
    browser.js("Millchat.close()").await;
    assert!(browser.is("!document.body.inert").await);
}

#[tokio::test]
async fn the_script_finds_its_element_where_the_host_has_taken_the_name_of_it() {
    let server = chat().await;
    let other = "<img name=\"currentScript\" alt=\"\"><script src=\"/embed.js\"></script>";
    let site = Site::start(vec![
        page(&server, "/", "data-room=support", other),
        Page { path: "/embed.js", html: "window.other = true".to_owned(), ..Page::default() },
    ])
    .await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until(BUTTON).await;
    assert!(browser.is("window.other && document.currentScript instanceof HTMLImageElement").await);
    open_panel(&browser).await;
}

#[tokio::test]
async fn a_policy_that_only_reports_blocks_nothing() {
    let server = chat().await;
    let headers = vec![("Content-Security-Policy-Report-Only", "frame-src 'none'".to_owned())];
    let site = Site::start(vec![Page { headers, ..page(&server, "/", "data-room=support", "") }]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until(BUTTON).await;
    browser
        .js("window.codes = [];
             Millchat.on('error', ({ code }) => codes.push(code));
             document.addEventListener('securitypolicyviolation', () => { window.reported = true });
             Millchat.open()")
        .await;
    browser.until("window.reported").await;
    browser.until(READY).await;
    assert_eq!(browser.js("return codes").await, json!([]));
}

#[tokio::test]
async fn a_change_of_one_attribute_leaves_what_was_set_and_a_removed_one_is_the_default() {
    let server = chat().await;
    let attributes = "data-room=support data-label=Ask data-side=start";
    let site = Site::start(vec![page(&server, "/", attributes, "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until(BUTTON).await;
    let settings = format!(
        "return [{ROOT}.querySelector('#launcher').title, getComputedStyle({ROOT}.querySelector('#launcher')).left]"
    );
    browser
        .js("Millchat.set({ label: 'Help' }); document.querySelector('script').dataset.theme = 'dark'")
        .await;
    browser.until("document.querySelector('mill-chat').getAttribute('theme') === 'dark'").await;
    assert_eq!(browser.js(&settings).await, json!(["Help", "20px"]));
    browser.js("document.querySelector('script').removeAttribute('data-side')").await;
    browser.until("document.querySelector('mill-chat').getAttribute('side') !== 'start'").await;
    let after = browser.js(&settings).await;
    assert_eq!(after[0], "Help");
    assert_ne!(after[1], "20px");
    assert_eq!(browser.js("Millchat.set({ label: '' }); return Millchat.isOpen").await, false);
    assert_eq!(browser.js(&settings).await[0], "Chat", "an empty text is the default");
}

#[tokio::test]
async fn several_settings_at_once_load_the_frame_once_and_an_empty_title_is_that_of_the_room() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support data-title=Ask", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    browser
        .js(&format!(
            "window.frames_made = 0;
             new MutationObserver((records) => {{
                 for (const {{ addedNodes }} of records) frames_made += addedNodes.length;
             }}).observe({ROOT}.querySelector('#panel'), {{ childList: true }});
             Millchat.set({{ room: 'sales', lang: 'de', theme: 'dark' }})"
        ))
        .await;
    browser.until(READY).await;
    assert_eq!(browser.js("return frames_made").await, 1);
    enter(&browser).await;
    let shown = "const { lang, dataset } = document.documentElement;
                 return [document.body.dataset.room, lang, document.querySelector('h1').textContent, dataset.theme]";
    assert_eq!(browser.js(shown).await, json!(["sales", "de", "Ask", "dark"]));
    browser.leave_frame().await;
    browser.js("Millchat.set({ title: '' })").await;
    enter(&browser).await;
    browser.until("document.querySelector('h1').textContent === 'sales'").await;
}

#[tokio::test]
async fn a_host_that_turns_dark_turns_the_open_panel_dark() {
    let server = chat().await;
    let body = "<style>:root { color-scheme: light } :root.night { color-scheme: dark }</style>";
    let site = Site::start(vec![page(&server, "/", "data-room=support", body)]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    for (class, theme) in [("night", "dark"), ("", "light")] {
        browser.leave_frame().await;
        browser.js(&format!("document.documentElement.className = '{class}'")).await;
        enter(&browser).await;
        browser.until(&format!("document.documentElement.dataset.theme === '{theme}'")).await;
    }
}

#[tokio::test]
async fn escape_closes_a_panel_that_floats_and_none_that_is_in_the_page() {
    let server = chat().await;
    let body = "<mill-chat room=\"support\"></mill-chat>";
    let site = Site::start(vec![page(&server, "/", "", body)]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    browser.js("window.heard = 0; Millchat.on('message', () => { heard += 1 })").await;
    enter(&browser).await;
    browser.keys("#draft", Key::Escape + "").await;
    // What comes after it by the channel has come after it.
    let bob = server.api().guest("Bob").await;
    server.api().say("support", &bob, "hello").await;
    browser.leave_frame().await;
    browser.until("heard === 1").await;
    assert!(browser.is("Millchat.isOpen").await);
    enter(&browser).await;
    browser.click("#shut").await;
    browser.leave_frame().await;
    browser.until("!Millchat.isOpen").await;
}

#[tokio::test]
async fn a_burst_of_messages_is_shown_once_in_the_next_picture() {
    let server = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=support", "")]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    browser
        .js("Millchat.close();
             window.heard = 0;
             window.drawn = 0;
             window.pictures = [];
             Millchat.on('message', () => { heard += 1 });
             window.requestAnimationFrame = (picture) => pictures.push(picture);
             const { replaceSync } = CSSStyleSheet.prototype;
             CSSStyleSheet.prototype.replaceSync = function (text) { drawn += 1; replaceSync.call(this, text) }")
        .await;
    let bob = server.api().guest("Bob").await;
    for number in 0..5 {
        server.api().say("support", &bob, &format!("hello {number}")).await;
    }
    browser.until("heard === 5 && Millchat.unread === 5").await;
    assert_eq!(browser.js("return [drawn, pictures.length]").await, json!([0, 1]));
    browser.js("pictures[0]()").await;
    until_badge(&browser, "5").await;
    assert_eq!(browser.js("return drawn").await, 1);
}
