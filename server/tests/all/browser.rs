//! The page in real Chromium: people talk, the server dies and comes back, hostile texts stay texts.

mod busy;
mod changing;
mod demo;
pub mod embed;
mod engines;
mod following;
mod formatting;
mod framed;
mod history;
mod hosts;
mod identify;
mod in_panel;
mod languages;
pub mod looks;
mod mentioning;
mod network;
mod notices;
mod panels;
mod parts;
pub mod pictures;
mod places;
mod reacting;
mod replying;
mod searching;
mod sending;
mod smuggled;
mod strict;
mod tabs;
mod way_back;
mod wherever;

use std::collections::HashSet;

use reqwest::Method;
use serde_json::json;
use thirtyfour::prelude::*;

use crate::support::client::answer;
use crate::support::oracle::{assert_clean, read_history, recover, say};
use crate::support::{Api, Browser, Server, within};
use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle};

/// All that was written is sent.
const NOTHING_WAITS: &str = "document.querySelectorAll('#outbox li').length === 0";

/// Allows notifications. The title, text and tag of each are written into `shown` and not to the system.
async fn write_down_notifications(page: &Browser, server: &Server) {
    let origin = format!("http://{}", server.address());
    let granted = json!({ "permissions": ["notifications"], "origin": origin });
    page.cdp("Browser.grantPermissions", granted).await;
    page.js("window.shown = [];
         window.Notification = class extends EventTarget {
             static permission = 'granted';
             static requestPermission = async () => 'granted';
             constructor(title, options) { super(); shown.push([title, options.body, options.tag]); }
         };")
        .await;
}

fn room_url(server: &Server) -> String {
    format!("http://{}/lobby", server.address())
}

/// Holds what a page shows against the room's history, and that against the recovered log: nothing missing,
/// nothing twice, in order, each text as it is now.
async fn assert_shows_all(api: &Api, oracle: &Oracle, browser: &Browser) {
    let history = read_history(api, "lobby", oracle).await;
    let expected: Vec<(u64, String, String)> = history
        .iter()
        .map(|message| {
            let text = message["content"].as_str().unwrap_or("This message was deleted.");
            let author = message["author"]["id"].as_str().unwrap_or_default();
            (message["position"].as_u64().unwrap(), author.to_owned(), text.to_owned())
        })
        .collect();
    assert_eq!(browser.rows().await, expected);
}

#[tokio::test]
async fn two_people_meet_in_a_fresh_room_and_talk() {
    let server = Server::start().await;
    let ada = Browser::open(&format!("http://{}/", server.address())).await;
    let url = ada.url().await;
    assert_eq!(url.rsplit('/').next().unwrap().len(), 32, "{url}");
    ada.join("Ada").await;
    let bob = Browser::open(&url).await;
    bob.join("Ada").await;

    ada.say("hello").await;
    bob.until_messages(1).await;
    bob.keys("#draft", "first line".to_owned() + (Key::Shift + Key::Enter)).await;
    bob.say("second line https://example.org/?a=1&b=2.").await;
    for page in [&ada, &bob] {
        page.until_messages(2).await;
        assert_eq!(page.texts().await, ["hello", "first line\nsecond line https://example.org/?a=1&b=2."]);
        page.until("document.querySelectorAll('#outbox li').length === 0").await;
        let links =
            page.js("return [...document.querySelectorAll('#messages .text a')].map((a) => a.href)").await;
        assert_eq!(links, serde_json::json!(["https://example.org/?a=1&b=2"]));
        // Line breaks are kept, and seen.
        page.until("document.querySelector('#messages > .msg:last-child .text').innerText.includes('\\n')")
            .await;
    }

    // Two of one name are told apart.
    let tags =
        ada.js("return [...document.querySelectorAll('#messages .tag')].map((t) => t.textContent)").await;
    assert_ne!(tags[0], tags[1]);
    ada.until("document.querySelector('#here .count').textContent === '2'").await;
    ada.until("document.querySelectorAll('#presence li').length === 2").await;
    let typing = async {
        while !ada.is("document.querySelector('#typists').textContent.includes('is typing')").await {
            bob.keys("#draft", "so").await;
        }
    };
    within("typing is seen", typing).await;
    assert_eq!(bob.js("return document.querySelector('#typists').textContent").await, "", "not to oneself");

    // A reload shows the same and asks nobody for a name again.
    let before = ada.rows().await;
    ada.reload().await;
    assert_eq!(ada.rows().await, before);
    ada.say("still Ada").await;
    bob.until_text("still Ada").await;
    let author = before[0].1.clone();
    assert_eq!(bob.rows().await[2].1, author);
    for page in [&ada, &bob] {
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn two_quick_messages_both_arrive_in_order() {
    let server = Server::start().await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    let enter = Key::Enter.value();
    let expected: Vec<String> = (0..10).map(|number| format!("quick {number}")).collect();
    ada.keys("#draft", expected.join(&enter.to_string()) + Key::Enter).await;
    for page in [&ada, &bob] {
        page.until_messages(10).await;
        assert_eq!(page.texts().await, expected);
    }
    ada.until("document.querySelectorAll('#outbox li').length === 0").await;
    ada.assert_quiet(false).await;
}

#[tokio::test]
async fn the_server_is_killed_and_comes_back_with_nothing_missing_and_nothing_twice() {
    let mut server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    for number in 0..30 {
        say(&api, &oracle, &carol, &format!("before {number}")).await;
    }
    ada.until_messages(30).await;
    for round in 0..2 {
        server.kill().await;
        ada.until("document.querySelector('#state').textContent.includes('gone')").await;
        // Written while there is nobody to take it: it waits, and is sent once.
        ada.say(&format!("written in the dark {round}")).await;
        server.restart().await;
        let api = server.api();
        for number in 0..30 {
            say(&api, &oracle, &carol, &format!("after {round}-{number}")).await;
        }
        for page in [&ada, &bob] {
            page.until_messages(30 + (round + 1) * 31).await;
            page.until("document.querySelector('#state').className !== 'lost'").await;
        }
        ada.until("document.querySelectorAll('#outbox li').length === 0").await;
    }
    let api = server.api();
    let author = ada.js("return document.querySelector('#composer').dataset.authorId").await;
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "the page");
    for round in 0..2 {
        // The page alone knows of its acknowledgements; that it may be there once at most is the oracle's
        // part.
        sender.unknown(
            round,
            EventDigest::post(author.as_str().unwrap(), &format!("written in the dark {round}")),
        );
    }
    for page in [&ada, &bob] {
        assert_shows_all(&api, &oracle, page).await;
        page.assert_quiet(true).await;
    }
    let texts = ada.texts().await;
    assert_eq!(texts.len(), texts.iter().collect::<HashSet<_>>().len());
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn after_a_lost_network_the_page_catches_up_by_itself() {
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    say(&api, &oracle, &carol, "before").await;
    page.until_messages(1).await;
    // Chromium may keep an open stream alive when it is told to be offline: that the page says so is tested
    // where the server is killed.
    page.offline(true).await;
    // More than a page of history, so that only the stream can bring them.
    for number in 0..150 {
        say(&api, &oracle, &carol, &format!("meanwhile {number}")).await;
    }
    page.offline(false).await;
    page.until_messages(151).await;
    assert_shows_all(&api, &oracle, &page).await;
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_tap_on_a_phone_offers_the_tools_and_presses_none() {
    let server = Server::start().await;
    let page = Browser::open_phone(&room_url(&server), 320, 640).await;
    page.cdp("Emulation.setTouchEmulationEnabled", serde_json::json!({ "enabled": true })).await;
    page.reload().await;
    page.join("Ada").await;
    for text in ["first", "1. one\n2. two", "third"] {
        page.keys("#draft", text).await;
        // Enter is a new line there.
        page.keys("#draft", Key::Enter + "").await;
        page.click("#writer .send").await;
        page.until(NOTHING_WAITS).await;
    }
    page.until_messages(3).await;
    let at = page
        .js("window.clicks = [];
             document.addEventListener('click', ({ target }) => clicks.push(target.className), { capture: true });
             const { right, top } = document.querySelector('#messages > .msg:last-child .text').getBoundingClientRect();
             return [right - 30, top + 4];")
        .await;
    let touch =
        |points: serde_json::Value, kind: &str| serde_json::json!({ "type": kind, "touchPoints": points });
    let finger = serde_json::json!([{ "x": at[0], "y": at[1] }]);
    page.cdp("Input.dispatchTouchEvent", touch(finger, "touchStart")).await;
    page.cdp("Input.dispatchTouchEvent", touch(serde_json::json!([]), "touchEnd")).await;
    page.until("document.querySelector('#messages > .msg:last-child > .tools')").await;
    assert_eq!(page.js("return clicks").await, serde_json::json!(["text"]));
    assert!(page.is("!document.querySelector('#deleting').open").await);
    // The marks of a list are seen.
    page.until("getComputedStyle(document.querySelector('#messages li ol')).listStyleType === 'decimal'")
        .await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn edits_and_deletes_are_seen_live_and_after_a_reload() {
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    let edited = say(&api, &oracle, &carol, "helo").await;
    let deleted = say(&api, &oracle, &carol, "regretted").await;
    page.until_messages(2).await;
    api.edit("lobby", &carol, edited, "hello").await.expect(200);
    api.delete("lobby", &carol, deleted).await.expect(204);
    page.until(&format!("document.querySelector('#t-{deleted}').classList.contains('deleted')")).await;
    page.until(&format!("document.querySelector('#t-{edited} .edited')")).await;
    assert_shows_all(&api, &oracle, &page).await;
    assert!(
        !page.js("return document.documentElement.outerHTML").await.as_str().unwrap().contains("regretted")
    );
    page.reload().await;
    assert_shows_all(&api, &oracle, &page).await;
    assert!(
        !page.js("return document.documentElement.outerHTML").await.as_str().unwrap().contains("regretted")
    );
    page.assert_quiet(false).await;
}

/// Texts that try to become something else.
const HOSTILE: [&str; 20] = [
    "<script>window.hacked = 1</script>",
    "</div></li><script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1\">",
    "\"><svg onload=window.hacked=1>",
    "<b data-on:click=\"window.hacked = 1\" data-init=\"window.hacked = 1\">x</b>",
    "x\rdata: elements <img src=x onerror=window.hacked=1>",
    "x\r\revent: datastar-patch-signals\rdata: signals {\"_place\":\"forged\"}\r\r",
    "x\n\nevent: datastar-patch-elements\ndata: elements <p id=state>forged</p>\n\n",
    "javascript:window.hacked=1 http://x.example/\"onmouseover=\"window.hacked=1",
    "{{7*7}} ${window.hacked=1} `$_place`",
    "\u{202e}gnp.exe \u{2066}x\u{2069}",
    "A\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}",
    "&lt;script&gt; &amp; &#x3c;b&#x3e;",
    "<template><body></html><!-- ",
    "**<img src=x onerror=window.hacked=1>** `<script>window.hacked=1</script>`",
    "```\"><img src=x onerror=window.hacked=1>\n<script>window.hacked=1</script>\n```\n- <svg onload=window.hacked=1>",
    "[x](javascript:window.hacked=1) <javascript:window.hacked=1> [y](&#106;avascript:window.hacked=1)",
    "[https://bank.example](https://evil.example/\"onmouseover=window.hacked=1) https://bank.example@evil.example/",
    "[x](<https://x.example/\" onclick=\"window.hacked=1>) ![x](x \"onerror=window.hacked=1\")",
    "**x\rdata: elements <img src=x onerror=window.hacked=1>** `a\r\rid: forged`",
];

#[tokio::test]
async fn hostile_texts_stay_texts_in_the_first_html_and_live() {
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let page = Browser::open(&room_url(&server)).await;
    let mut rows = 0;
    for text in HOSTILE {
        // As a name too, as far as the rule for names lets it.
        let name = text.chars().take(40).collect::<String>();
        let guest = api.guest(&name).await;
        let receipt = api.send("lobby", &guest, text).await;
        let stored = api.history("lobby", "?limit=1").await["messages"][0].clone();
        assert_eq!(stored["position"], receipt["position"]);
        let position = receipt["position"].as_u64().unwrap();
        let sender = oracle.sender(&RoomName::new("lobby").unwrap(), position.to_string());
        // The oracle looks at what is stored: the text by the written rule.
        let event = EventDigest::post(&guest.id, stored["content"].as_str().unwrap());
        sender.acknowledged(0, event, position, receipt["prev"].as_u64().unwrap());
        let typing = api.request(Method::POST, "/api/v1/rooms/lobby/typing").bearer_auth(&guest.token);
        answer(typing).await.expect(204);
        rows += 1;
    }
    let last = api.guest("Carol").await;
    say(&api, &oracle, &last, "the end").await;
    page.until_text("the end").await;
    for _ in ["live", "first HTML"] {
        page.until_messages(rows + 1).await;
        assert_shows_all(&api, &oracle, &page).await;
        let names = page
            .js("return [...document.querySelectorAll('#messages .name')].map((n) => n.textContent)")
            .await;
        let history = api.history("lobby", "").await;
        for (name, message) in names.as_array().unwrap().iter().zip(history["messages"].as_array().unwrap()) {
            assert_eq!(*name, message["author"]["name"]);
        }
        for expression in [
            "window.hacked === undefined",
            "document.querySelectorAll('#messages :is(script, img, svg, b, template, style, iframe)').length === 0",
            "document.querySelector('#state').textContent === ''",
            "document.querySelectorAll('#messages .text *').length \
             === document.querySelectorAll('#messages .text :is(a, .host, code, pre, strong, em, ul, li)').length",
            "[...document.querySelectorAll('#messages .text a')].every((a) => /^https?:$/.test(a.protocol))",
            "[...document.querySelectorAll('#messages .text *')].every((e) => [...e.attributes].every(
                (a) => ['href', 'target', 'rel', 'class', 'id'].includes(a.name)))",
        ] {
            assert_eq!(page.js(&format!("return {expression}")).await, true, "{expression}");
        }
        page.assert_quiet(false).await;
        page.reload().await;
    }
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_hostile_name_is_refused_or_shown_as_text_by_the_page() {
    let server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    // By the page's own form, as its script sends it; two hundred emoji, past what the field would take.
    page.js("const field = document.querySelector('#name');
         field.removeAttribute('maxlength');
         field.value = '\u{1f600}'.repeat(200);
         field.form.requestSubmit();")
        .await;
    page.until("document.querySelector('#name-problem')?.textContent.includes('40')").await;
    page.js("const field = document.querySelector('#name'); field.value = ''; field.focus();").await;
    page.join("<script>window.hacked=1</script>").await;
    page.say("<b>bold</b>").await;
    page.until_messages(1).await;
    assert_eq!(page.texts().await, ["<b>bold</b>"]);
    let name = page.js("return document.querySelector('#messages .name').textContent").await;
    assert_eq!(name, "<script>window.hacked=1</script>");
    assert_eq!(page.js("return window.hacked === undefined").await, true);

    // A new name goes with the messages from then on, and the author stays.
    page.click("#rename").await;
    page.js("document.querySelector('#name').value = '';").await;
    page.keys("#name", "Ada".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#composer').dataset.authorName === 'Ada'").await;
    page.say("renamed").await;
    page.until_messages(2).await;
    let rows = page.rows().await;
    assert_eq!(rows[0].1, rows[1].1);
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_phone_shows_everything_without_scrolling_sideways() {
    const WIDTH: u32 = 320;
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest(&"Wide".repeat(10)).await;
    for text in [
        "short",
        &"unbroken".repeat(200),
        &format!("https://example.org/{}", "path/".repeat(200)),
        &"\u{1f600}".repeat(300),
        "a\tb\tc\td\te\tf\tg\th\ti\tj\tk\tl\tm\tn\to",
    ] {
        say(&api, &oracle, &carol, text).await;
    }
    let long_room = "r".repeat(64);
    let page = Browser::open_phone(&room_url(&server), WIDTH, 740).await;
    page.join("Ada").await;
    page.say("from the phone").await;
    page.until_text("from the phone").await;
    for url in [
        room_url(&server),
        format!("http://{}/{long_room}", server.address()),
        format!("http://{}/a/b", server.address()),
    ] {
        page.go(&url).await;
        assert_eq!(page.js("return innerWidth").await, WIDTH, "{url}: the phone's own width");
        let wide = page
            .js("return [...document.querySelectorAll('body, body *')].filter((e) => {
                    const box = e.getBoundingClientRect();
                    return box.width > 1 && box.height > 1 && getComputedStyle(e).visibility !== 'hidden'
                        && (box.right > innerWidth + 1 || box.left < -1)
                        && !e.closest('[hidden], .unseen, .skip, aside');
                }).map((e) => e.outerHTML.slice(0, 200))")
            .await;
        assert_eq!(wide, serde_json::json!([]), "{url}: these stand out");
        let scroll = page.js("return document.documentElement.scrollWidth").await;
        assert_eq!(scroll, WIDTH, "{url}");
    }
    page.go(&room_url(&server)).await;
    let draft = page
        .js("return document.querySelector('#draft').getBoundingClientRect().bottom <= innerHeight")
        .await;
    assert_eq!(draft, true, "the field to write in is in sight");
    page.assert_quiet(true).await;
}
