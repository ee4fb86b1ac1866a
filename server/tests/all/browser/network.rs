//! The page over a bad network: connections that break in the midst of everything, and ones that die without
//! a word.

use super::{NOTHING_WAITS, assert_shows_all, say};
use crate::support::oracle::{assert_clean, recover};
use crate::support::{Browser, FlakyProxy, Server};
use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle, Sender};
use std::time::Duration;
use thirtyfour::prelude::*;

const DELAY: Duration = Duration::from_millis(40);

/// Messages that the page sends. The page alone hears that they were stored; the oracle holds that each is
/// there once at most.
struct Pages {
    author: String,
    sender: Sender,
    count: u64,
}

impl Pages {
    async fn of(page: &Browser, oracle: &Oracle) -> Self {
        let author = page.js("return document.querySelector('#composer').dataset.authorId").await;
        let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "the page");
        Self { author: author.as_str().unwrap().to_owned(), sender, count: 0 }
    }

    async fn write(&mut self, page: &Browser) {
        let text = format!("by the page {}", self.count);
        page.keys("#draft", text.clone() + Key::Enter).await;
        self.sender.unknown(self.count, EventDigest::post(&self.author, &text));
        self.count += 1;
    }

    async fn assert_all_there_in_order(&self, page: &Browser) {
        let mine = page.rows().await.into_iter().filter(|(_, author, _)| *author == self.author);
        let texts: Vec<String> = mine.map(|(_, _, text)| text).collect();
        let expected: Vec<String> = (0..self.count).map(|number| format!("by the page {number}")).collect();
        assert_eq!(texts, expected);
    }
}

#[tokio::test]
async fn over_a_line_that_breaks_again_and_again_nothing_is_lost_and_nothing_comes_twice() {
    let server = Server::start().await;
    let proxy = FlakyProxy::to(server.address(), DELAY).await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&format!("http://{}/lobby", proxy.address())).await;
    page.join("Ada").await;
    let mut pages = Pages::of(&page, &oracle).await;
    let mut theirs = 0;
    for _ in 0..8 {
        pages.write(&page).await;
        for _ in 0..5 {
            say(&api, &oracle, &carol, &format!("by Carol {theirs}")).await;
            theirs += 1;
        }
        // With the page's own message somewhere on its way, or its answer.
        proxy.cut();
        pages.write(&page).await;
    }
    page.until(NOTHING_WAITS).await;
    page.until_messages(pages.count as usize + theirs).await;
    pages.assert_all_there_in_order(&page).await;
    assert_shows_all(&api, &oracle, &page).await;
    page.assert_quiet(true).await;
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_connection_that_dies_without_a_word_is_noticed_and_nothing_is_lost() {
    let server = Server::start().await;
    let proxy = FlakyProxy::to(server.address(), DELAY).await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&format!("http://{}/lobby", proxy.address())).await;
    page.join("Ada").await;
    let mut pages = Pages::of(&page, &oracle).await;
    pages.write(&page).await;
    page.until_messages(1).await;
    page.until(NOTHING_WAITS).await;
    proxy.go_silent();
    for number in 0..20 {
        say(&api, &oracle, &carol, &format!("by Carol {number}")).await;
    }
    pages.write(&page).await;
    assert_eq!(page.texts().await.len(), 1, "the line is dead");
    // The silence is noticed, and what was sent into it is sent again.
    page.until_messages(22).await;
    page.until(NOTHING_WAITS).await;
    pages.assert_all_there_in_order(&page).await;
    assert_shows_all(&api, &oracle, &page).await;
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

/// The time that the page had since it was told to note it, until it said that the connection is gone.
const NOTED_MS: &str = "return window.lostAt - window.askedAt";

#[tokio::test]
async fn a_send_an_edit_or_a_reaction_without_an_answer_shows_that_the_connection_is_dead() {
    let server = Server::start().await;
    let proxy = FlakyProxy::to(server.address(), DELAY).await;
    let page = Browser::open(&format!("http://{}/lobby", proxy.address())).await;
    page.join("Ada").await;
    page.say("mine").await;
    page.until_messages(1).await;
    page.until(NOTHING_WAITS).await;
    page.js("const state = document.querySelector('#state');
         new MutationObserver(() => {
             if (state.className === 'lost') window.lostAt ??= performance.now();
         }).observe(state, { attributes: true });")
        .await;
    for action in ["send", "edit", "reaction"] {
        page.until(NOTHING_WAITS).await;
        // A connection that is open and idle, which the request takes.
        page.js("return fetch('/healthz').then((answer) => answer.text())").await;
        proxy.go_silent();
        page.js("window.askedAt = performance.now(); window.lostAt = undefined").await;
        match action {
            "send" => page.say("into the void").await,
            "edit" => {
                page.keys("#draft", Key::Up + " too" + Key::Enter).await;
            }
            _ => {
                page.keys("#draft", Key::Escape + "").await;
                page.hover(".msg.mine .text").await;
                page.click(".tools .react").await;
                page.click(".tools .picker button").await;
            }
        }
        page.until("window.lostAt").await;
        let ms = page.js(NOTED_MS).await.as_f64().unwrap();
        assert!((9_000.0..25_000.0).contains(&ms), "{action}: {ms} ms; an idle page waits for 40 s");
        // And it is opened again.
        page.until("document.querySelector('#state').className !== 'lost'").await;
        server.api().say("lobby", &server.api().guest("Carol").await, action).await;
        page.until_text(action).await;
    }
    page.until(NOTHING_WAITS).await;
    page.until_text("into the void").await;
}
