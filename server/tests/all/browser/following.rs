//! Following a conversation at the page: the view goes with it or stays, and shows where one left off.

use super::room_url;
use crate::support::{Browser, Server};

const AT_END: &str =
    "((s) => s.scrollHeight - s.scrollTop - s.clientHeight < 2)(document.querySelector('#scroller'))";

const LINE_IN_SIGHT: &str = "((row, view) => row.top >= view.top && row.bottom <= view.bottom)(
    document.querySelector('[data-unread]').getBoundingClientRect(),
    document.querySelector('#scroller').getBoundingClientRect())";

#[tokio::test]
async fn at_the_end_the_view_follows_and_scrolled_up_it_stays_and_counts() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..60 {
        api.say("lobby", &carol, &format!("message {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    api.say("lobby", &carol, "followed").await;
    page.until_messages(61).await;
    page.until(AT_END).await;
    assert!(page.is("document.querySelector('#latest').hidden").await);

    page.js("document.querySelector('#scroller').scrollBy(0, -500)").await;
    page.until("!document.querySelector('#latest').hidden").await;
    page.js("window.top_ = document.querySelector('#scroller').scrollTop").await;
    for number in 0..3 {
        api.say("lobby", &carol, &format!("not followed {number}")).await;
    }
    page.until("document.querySelector('#latest').textContent === '3 new'").await;
    page.until("document.title.startsWith('(3) ')").await;
    page.until_messages(64).await;
    assert!(page.is("document.querySelector('#scroller').scrollTop === top_").await, "the view stays");
    page.until("document.querySelector('[data-unread]')?.innerText.includes('not followed 0')").await;
    page.click("#latest").await;
    page.until(AT_END).await;
    page.until("document.querySelector('#latest').hidden && !document.title.startsWith('(')").await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_line_stands_where_its_reader_left_off() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    for number in 0..40 {
        api.say("lobby", &carol, &format!("seen {number}")).await;
    }
    page.until_messages(40).await;
    assert!(page.is("document.querySelector('[data-unread]') === null").await, "all was seen as it came");
    page.go("about:blank").await;
    for number in 0..50 {
        api.say("lobby", &carol, &format!("missed {number}")).await;
    }
    page.go(&room_url(&server)).await;
    page.until("document.querySelector('[data-unread] .text')?.textContent === 'missed 0'").await;
    assert!(!page.is(AT_END).await, "it opens where there is something to read");
    assert_eq!(page.js("return document.querySelectorAll('[data-unread]').length").await, 1);
    page.say("an answer").await;
    page.until("document.querySelector('#messages .msg:last-child.mine .text')?.textContent === 'an answer'")
        .await;
    page.until("document.querySelector('[data-unread]') === null").await;

    // The same for a tab that nobody looks at.
    let meanwhile = async {
        api.say("lobby", &carol, "while away").await;
    };
    page.look_away(meanwhile, page.rows().await.len() + 1).await;
    page.until("document.querySelector('[data-unread] .text')?.textContent === 'while away'").await;
    // Away again, for more than the view holds: the line is where they left now, and in sight.
    let meanwhile = async {
        for number in 0..40 {
            api.say("lobby", &carol, &format!("while away again {number}")).await;
        }
    };
    page.look_away(meanwhile, page.rows().await.len() + 40).await;
    page.until("document.querySelector('[data-unread] .text')?.textContent === 'while away again 0'").await;
    assert_eq!(page.js("return document.querySelectorAll('[data-unread]').length").await, 1);
    page.until(LINE_IN_SIGHT).await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_page_with_nothing_new_gets_no_line_and_one_with_much_opens_where_its_reader_left_off() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..3 {
        api.say("lobby", &carol, &format!("seen {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(3).await;
    page.reload().await;
    api.say("lobby", &carol, "before one's eyes").await;
    page.until_messages(4).await;
    assert!(page.is("document.querySelector('[data-unread]') === null").await);
    page.go("about:blank").await;
    for number in 0..250 {
        api.say("lobby", &carol, &format!("missed {number}")).await;
    }
    page.go(&room_url(&server)).await;
    page.until("document.querySelector('[data-unread] .text')?.textContent === 'missed 0'").await;
    page.until(LINE_IN_SIGHT).await;
    page.until("document.querySelector('#latest').hidden === false").await;
    page.click("#latest").await;
    page.until(AT_END).await;
    page.until("document.activeElement.matches('#scroller, #name')").await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn messages_of_one_author_are_together_and_days_apart() {
    let server = Server::start().await;
    let api = server.api();
    let (carol, dave) = (api.guest("Carol").await, api.guest("Dave").await);
    for (guest, text) in [(&carol, "one"), (&carol, "two"), (&dave, "three"), (&carol, "four")] {
        api.say("lobby", guest, text).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    let groups =
        "return [...document.querySelectorAll('#messages > .msg')].map((r) => r.classList.contains('cont'))";
    page.until_messages(4).await;
    assert_eq!(page.js(groups).await, serde_json::json!([false, true, false, false]));
    let days = "return [...document.querySelectorAll('#messages > .msg')].map((r) => !!r.dataset.day)";
    assert_eq!(page.js(days).await, serde_json::json!([true, false, false, false]));
    // Rows of a message much later, and of another day, as the server would send them.
    page.js(
        "for (const [id, ms] of [[100, 6 * 60_000], [101, 2 * 86_400_000], [102, 2 * 86_400_000 + 1000]]) {
            const row = document.querySelector('#messages > .msg:last-child').cloneNode(true);
            row.id = `m-${id}`; row.dataset.position = id; row.removeAttribute('data-day');
            const time = row.querySelector('time');
            window.base ??= Date.parse(time.dateTime);
            time.dateTime = new Date(base + ms).toISOString();
            document.querySelector('#messages').append(row);
        }",
    )
    .await;
    page.until_messages(7).await;
    let expected = serde_json::json!([false, true, false, false, false, false, true]);
    page.until("document.querySelector('#m-102').classList.contains('cont')").await;
    assert_eq!(page.js(groups).await, expected);
    // Minutes later can be the next day: what is two days later always is.
    assert!(page.is("document.querySelector('#m-101').dataset.day").await);
    assert!(page.is("!document.querySelector('#m-102').dataset.day").await);
}
