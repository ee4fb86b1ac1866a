//! A page in a room of thousands of messages, while new ones come many times a second: all are shown, what
//! the page keeps is bounded, and what the browser had to work for at one go is printed.
//!
//! ```sh
//! cargo test -p millchat-server --test all in_a_long_and_busy_room -- --nocapture
//! ```

use super::room_url;
use crate::support::{Api, Browser, Guest, Server, within};
use futures_util::future::join_all;
use std::time::Duration;

const MESSAGES: usize = 5_000;
const SENDERS: usize = 50;
const FOLLOWED: usize = 300;
const A_SECOND: u64 = 20;
/// Most rows that `history.js` keeps.
const ROWS_MAX: u64 = 701;

async fn say_many(api: &Api, guest: &Guest) {
    let text =
        "A message as people write them, of a line or two, **with** `some` formatting here and there. ";
    let sender = async |sender: usize| {
        for number in 0..MESSAGES / SENDERS {
            api.say("lobby", guest, &format!("{} {sender}/{number}", text.repeat(1 + number % 3))).await;
        }
    };
    join_all((0..SENDERS).map(sender)).await;
}

#[tokio::test]
async fn in_a_long_and_busy_room_the_page_keeps_up_and_stays_bounded() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    say_many(&api, &carol).await;
    let page = Browser::open(&room_url(&server)).await;
    page.js("window.tasks = [];
         new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)))
             .observe({ type: 'longtask' });")
        .await;
    let back = async {
        while page.is("document.querySelector('.hole') === null").await {
            page.js("document.querySelector('#scroller').scrollTop = 0").await;
        }
    };
    within("the list is cut below the view", back).await;
    let scrolled = page.js("return tasks.splice(0)").await;
    page.click("#latest").await;
    page.until("document.querySelector('#scroller').classList.contains('following')").await;
    let jumped = page.js("return tasks.splice(0)").await;
    // What stands is not formed again by what comes below or goes above: that would cost more than all else.
    page.js(
        "window.formed = [];
         const watch = new MutationObserver((changes) => formed.push(
             ...changes.filter(({ target, oldValue }) => target.className !== oldValue).map(({ target }) => target.id)));
         for (const row of document.querySelectorAll('#messages > .msg'))
             watch.observe(row, { attributeFilter: ['class'], attributeOldValue: true });
         window.first = document.querySelector('#messages > .msg');",
    )
    .await;
    let mut ticks = tokio::time::interval(Duration::from_millis(1_000 / A_SECOND));
    for number in 0..FOLLOWED {
        ticks.tick().await;
        api.say("lobby", &carol, &format!("followed {number}")).await;
    }
    page.until(&format!(
        "document.querySelector('#messages').innerText.includes('followed {}')",
        FOLLOWED - 1
    ))
    .await;
    let rows = page.js("return document.querySelectorAll('#messages > *').length").await;
    assert!(rows.as_u64().unwrap() <= ROWS_MAX, "{rows} rows");
    assert!(page.is("!first.isConnected").await, "the list was cut while following");
    assert_eq!(page.js("return formed").await, serde_json::json!([]));
    let texts = page.texts().await;
    let followed: Vec<_> = texts.iter().filter(|text| text.starts_with("followed")).collect();
    assert_eq!(followed.len(), FOLLOWED);
    println!("tasks over 50 ms, in ms: while scrolling back {scrolled}; to the end {jumped}");
    println!("following {A_SECOND} messages/s: {}", page.js("return tasks").await);
    page.assert_quiet(false).await;
}
