//! The panel at the side of another site's page: its loader in host pages that were not made for it, and the
//! room in its frame.

use reqwest::Method;
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::looks::violations;
use crate::support::client::answer;
use crate::support::site::{Page, Site};
use crate::support::{ADMIN, Browser, Server};

/// The shadow root of the first panel.
pub const ROOT: &str = "document.querySelector('mill-chat').shadowRoot";
/// The button is there.
pub const BUTTON: &str = "document.querySelector('mill-chat')?.shadowRoot.querySelector('#launcher')";
/// The frame has said that it is ready.
pub const READY: &str =
    "document.querySelector('mill-chat')?.shadowRoot.querySelector('#panel').ariaBusy === 'false'";

/// The text of the first badge that is shown.
const BADGE: &str = "[...document.querySelector('mill-chat').shadowRoot.querySelectorAll('#badge:not([hidden])')]\
                     .map((badge) => badge.dataset.n).join()";

/// A chat that `localhost` may embed.
pub async fn chat() -> Server {
    Server::start_with(&["--embed-origins", "http://localhost:*"]).await
}

pub fn origin(server: &Server) -> String {
    format!("http://{}", server.address())
}

/// The strictest policy that the panel works under.
fn strict(server: &Server) -> String {
    let chat = origin(server);
    format!(
        "default-src 'none'; script-src {chat}; frame-src {chat}; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// A page with these attributes of the script and this in its body.
pub fn page(server: &Server, path: &'static str, attributes: &str, body: &str) -> Page {
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta name=\"viewport\" content=\"width=device-width\">\
         <title>A shop</title></head><body><main><h1>A shop</h1>{body}</main>\
         <script src=\"{}/embed.js\" {attributes} async></script></body></html>",
        origin(server)
    );
    Page { path, html, ..Page::default() }
}

pub async fn open_panel(browser: &Browser) {
    browser.until(BUTTON).await;
    browser.click_found(&format!("{ROOT}.querySelector('#launcher')")).await;
    browser.until(READY).await;
}

pub async fn enter(browser: &Browser) {
    browser.enter_found(&format!("{ROOT}.querySelector('iframe')")).await;
}

async fn badge(browser: &Browser) -> Value {
    browser.js(&format!("return {BADGE}")).await
}

/// Waits for the next picture of the page, which shows what is unread.
pub async fn until_badge(browser: &Browser, text: &str) {
    browser.until(&format!("{BADGE} === '{text}'")).await;
}

#[tokio::test]
async fn before_a_click_a_site_loads_one_script_and_nothing_else() {
    let server = chat().await;
    let policy = Some(strict(&server));
    let site =
        Site::start(vec![Page { policy, ..page(&server, "/", "data-room=support", "<p>Hats</p>") }]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until(BUTTON).await;
    // What waits for its turn has had it.
    browser.js("return new Promise((done) => requestIdleCallback(() => setTimeout(done)))").await;
    let loaded = browser.js("return performance.getEntriesByType('resource').map(({ name }) => name)").await;
    assert_eq!(loaded, json!([format!("{}/embed.js", origin(&server))]));
    assert_eq!(browser.cookies().await, json!([]));
    assert_eq!(browser.js("return [localStorage.length, sessionStorage.length]").await, json!([0, 0]));
    assert_eq!(browser.js(&format!("return {ROOT}.querySelectorAll('iframe').length")).await, 0);
    browser.assert_quiet(false).await;
    assert_eq!(violations(&browser).await, json!([]));
}

#[tokio::test]
async fn a_visitor_of_a_site_writes_in_the_panel_and_a_reader_elsewhere_sees_it() {
    let server = chat().await;
    let api = server.api();
    let policy = Some(strict(&server));
    let site = Site::start(vec![Page {
        policy,
        ..page(&server, "/", "data-room=support data-name=Ada", "<p>Hats</p>")
    }])
    .await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    assert_eq!(browser.js("return document.querySelector('#name').value").await, "Ada");
    browser.keys("#draft", "Do you have hats?").await;
    browser.click("#writer .send").await;
    browser.until_messages(1).await;
    browser.until("document.querySelector('.msg.mine')").await;
    let history = api.history("support", "").await;
    assert_eq!(history["messages"][0]["content"], "Do you have hats?");
    assert_eq!(history["messages"][0]["author"]["name"], "Ada");
    // The guest is known in the next page of the site, by nothing but the token that the frame keeps.
    assert_eq!(browser.cookies().await, json!([]));
    assert_eq!(violations(&browser).await, json!([]), "in the frame");
    browser.keys("#draft", Key::Escape + "").await;
    browser.leave_frame().await;
    assert!(browser.is("!Millchat.isOpen && document.activeElement.localName === 'mill-chat'").await);
    let focused = browser.js(&format!("return {ROOT}.activeElement.id")).await;
    assert_eq!(focused, "launcher");
    // What others write is counted while the panel is closed.
    let bob = api.guest("Bob").await;
    api.say("support", &bob, "Yes").await;
    browser.until("Millchat.unread === 1").await;
    until_badge(&browser, "1").await;
    assert_eq!(violations(&browser).await, json!([]), "closed, with a badge");
    for number in 0..9 {
        api.say("support", &bob, &format!("and {number}")).await;
    }
    browser.until("Millchat.unread === 10").await;
    until_badge(&browser, "9+").await;
    browser.click_found(&format!("{ROOT}.querySelector('#launcher')")).await;
    assert_eq!(badge(&browser).await, "");
    assert_eq!(violations(&browser).await, json!([]), "open");
    // The next page of the tab opens it again, and the guest is who they were.
    browser.reload().await;
    browser.until(READY).await;
    assert!(browser.is("Millchat.isOpen && document.activeElement === document.body").await);
    enter(&browser).await;
    browser.until("document.querySelector('#composer').dataset.authorName === 'Ada'").await;
    browser.say("Good").await;
    browser.until("document.querySelectorAll('.msg.mine').length === 2").await;
    browser.assert_quiet(false).await;
}

#[tokio::test]
async fn a_script_that_runs_twice_makes_one_panel_which_outlives_an_exchanged_body() {
    let server = chat().await;
    let again = format!("<script src=\"{}/embed.js\" data-room=support></script>", origin(&server));
    let site = Site::start(vec![page(&server, "/", "data-room=support", &again)]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    assert_eq!(browser.js("return document.querySelectorAll('mill-chat').length").await, 1);
    enter(&browser).await;
    browser.keys("#name", "Half a na").await;
    browser.leave_frame().await;
    browser
        .js("const body = document.createElement('body');
             body.textContent = 'another page';
             document.body.replaceWith(body);")
        .await;
    assert!(browser.is("Millchat.isOpen").await);
    enter(&browser).await;
    assert_eq!(browser.js("return document.querySelector('#name').value").await, "Half a na");
    browser.leave_frame().await;
    // A router that takes away what it does not know.
    browser.js("document.querySelector('mill-chat').remove()").await;
    browser.until(READY).await;
    assert!(browser.is("Millchat.isOpen").await);
    browser.js("Millchat.destroy()").await;
    assert!(browser.is("!document.querySelector('mill-chat') && window.Millchat === undefined").await);
}

#[tokio::test]
async fn no_style_of_a_host_reaches_the_panel_and_it_is_at_the_logical_side() {
    let server = chat().await;
    let wild = "<style>* { all: unset !important; display: block !important } html { font-size: 62.5% !important }\
                mill-chat { display: none !important; transform: rotate(9deg) !important }</style>";
    let rtl = "<script>document.documentElement.dir = 'rtl'</script>";
    let site = Site::start(vec![
        page(&server, "/", "data-room=support", wild),
        page(&server, "/rtl", "data-room=support", rtl),
    ])
    .await;
    let browser = Browser::open(&site.url("/")).await;
    for (path, at_end) in [("/", true), ("/rtl", false)] {
        browser.go(&site.url(path)).await;
        browser.until(BUTTON).await;
        let place = browser
            .js(&format!(
                "const {{ left, right, bottom, width, height }} =
                     {ROOT}.querySelector('#launcher').getBoundingClientRect();
                 const {{ clientWidth, clientHeight }} = document.documentElement;
                 return [width, height, innerHeight - bottom, {at_end} ? clientWidth - right : left]"
            ))
            .await;
        assert_eq!(place, json!([56, 56, 20, 20]), "{path}");
    }
}

#[tokio::test]
async fn settings_with_markup_are_texts_and_wrong_ones_are_not_there() {
    let server = chat().await;
    let label = "&lt;img src=x onerror=alert(1)&gt;";
    let attributes = format!(
        "data-room=support data-label=\"{label}\" data-title=\"{label}\" data-lang=\"javascript:1\" \
         data-accent=\"red;}} * {{ display: none\" data-side=middle data-z=\"1;}}\""
    );
    let policy = Some(strict(&server));
    let without = page(&server, "/without", "data-room=\"../admin\"", "");
    let site =
        Site::start(vec![Page { policy, ..page(&server, "/", &attributes, "<p>Hats</p>") }, without]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    let named = browser
        .js(&format!(
            "return ['#launcher', '#panel'].map((id) => {ROOT}.querySelector(id).getAttribute('aria-label'))"
        ))
        .await;
    let text = "<img src=x onerror=alert(1)>";
    assert_eq!(named, json!([text, text]));
    let refused = browser
        .js("const wrong = [{ accent: 'red' }, { side: 'left' }, { room: '' }, { label: 7 }, { what: 'x' },
                            { title: 'x'.repeat(1e6) }, { theme: 'dark', lang: 'xx' }];
             return wrong.map((change) => {
                 try { Millchat.set(change); return 'taken'; } catch (error) { return error.name; }
             })")
        .await;
    assert_eq!(refused, json!(vec!["TypeError"; 7]));
    let kept = browser.js("return document.querySelector('mill-chat').getAttribute('theme')").await;
    assert_eq!(kept, Value::Null, "a wrong change changes nothing");
    enter(&browser).await;
    assert_eq!(browser.js("return document.querySelector('h1').textContent").await, text);
    browser.leave_frame().await;
    browser.assert_quiet(false).await;
    browser.go(&site.url("/without")).await;
    browser.until("document.querySelector('mill-chat')").await;
    browser.js("Millchat.open(); Millchat.toggle()").await;
    let seen = browser
        .js(&format!(
            "return [...{ROOT}.querySelectorAll('iframe, :is(#launcher, #panel):not([hidden])')].length"
        ))
        .await;
    assert_eq!(seen, 0, "neither a button nor a frame");
    assert!(browser.is("!Millchat.isOpen").await);
    assert!(browser.log().await.iter().any(|entry| entry.message.contains("Millchat: no room")));
    // A right one counts at once.
    browser.js("document.querySelector('script').dataset.room = 'support'").await;
    open_panel(&browser).await;
    enter(&browser).await;
    assert_eq!(browser.js("return document.body.dataset.room").await, "support");
}

#[tokio::test]
async fn a_title_of_the_host_outlives_the_arrival_of_a_member_and_gives_way_to_that_of_the_room() {
    let settings = "embed-origins = [\"http://localhost:*\"]\n\
                    [[room]]\nname = \"team\"\npolicy = \"members\"\ntitle = \"The team\"\n";
    let server = Server::start_with_settings(settings, &["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let member = api.request(Method::PUT, &format!("/api/v1/rooms/team/members/{}", ada.id));
    answer(member.bearer_auth(ADMIN).json(&json!({ "role": "writer" }))).await.expect(204);
    let policy = Some(strict(&server));
    let framing = page(&server, "/", "data-room=team data-title=\"Ask us\"", "");
    let site = Site::start(vec![Page { policy, ..framing }]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    let heading = "return document.querySelector('.bar h1').textContent";
    assert_eq!(browser.js(heading).await, "Ask us");
    let keep =
        "localStorage.setItem('millchat:panel', JSON.stringify({ token: arguments[0], at: Date.now() }))";
    browser.js_with(keep, vec![json!(ada.token)]).await;
    browser.leave_frame().await;
    browser.reload().await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until("document.body.dataset.shell === undefined && document.querySelector('#writer')").await;
    assert_eq!(browser.js(heading).await, "Ask us");
    assert!(browser.is("document.querySelector('form.search') === null").await, "its page would know nobody");
    // It is there without a moment of another one, and also when it is not that of the frame's address.
    let join = "const heading = document.querySelector('.bar h1');
                window.seen = [];
                new MutationObserver(() => seen.push(heading.textContent))
                    .observe(heading, { childList: true, characterData: true, subtree: true });
                const joiner = document.querySelector('#joiner');
                document.addEventListener('datastar-fetch', ({ detail: { el, type } }) => {
                    if (el === joiner && type === 'finished') setTimeout(() => { window.joined = true });
                });
                joiner.dispatchEvent(new CustomEvent('join'));";
    browser.js(join).await;
    browser.until("window.joined").await;
    assert_eq!(browser.js("return seen.filter((text) => text !== 'Ask us')").await, json!([]));
    browser.leave_frame().await;
    browser.js("Millchat.set({ title: 'Ask them' })").await;
    enter(&browser).await;
    browser.until("document.querySelector('.bar h1').textContent === 'Ask them'").await;
    browser
        .js("window.joined = false; document.querySelector('#joiner').dispatchEvent(new CustomEvent('join'))")
        .await;
    browser.until("window.joined").await;
    assert_eq!(browser.js(heading).await, "Ask them");
    // The page around takes its title back; then the same address is no frame's.
    browser.leave_frame().await;
    browser.js("Millchat.set({ title: '' })").await;
    enter(&browser).await;
    browser.until("document.querySelector('.bar h1').textContent === 'The team'").await;
    browser.assert_quiet(false).await;
    browser.go(&format!("{}/embed/team?title=Your+bank", origin(&server))).await;
    browser.until("document.querySelector('.bar h1')").await;
    browser.js_with(keep, vec![json!(ada.token)]).await;
    browser.reload().await;
    browser.until("document.body.dataset.shell === undefined && document.querySelector('#writer')").await;
    assert_eq!(browser.js(heading).await, "The team");
}

#[tokio::test]
async fn messages_of_other_windows_change_nothing() {
    let server = chat().await;
    let sibling = "<iframe id=\"ad\" title=\"advertisement\" src=\"about:blank\"></iframe>";
    let site = Site::start(vec![page(&server, "/", "data-room=support", sibling)]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until(BUTTON).await;
    // An advertisement forges the first words, from before the frame is there.
    browser
        .js("const ad = document.querySelector('#ad').contentWindow;
             window.answers = 0;
             window.say = new ad.Function('to', 'message', 'ports', 'to.postMessage(message, \"*\", ports)');
             window.forge = (send) => {
                 const { port1, port2 } = new MessageChannel();
                 port1.onmessage = () => { window.answers += 1 };
                 send({ kind: 'hello' }, port2);
                 port1.postMessage({ kind: 'shown', shown: false });
             };
             setInterval(() => {
                 const frame = document.querySelector('mill-chat').shadowRoot.querySelector('iframe');
                 if (frame) forge((message, port) => say(frame.contentWindow, message, [port]));
             }, 1)")
        .await;
    open_panel(&browser).await;
    // The window of the host hears of no message at all.
    let window = browser.ask("Runtime.evaluate", json!({ "expression": "window" })).await;
    let listeners = browser
        .ask("DOMDebugger.getEventListeners", json!({ "objectId": window["result"]["objectId"] }))
        .await;
    let kinds = listeners["listeners"].as_array().unwrap().iter().map(|listener| listener["type"].clone());
    assert!(kinds.clone().all(|kind| kind != "message"), "{:?}", kinds.collect::<Vec<_>>());
    // From the page itself once the channel is there, and other kinds from the advertisement.
    browser
        .js(&format!(
            "const panel = {ROOT}.querySelector('iframe').contentWindow;
             forge((message, port) => panel.postMessage(message, '*', [port]));
             for (const kind of ['close', 'unread', 'identity', 'error']) {{
                 say(window, {{ kind, count: 99, code: 'identity' }}, []);
                 say(panel, {{ kind, count: 99 }}, []);
             }}"
        ))
        .await;
    // What comes after them by the channel has come after them.
    let bob = server.api().guest("Bob").await;
    browser.js("window.heard = 0; Millchat.on('message', () => { window.heard += 1 })").await;
    server.api().say("support", &bob, "hello").await;
    browser.until("window.heard === 1").await;
    assert_eq!(
        browser.js("return [window.answers, Millchat.isOpen, Millchat.unread]").await,
        json!([0, true, 0])
    );
}

#[tokio::test]
async fn a_page_that_takes_the_place_of_the_frame_hears_nothing() {
    let server = chat().await;
    let html = "<!DOCTYPE html><title>evil</title><script>window.heard = [];
                addEventListener('message', ({ data, ports }) => heard.push([data, ports.length]))</script>";
    let evil = Page { path: "/evil", html: html.to_owned(), ..Page::default() };
    let site = Site::start(vec![page(&server, "/", "data-room=support", ""), evil]).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    browser
        .js(&format!(
            "const frame = {ROOT}.querySelector('iframe');
             frame.addEventListener('load', () => {{ window.loaded = true }});
             frame.src = '{}'",
            site.url("/evil").replace("localhost", "127.0.0.1")
        ))
        .await;
    browser.until("window.loaded").await;
    assert!(!browser.is(READY).await, "the panel waits for a page that answers");
    enter(&browser).await;
    browser.until("document.title === 'evil'").await;
    assert_eq!(browser.js("return window.heard").await, json!([]));
}

#[tokio::test]
async fn on_a_phone_the_panel_fills_the_screen_and_the_page_behind_it_rests() {
    let server = chat().await;
    let long = "<p>Hats</p>".repeat(200);
    let site = Site::start(vec![page(&server, "/", "data-room=support", &long)]).await;
    let browser = Browser::open_phone(&site.url("/"), 390, 700).await;
    browser.until(BUTTON).await;
    browser.js("scrollTo(0, 500)").await;
    open_panel(&browser).await;
    let place = browser
        .js(&format!(
            "const {{ left, top, width, height }} = {ROOT}.querySelector('#panel').getBoundingClientRect();
             return [left, top, width, height, document.body.inert, {ROOT}.querySelector('#panel').ariaModal]"
        ))
        .await;
    assert_eq!(place, json!([0, 0, 390, 700, true, "true"]));
    assert_eq!(violations(&browser).await, json!([]));
    enter(&browser).await;
    browser.click("#shut").await;
    browser.leave_frame().await;
    browser.until("!Millchat.isOpen").await;
    assert_eq!(browser.js("return [document.body.inert, scrollY]").await, json!([false, 500]));
}

#[tokio::test]
async fn where_a_policy_blocks_the_frame_the_console_has_the_line_to_add_and_a_window_opens() {
    let server = chat().await;
    let policy = Some(format!("default-src 'none'; script-src {}", origin(&server)));
    let site = Site::start(vec![Page { policy, ..page(&server, "/", "data-room=support", "") }]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until(BUTTON).await;
    browser.js("Millchat.on('error', ({ code }) => { window.code = code }); Millchat.open()").await;
    browser.until("window.code === 'blocked'").await;
    let wanted = format!("frame-src {}", origin(&server));
    assert!(
        browser
            .log()
            .await
            .iter()
            .any(|entry| entry.message.contains("Millchat") && entry.message.contains(&wanted))
    );
    let way =
        browser.js(&format!("const way = {ROOT}.querySelector('a'); return [way.hidden, way.href]")).await;
    assert_eq!(way, json!([false, format!("{}/support", origin(&server))]));
    assert_eq!(violations(&browser).await, json!([]));
}

#[tokio::test]
async fn a_link_of_the_host_opens_the_panel_and_functions_of_the_host_harm_nothing() {
    let server = chat().await;
    let body = format!(
        "<a id=\"ask\" href=\"{}/support\" data-mill-chat>Ask us</a>
         <script>(window.Millchat ||= []).push((m) => {{
             m.on('open', () => {{ throw new Error('of the host') }});
             m.on('open', () => {{ window.opened = (window.opened ?? 0) + 1 }});
         }})</script>",
        origin(&server)
    );
    let site = Site::start(vec![page(&server, "/", "data-room=support data-launcher=off", &body)]).await;
    let browser = Browser::open(&site.url("/")).await;
    browser.until("document.querySelector('mill-chat')").await;
    assert!(browser.is(&format!("{ROOT}.querySelector('#launcher').hidden")).await);
    browser.click("#ask").await;
    browser.until(READY).await;
    browser.until("window.opened === 1").await;
    browser.js("for (let round = 0; round < 1000; round += 1) { Millchat.open(); Millchat.set({ theme: 'dark' }) }").await;
    assert!(browser.is("Millchat.isOpen && window.opened === 1").await);
    browser.js("Millchat.close()").await;
    assert_eq!(browser.js("return document.activeElement.id").await, "ask");
}
