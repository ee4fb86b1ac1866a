//! The page for everybody: without script, by keyboard and screen reader, in both themes, and small.

use super::room_url;
use crate::support::client::answer;
use crate::support::{ADMIN, Browser, Server, node, within};
use reqwest::Method;
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use tokio::process::Command;

/// Most bytes that the first visit may cost, compressed.
const FIRST_VISIT_BYTES_MAX: u64 = 60_000;

/// Returns the faults that axe finds in the page as it is. Where the reader's system forces its own colours,
/// they are not ours to judge.
pub async fn violations(page: &Browser) -> Value {
    if !page.is("window.axe").await {
        node::install().await;
        let axe = format!("{}/node_modules/axe-core/axe.min.js", node::PACKAGE);
        let axe = std::fs::read_to_string(axe).unwrap();
        // A loader of modules that the page may have gets none.
        page.js(&format!("((define, module, exports) => {{ {axe} }})()")).await;
    }
    page.js("const ours = !matchMedia('(forced-colors: active)').matches;
         const { violations } = await axe.run({ rules: { 'color-contrast': { enabled: ours } } });
         return violations.map(({ id, help, nodes }) =>
             [id, help, nodes.map(({ html, failureSummary }) => [html.slice(0, 200), failureSummary])])")
        .await
}

#[tokio::test]
async fn a_checker_of_accessibility_finds_nothing_on_any_screen_in_either_theme() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let page = Browser::open(&room_url(&server)).await;
    for number in 0..40 {
        let guest = api.guest(&format!("Guest {number}")).await;
        let at = api.say("lobby", &guest, &format!("hello {number} https://example.org/")).await;
        if number % 9 == 0 {
            api.delete("lobby", &guest, at).await.expect(204);
        } else {
            let answer = api.reply("lobby", &guest, at, "an answer").await.expect(201).json();
            let at = answer["position"].as_u64().unwrap();
            api.react(&guest, ("lobby", at), "🎉", true).await.expect(204);
        }
    }
    for (theme, colours) in [("light", "none"), ("dark", "none"), ("dark", "active")] {
        page.prefers(&[("prefers-color-scheme", theme), ("forced-colors", colours)]).await;
        let look = async |screen: &str| {
            assert_eq!(violations(&page).await, json!([]), "{screen}, {theme}, forced colours {colours}");
        };
        screens(&page, &server, "en", &format!("{theme}-{colours}"), look).await;
    }
}

/// Brings the page to every screen there is, in this language, and lets somebody look at each. `round` names
/// what is new to the server in it.
pub async fn screens(page: &Browser, server: &Server, code: &str, round: &str, look: impl AsyncFn(&str)) {
    let origin = format!("http://{}", server.address());
    page.cdp("Network.clearBrowserCookies", json!({})).await;
    page.cdp("Network.setCookie", json!({ "name": "lang", "value": code, "url": origin })).await;
    page.go(&format!("{origin}/a/b")).await;
    look("an error").await;
    page.go(&format!("{origin}/empty-{code}-{round}")).await;
    look("an empty room").await;
    for (query, screen) in
        [("hello", "what a search found"), ("nowhere", "a search for nothing"), ("", "a form")]
    {
        page.go(&format!("{}/search?q={query}", room_url(server))).await;
        look(screen).await;
    }
    page.go(&room_url(server)).await;
    look("a visitor").await;
    page.join("Ada").await;
    page.say("my own").await;
    page.until("document.querySelector('#messages .mine')").await;
    page.hover(".msg.mine .text").await;
    page.click(".tools .react").await;
    page.click(".tools .picker button").await;
    page.until("document.querySelector('.msg.mine .chip')").await;
    page.click(".tools .reply").await;
    page.say("an answer").await;
    page.until("document.querySelector('.msg.mine .quote .said')").await;
    page.hover(".msg.mine .text").await;
    page.click(".tools .reply").await;
    page.click(".tools .react").await;
    look("an answer, reactions and the choice of them").await;
    page.keys("#draft", Key::Escape + "").await;
    page.keys("#draft", Key::Up + "").await;
    page.click("#more").await;
    look("writing, editing and the menu").await;
    page.keys("body", Key::Escape + "").await;
    page.click("#editing .delete").await;
    page.until("document.querySelector('#deleting').open").await;
    look("a question").await;
    page.click("#deleting button[value=keep]").await;
    page.keys("#draft", Key::Escape + "").await;
    page.hover(".msg:not(.mine):has(.text:not(.deleted)) .text").await;
    page.click(".tools .flag").await;
    page.until("document.querySelector('#flagging').open").await;
    look("a report").await;
    page.click("#flagging [type=submit]").await;
    page.until("document.querySelector('#flagging.finished')").await;
    page.click("#flagging .shut").await;
    moderating(page, server, look).await;
    // The page of an error is one that a request for was refused.
    page.assert_quiet(true).await;
}

