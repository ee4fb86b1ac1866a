//! The panel in browsers that keep little or nothing for a frame of another site, and while its server is gone. What a
//! visitor writes is stored once and shown once. A probe, a frame of a third site, says first what the browser keeps.

use serde_json::{Value, json};

use super::NOTHING_WAITS;
use super::embed::{BUTTON, READY, chat, enter, open_panel, page, until_badge};
use super::hosts::take_picture;
use super::identify;
use crate::support::site::{Page, Site};
use crate::support::{Api, Browser, Server};

/// The script of a frame that says to the page around it what it may keep, and what it finds.
const PROBE: &str = "<!DOCTYPE html><title>A probe</title><script>
    document.cookie = 'probe=1; SameSite=None; Secure';
    const said = { cookie: document.cookie !== '' };
    try {
        said.found = localStorage.getItem('probe');
        localStorage.setItem('probe', new URLSearchParams(location.search).get('of'));
        said.storage = localStorage.getItem('probe') !== null;
    } catch (error) { said.storage = error.name; }
    parent.postMessage(said, '*');
    </script>";

/// Messages that a visitor writes, and how many of them on one page.
const MESSAGES: usize = 20;
const ON_A_PAGE: usize = 5;

/// A page with the panel, a second one, and the probe.
async fn site(server: &Server, attributes: &str, body: &str) -> Site {
    Site::start(vec![
        page(server, "/", attributes, body),
        page(server, "/next", attributes, body),
        Page { path: "/plain", html: "<!DOCTYPE html><title>A page</title>".to_owned(), ..Page::default() },
        Page { path: "/probe?of=localhost", html: PROBE.to_owned(), ..Page::default() },
        Page { path: "/probe?of=a.localhost", html: PROBE.to_owned(), ..Page::default() },
    ])
    .await
}

/// Returns what the probe says in a page of this host: if a cookie was kept for it and if a text was, or the name of
/// the error, and the text that was there before.
async fn probe(browser: &Browser, site: &Site, host: &str) -> Value {
    browser.go(&site.url("/plain").replace("localhost", host)).await;
    let probe = site.url(&format!("/probe?of={host}")).replacen("localhost", "127.0.0.1", 1);
    let put = "const frame = document.createElement('iframe');
               const said = new Promise((done) => addEventListener('message', ({ data }) => done(data)));
               frame.src = arguments[0];
               document.body.append(frame);
               const { cookie, storage, found = null } = await said;
               return [cookie, storage, found]";
    browser.js_with(put, vec![json!(probe)]).await
}

fn text(number: usize) -> String {
    format!("message {number}")
}

/// The messages of a room of the server: their texts and the ids of their authors.
async fn stored(api: &Api, room: &str) -> Vec<(String, String)> {
    let history = api.history(room, "?limit=200").await;
    let of = |message: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&message["content"]), text(&message["author"]["id"]))
    };
    history["messages"].as_array().unwrap().iter().map(of).collect()
}

/// Goes into the panel of the page, which an earlier page has opened or nobody has.
async fn enter_panel(browser: &Browser) {
    browser.until(BUTTON).await;
    if !browser.is("Millchat.isOpen").await {
        open_panel(browser).await;
    }
    browser.until(READY).await;
    enter(browser).await;
}

/// The id of the author of the panel, once it has one.
async fn author(browser: &Browser) -> String {
    browser.until("document.querySelector('#composer').dataset.authorId").await;
    let id = browser.js("return document.querySelector('#composer').dataset.authorId").await;
    id.as_str().unwrap().to_owned()
}

/// Writes the messages on several pages of the host, and leaves each while the last of its messages is on its way.
/// Returns the authors on these pages.
async fn write_on_several_pages(browser: &Browser, site: &Site) -> Vec<String> {
    let mut authors = Vec::new();
    for number in 0..MESSAGES {
        if number % ON_A_PAGE == 0 {
            if number > 0 {
                browser.leave_frame().await;
                let path = if number % (2 * ON_A_PAGE) == 0 { "/" } else { "/next" };
                browser.go(&site.url(path)).await;
            }
            enter_panel(browser).await;
            if number == 0 {
                browser.keys("#name", "Ada").await;
            } else {
                authors.push(author(browser).await);
            }
        }
        browser.say(&text(number)).await;
        if number == 0 {
            authors.push(author(browser).await);
        }
    }
    browser.until_messages(MESSAGES).await;
    browser.until(NOTHING_WAITS).await;
    authors
}

