//! Many tabs of one browser have one connection, and each misses nothing.

use super::{NOTHING_WAITS, assert_shows_all, room_url, say};
use crate::support::oracle::{assert_clean, recover};
use crate::support::{Browser, Server, within};
use millchat_oracle::Oracle;
use serde_json::json;
use std::time::Duration;
use thirtyfour::prelude::*;

/// As many as a person has who has too many; a browser has six connections to a host.
const TABS: usize = 10;

fn room(number: usize) -> String {
    format!("room-{number}")
}

/// Waits until the server has as many streams.
pub async fn until_readers(server: &Server, count: usize) {
    let api = server.api();
    let line = format!("\nmillchat_readers {count}\n");
    let look = async {
        while !api.get("/metrics").await.expect(200).body.contains(&line) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("as many streams are open", look).await;
}

#[tokio::test]
async fn ten_tabs_of_different_rooms_have_one_connection_and_each_is_live() {
    let mut server = Server::start().await;
    let (api, first) = (server.api(), format!("http://{}/{}", server.address(), room(0)));
    let carol = api.guest("Carol").await;
    let page = Browser::open(&first).await;
    page.join("Ada").await;
    let mut tabs = Vec::new();
    for number in 1..TABS {
        let url = format!("http://{}/{}", server.address(), room(number));
        tabs.push(page.open_tab(&url).await);
    }
    tabs.push(page.here().await);
    // Each in its own room, over one connection.
    until_readers(&server, TABS).await;
    for round in 0..2 {
        for number in 0..TABS {
            server.api().send(&room(number), &carol, &format!("{round} for {number}")).await;
        }
        for (number, tab) in tabs.iter().enumerate() {
            page.switch_to(tab.clone()).await;
            page.until_messages(round + 1).await;
            let expected: Vec<_> = (0..=round).map(|round| format!("{round} for {number}")).collect();
            assert_eq!(page.texts().await, expected);
        }
        if round == 0 {
            server.kill().await;
            server.restart().await;
        }
    }
    page.switch_to(tabs[3].clone()).await;
    page.say("from a tab that has no connection").await;
    page.until_messages(3).await;
    page.until(NOTHING_WAITS).await;
    // Whose tab is closed is not there any more.
    page.close(tabs[5].clone()).await;
    until_readers(&server, TABS - 1).await;
    page.assert_quiet(true).await;
}

#[tokio::test]
async fn when_the_tab_with_the_connection_is_closed_another_goes_on_and_nothing_is_missing() {
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    let mut count = 0;
    for _ in 0..4 {
        let first = page.open_tab(&room_url(&server)).await;
        for _ in 0..10 {
            say(&api, &oracle, &carol, &format!("message {count}")).await;
            count += 1;
        }
        // In the midst of it.
        page.close(first).await;
        for _ in 0..10 {
            say(&api, &oracle, &carol, &format!("message {count}")).await;
            count += 1;
        }
        page.until_messages(count).await;
        assert_shows_all(&api, &oracle, &page).await;
        until_readers(&server, 1).await;
    }
    page.assert_quiet(true).await;
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_tab_that_the_browser_froze_loses_the_connection_to_one_that_waits() {
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    say(&api, &oracle, &carol, "before").await;
    page.until_messages(1).await;
    // It does nothing from here on, until it is told to.
    page.cdp("Page.setWebLifecycleState", json!({ "state": "frozen" })).await;
    let frozen = page.open_tab(&room_url(&server)).await;
    say(&api, &oracle, &carol, "meanwhile").await;
    page.until_messages(2).await;
    assert_shows_all(&api, &oracle, &page).await;
    // Once it can, it is as live as before, by the other's connection.
    page.switch_to(frozen).await;
    page.cdp("Page.setWebLifecycleState", json!({ "state": "active" })).await;
    say(&api, &oracle, &carol, "after").await;
    page.until_messages(3).await;
    assert_shows_all(&api, &oracle, &page).await;
    until_readers(&server, 1).await;
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_tab_that_is_far_behind_brings_nothing_old_into_another_of_its_room() {
    let server = Server::start().await;
    let oracle = Oracle::new();
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    for number in 0..3 {
        say(&api, &oracle, &carol, &format!("before {number}")).await;
    }
    page.until_messages(3).await;
    // The new tab begins with the newest, and not where its reader left off.
    page.js("localStorage.removeItem('millchat:seen:lobby')").await;
    page.cdp("Page.setWebLifecycleState", json!({ "state": "frozen" })).await;
    // More than the first HTML holds, so that the new tab has not all of it.
    for number in 0..150 {
        say(&api, &oracle, &carol, &format!("meanwhile {number}")).await;
    }
    let behind = page.open_tab(&room_url(&server)).await;
    page.until_messages(100).await;
    let ahead = page.here().await;
    page.switch_to(behind).await;
    page.cdp("Page.setWebLifecycleState", json!({ "state": "active" })).await;
    // It catches up by the stream that is opened again for its sake.
    page.until_messages(153).await;
    assert_shows_all(&api, &oracle, &page).await;
    page.switch_to(ahead).await;
    say(&api, &oracle, &carol, "after").await;
    page.until_messages(101).await;
    let shown = page.rows().await;
    assert_eq!(shown.len(), 101, "nothing old came in");
    assert!(shown.is_sorted_by_key(|(position, ..)| *position), "{shown:?}");
    assert_eq!(shown.last().unwrap().2, "after");
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_new_name_shows_in_all_tabs() {
    for locks in [true, false] {
        let server = Server::start().await;
        let page = Browser::open("about:blank").await;
        let browser = if locks { "" } else { "delete Navigator.prototype.locks;" };
        page.before_pages(browser).await;
        page.go(&room_url(&server)).await;
        let first = page.open_tab_with(browser, &format!("http://{}/garden", server.address())).await;
        page.until("document.querySelector('#stream').dataset.place").await;
        let second = page.here().await;
        page.join("Ada").await;
        page.switch_to(first.clone()).await;
        page.until("document.querySelector('#writer') && document.querySelector('#composer').dataset.authorName === 'Ada'")
            .await;
        page.say("from the first").await;
        page.until_messages(1).await;
        page.until("document.querySelector('#messages .msg.mine')").await;
        // Chosen again in the first, while there is a draft in the second.
        page.switch_to(second.clone()).await;
        page.keys("#draft", "a draft").await;
        page.switch_to(first).await;
        page.click("#rename").await;
        page.until("document.activeElement.id === 'name'").await;
        page.keys("#name", "Bea".to_owned() + Key::Enter).await;
        page.until("document.querySelector('#composer').dataset.authorName === 'Bea'").await;
        page.switch_to(second).await;
        page.until("document.querySelector('#composer').dataset.authorName === 'Bea'").await;
        page.until("document.querySelector('.me .name').textContent === 'Bea'").await;
        assert_eq!(page.js("return document.querySelector('#draft').value").await, "a draft");
        // The others see it too, in both rooms.
        for room in ["lobby", "garden"] {
            let api = server.api();
            let look = async {
                while !api.get(&format!("/{room}")).await.expect(200).body.contains(">Bea</bdi>") {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            within("the new name is seen", look).await;
        }
        page.assert_quiet(false).await;
    }
}