/// The screens of somebody who looks after the room, and of somebody who is invited.
async fn moderating(page: &Browser, server: &Server, look: impl AsyncFn(&str)) {
    let me = page.js("return document.querySelector('#composer').dataset.authorId").await;
    let path = format!("/api/v1/rooms/lobby/members/{}", me.as_str().unwrap());
    let request = server.api().request(Method::PUT, &path).bearer_auth(ADMIN);
    answer(request.json(&json!({ "role": "owner", "name": "Ada" }))).await.expect(204);
    page.go(&room_url(server)).await;
    page.hover(".msg:not(.mine):has(.text:not(.deleted)) .text").await;
    page.click(".tools .ban").await;
    page.until("document.querySelector('#banning').open").await;
    look("a ban").await;
    page.click("#banning [type=submit]").await;
    page.until("document.querySelector('#banning.finished')").await;
    look("a ban that was done").await;
    page.go(&format!("{}/moderation", room_url(server))).await;
    page.click("form.invite button").await;
    page.until("document.querySelector('#made')").await;
    look("moderation").await;
    let link = page.js("return document.querySelector('#made').value").await;
    page.go("about:blank").await;
    page.go(link.as_str().unwrap()).await;
    page.until("document.querySelector('#invitation[hidden]')").await;
    look("an invitation").await;
    page.go(&room_url(server)).await;
    page.until("document.querySelector('#draft')").await;
}

#[tokio::test]
async fn who_wants_no_motion_sees_none() {
    let server = Server::start().await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    let moving = "return [...document.querySelectorAll('*')].filter((e) => {
        const style = getComputedStyle(e);
        return style.transitionDuration !== '0s' || style.animationDuration !== '0s' || style.scrollBehavior !== 'auto';
    }).length";
    assert_ne!(page.js(moving).await, 0, "the rule can be seen");
    page.prefers(&[("prefers-reduced-motion", "reduce")]).await;
    assert_eq!(page.js(moving).await, 0);
}

#[tokio::test]
async fn without_script_one_can_read_send_and_reload() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let hello = api.say("lobby", &carol, "hello <b>").await;
    api.react(&carol, ("lobby", hello), "👍", true).await.expect(204);
    let page = Browser::without_script().await;
    page.go(&room_url(&server)).await;
    assert_eq!(page.texts().await, ["hello <b>"]);
    page.keys("#name", "Ada".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#writer')").await;
    page.keys("#draft", "first line".to_owned() + Key::Enter + "second & last").await;
    page.click("#writer .send").await;
    page.until_messages(2).await;
    assert_eq!(page.texts().await, ["hello <b>", "first line\nsecond & last"]);
    // Sent again by a reload of the answer, it is still one.
    page.reload().await;
    api.reply("lobby", &carol, hello, "and more").await.expect(201);
    page.click("noscript a").await;
    page.until_messages(3).await;
    assert_eq!(page.texts().await.len(), 3);
    let shown = page.js("return document.querySelector('#messages').innerText").await;
    let shown = shown.as_str().unwrap();
    assert!(shown.contains("👍 1") && shown.contains("Carol hello <b>"), "{shown}");
}

#[tokio::test]
async fn the_first_visit_is_small() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..100 {
        api.say("lobby", &carol, &format!("An ordinary message of ordinary length, the number is {number}."))
            .await;
    }
    let page = Browser::open(&room_url(&server)).await;
    // What came over the wire, by the browser's own count.
    let sizes = page
        .js("return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
                 .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])
                 .filter(([path]) => path === '/lobby' || path.startsWith('/assets/'))")
        .await;
    let sizes: Vec<(String, u64)> = serde_json::from_value(sizes).unwrap();
    let all: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    println!("the first visit, compressed: {sizes:?}, {all} bytes in all");
    assert!(sizes.len() >= 5, "page, styles, client, script, icon: {sizes:?}");
    assert!(all < FIRST_VISIT_BYTES_MAX, "{sizes:?}");
}

#[tokio::test]
async fn the_script_agrees_with_its_types() {
    node::install().await;
    let mut tsc = Command::new("node");
    tsc.args(["node_modules/typescript/bin/tsc", "--project", "."]).current_dir(node::PACKAGE);
    let output = within("the types are checked", tsc.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn the_linter_finds_nothing_in_the_script() {
    node::install().await;
    let mut eslint = Command::new("node");
    eslint.args(["node_modules/eslint/bin/eslint.js", "script", "embed"]).current_dir(node::PACKAGE);
    let output = within("the script is looked at", eslint.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