/// Fails unless all messages are stored and shown once, as one author's, in the order in which they were written.
async fn assert_all_of_one(browser: &Browser, api: &Api, room: &str, author: &str) {
    let expected: Vec<_> = (0..MESSAGES).map(|number| (text(number), author.to_owned())).collect();
    assert_eq!(stored(api, room).await, expected);
    let shown: Vec<_> = browser.rows().await.into_iter().map(|(_, author, text)| (text, author)).collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn where_cookies_of_third_parties_are_blocked_a_guest_loses_nothing_and_stays_who_they_are() {
    let server = chat().await;
    let site = site(&server, "data-room=support", "").await;
    // What the probe says where they are not.
    let browser = Browser::open_set("about:blank", json!({ "profile.cookie_controls_mode": 0 })).await;
    assert_eq!(probe(&browser, &site, "localhost").await, json!([true, true, null]));
    drop(browser);
    let browser = Browser::open_set("about:blank", json!({ "profile.cookie_controls_mode": 1 })).await;
    assert_eq!(probe(&browser, &site, "localhost").await, json!([false, true, null]));
    browser.go(&site.url("/")).await;
    let authors = write_on_several_pages(&browser, &site).await;
    assert!(authors.iter().all(|author| *author == authors[0]), "{authors:?}");
    assert_all_of_one(&browser, &server.api(), "support", &authors[0]).await;
    assert!(!browser.is("document.querySelector('#forgets')").await);
    browser.leave_frame().await;
    take_picture(&browser, "strict-cookies").await;
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn where_storage_is_apart_for_each_site_around_it_a_guest_is_another_one_on_another_site() {
    let server = Server::start_with(&["--embed-origins", "*"]).await;
    let site = site(&server, "data-room=support", "").await;
    let browser = Browser::open_set("about:blank", json!({ "profile.cookie_controls_mode": 0 })).await;
    assert_eq!(probe(&browser, &site, "localhost").await, json!([true, true, null]));
    assert_eq!(probe(&browser, &site, "a.localhost").await, json!([true, true, null]), "apart");
    assert_eq!(probe(&browser, &site, "localhost").await, json!([true, true, "localhost"]), "and kept");
    browser.go(&site.url("/")).await;
    let authors = write_on_several_pages(&browser, &site).await;
    assert!(authors.iter().all(|author| *author == authors[0]), "{authors:?}");
    assert_all_of_one(&browser, &server.api(), "support", &authors[0]).await;
    browser.leave_frame().await;
    // Another site knows nobody, and what is said there is somebody else's.
    browser.go(&site.url("/").replace("localhost", "a.localhost")).await;
    enter_panel(&browser).await;
    browser.until_messages(MESSAGES).await;
    assert!(!browser.is("document.querySelector('.msg.mine')").await);
    browser.join_with("Ada of the other site", "hello").await;
    assert_ne!(author(&browser).await, authors[0]);
    browser.leave_frame().await;
    browser.assert_quiet(true).await;
}

/// Blocks what sites would keep, in frames and in pages.
fn block_all() -> Value {
    json!({ "profile.default_content_setting_values.cookies": 2 })
}

#[tokio::test]
async fn where_nothing_is_kept_a_guest_loses_nothing_that_was_sent_and_reads_that_they_will_be_forgotten() {
    let server = chat().await;
    let api = server.api();
    let site = site(&server, "data-room=support", "").await;
    let browser = Browser::open_set("about:blank", block_all()).await;
    assert_eq!(probe(&browser, &site, "localhost").await, json!([false, "SecurityError", null]));
    let mut expected = Vec::new();
    for (at, path) in ["/", "/next", "/", "/next"].iter().enumerate() {
        browser.go(&site.url(path)).await;
        enter_panel(&browser).await;
        browser.until_messages(expected.len()).await;
        browser.keys("#name", format!("Ada {at}")).await;
        for number in at * ON_A_PAGE..(at + 1) * ON_A_PAGE {
            browser.say(&text(number)).await;
            expected.push((text(number), author(&browser).await));
        }
        browser.until_messages(expected.len()).await;
        browser.until(NOTHING_WAITS).await;
        browser.until_text("when you leave this page, it no longer knows you").await;
        let shown = browser.rows().await.into_iter().map(|(_, author, text)| (text, author));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        browser.leave_frame().await;
    }
    assert_eq!(stored(&api, "support").await, expected);
    let mut authors: Vec<_> = expected.into_iter().map(|(_, author)| author).collect();
    authors.dedup();
    assert_eq!(authors.len(), MESSAGES / ON_A_PAGE, "another guest on each page");
    // For this page all goes on: what others write is counted.
    browser.js("Millchat.close()").await;
    api.say("support", &api.guest("Bob").await, "Yes").await;
    until_badge(&browser, "1").await;
    browser.js("Millchat.open()").await;
    take_picture(&browser, "strict-nothing").await;
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn where_nothing_is_kept_somebody_for_whom_the_site_vouches_is_the_same_on_each_page() {
    let (server, _secret) = identify::chat().await;
    let vouching = format!(
        "<script>(window.Millchat ||= []).push((m) => m.identify(async () => '{}'))</script>",
        identify::ada()
    );
    let site = site(&server, "data-room=team", &vouching).await;
    let browser = Browser::open_set("about:blank", block_all()).await;
    assert_eq!(probe(&browser, &site, "localhost").await, json!([false, "SecurityError", null]));
    let mut ada = String::new();
    for (at, path) in ["/", "/next", "/", "/next"].iter().enumerate() {
        browser.go(&site.url(path)).await;
        enter_panel(&browser).await;
        let id = author(&browser).await;
        assert!(at == 0 || id == ada, "{id}");
        ada = id;
        browser.until_messages(at * ON_A_PAGE).await;
        for number in at * ON_A_PAGE..(at + 1) * ON_A_PAGE {
            browser.say(&text(number)).await;
        }
        browser.until_messages((at + 1) * ON_A_PAGE).await;
        browser.until(NOTHING_WAITS).await;
        assert!(!browser.is("document.querySelector('#forgets')").await, "nobody expects it of a user");
        browser.leave_frame().await;
    }
    enter(&browser).await;
    let shown: Vec<_> = browser.rows().await.into_iter().map(|(_, author, text)| (text, author)).collect();
    let expected: Vec<_> = (0..MESSAGES).map(|number| (text(number), ada.clone())).collect();
    assert_eq!(shown, expected);
    browser.leave_frame().await;
    take_picture(&browser, "strict-vouched").await;
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn where_nothing_is_kept_a_visitor_goes_to_their_own_room_and_is_known_there() {
    let (server, _secret) = identify::chat().await;
    let site = site(&server, "data-room=\"help-*\"", "").await;
    let browser = Browser::open_set("about:blank", block_all()).await;
    assert_eq!(probe(&browser, &site, "localhost").await, json!([false, "SecurityError", null]));
    browser.go(&site.url("/")).await;
    enter_panel(&browser).await;
    browser.until_text("Nobody else can read it").await;
    browser.keys("#name", "Zoe").await;
    browser.say(&text(0)).await;
    browser.until("location.pathname !== '/embed/help-' && document.querySelector('.msg.mine')").await;
    let room = browser.js("return document.body.dataset.room").await.as_str().unwrap().to_owned();
    let zoe = author(&browser).await;
    for number in 1..MESSAGES {
        browser.say(&text(number)).await;
    }
    browser.until_messages(MESSAGES).await;
    browser.until(NOTHING_WAITS).await;
    browser.until_text("when you leave this page, it no longer knows you").await;
    let shown: Vec<_> = browser.rows().await.into_iter().map(|(_, author, text)| (text, author)).collect();
    assert_eq!(shown, (0..MESSAGES).map(|number| (text(number), zoe.clone())).collect::<Vec<_>>());
    // The token went along, and is nowhere any more.
    assert_eq!(
        browser.js("return [history.state, window.name, location.search.includes('token')]").await,
        json!([null, "", false])
    );
    browser.leave_frame().await;
    take_picture(&browser, "strict-own-room").await;
    // The next page knows nobody, and gives them another room.
    browser.go(&site.url("/next")).await;
    enter_panel(&browser).await;
    browser.until_text("Nobody else can read it").await;
    browser.keys("#name", "Zoe").await;
    browser.say("again").await;
    browser.until("location.pathname !== '/embed/help-' && document.querySelector('.msg.mine')").await;
    assert_ne!(browser.js("return document.body.dataset.room").await, json!(room));
    browser.leave_frame().await;
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn the_first_message_of_a_visitor_whose_answer_was_lost_is_stored_once_after_a_reload_too() {
    let (server, _secret) = identify::chat().await;
    let site = site(&server, "data-room=\"help-*\"", "").await;
    let browser = Browser::open(&site.url("/")).await;
    enter_panel(&browser).await;
    browser.keys("#name", "Zoe").await;
    browser
        .js("const { fetch } = window;
             window.lost = [];
             window.fetch = async (input, init) => {
                 const answer = await fetch(input, init);
                 if (!`${input}`.endsWith('/messages')) return answer;
                 lost.push([`${input}`, JSON.parse(init.body).key]);
                 throw new TypeError('the answer was lost');
             }")
        .await;
    browser.say("Do you have hats?").await;
    browser.until("lost.length === 1 && document.querySelector('#problem').textContent").await;
    browser.say("").await;
    browser.until("lost.length === 2").await;
    assert!(browser.is("lost[0].join() === lost[1].join()").await, "the same room and key");
    browser.leave_frame().await;
    browser.reload().await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until("document.querySelector('.msg.mine') && document.querySelector('#draft')?.value").await;
    browser.say("").await;
    browser.until("document.querySelector('#draft').value === ''").await;
    browser.until(NOTHING_WAITS).await;
    let room = browser.js("return document.body.dataset.room").await.as_str().unwrap().to_owned();
    browser.say("And caps?").await;
    browser.until_messages(2).await;
    assert_eq!(browser.texts().await, ["Do you have hats?", "And caps?"]);
    let (path, staff) =
        (format!("/api/v1/rooms/{room}/messages"), identify::token("staff", "Sam", "chat", 3_600));
    let read = server.api().request(reqwest::Method::GET, &path).bearer_auth(staff);
    let history = crate::support::client::answer(read).await.expect(200).json();
    let texts: Vec<_> = history["messages"].as_array().unwrap().iter().map(|one| &one["content"]).collect();
    assert_eq!(texts, ["Do you have hats?", "And caps?"]);
}

/// Writes these while the server is gone, and waits until the panel says so.
async fn write_in_the_dark(browser: &Browser, texts: &[&str]) {
    for text in texts {
        browser.say(text).await;
    }
    browser.until(&format!("document.querySelectorAll('#outbox li').length === {}", texts.len())).await;
    browser.until("document.querySelector('#state').className === 'lost'").await;
}

#[tokio::test]
async fn what_is_written_and_what_comes_while_the_server_is_killed_is_there_once_in_a_panel_open_or_closed() {
    let mut server = chat().await;
    let site = site(&server, "data-room=support", "").await;
    let bob = server.api().guest("Bob").await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.join_with("Ada", "first").await;
    // Open.
    server.kill().await;
    write_in_the_dark(&browser, &["dark 1", "dark 2", "dark 3"]).await;
    browser.leave_frame().await;
    take_picture(&browser, "strict-killed").await;
    server.restart().await;
    for number in 0..3 {
        server.api().say("support", &bob, &format!("Bob {number}")).await;
    }
    enter(&browser).await;
    browser.until_messages(7).await;
    browser.until(NOTHING_WAITS).await;
    // Closed, with a stream and with texts that wait.
    server.kill().await;
    write_in_the_dark(&browser, &["dark 4", "dark 5"]).await;
    browser.keys("#draft", "a draft").await;
    browser.leave_frame().await;
    browser.js("Millchat.close()").await;
    server.restart().await;
    for number in 3..8 {
        server.api().say("support", &bob, &format!("Bob {number}")).await;
    }
    browser.until("Millchat.unread === 5").await;
    until_badge(&browser, "5").await;
    let mut sent = Vec::new();
    while sent.len() < 14 {
        sent = stored(&server.api(), "support").await;
    }
    // Closed, on a page that is left while the server is gone: the next one counts what has come since.
    server.kill().await;
    browser.go(&site.url("/next")).await;
    server.restart().await;
    for number in 8..10 {
        server.api().say("support", &bob, &format!("Bob {number}")).await;
    }
    browser.go(&site.url("/")).await;
    browser.until("window.Millchat?.unread === 7").await;
    until_badge(&browser, "7").await;
    browser.click_found("document.querySelector('mill-chat').shadowRoot.querySelector('#launcher')").await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until_messages(16).await;
    browser.until(NOTHING_WAITS).await;
    assert_eq!(browser.js("return document.querySelector('#draft').value").await, "a draft");
    let history = stored(&server.api(), "support").await;
    let shown: Vec<_> = browser.rows().await.into_iter().map(|(_, author, text)| (text, author)).collect();
    assert_eq!(shown, history);
    let of = |whose: &str| -> Vec<_> {
        history
            .iter()
            .filter(|(_, id)| (id == &bob.id) == (whose == "Bob"))
            .map(|(text, _)| text.clone())
            .collect()
    };
    assert_eq!(of("Bob"), (0..10).map(|number| format!("Bob {number}")).collect::<Vec<_>>());
    assert_eq!(of("Ada"), ["first", "dark 1", "dark 2", "dark 3", "dark 4", "dark 5"]);
}
