//! The past of a room at the page: it comes in as one scrolls, a link leads to a message however far back it
//! is.

use super::{assert_shows_all, room_url, say};
use crate::support::{Api, Browser, Guest, Server};
use millchat_oracle::Oracle;

/// Returns the expression that is true if a row is in sight.
fn in_sight(id: &str) -> String {
    format!(
        "((row, view) => row && row.getBoundingClientRect().top >= view.top \
            && row.getBoundingClientRect().bottom <= view.bottom)(document.querySelector('{id}'), \
            document.querySelector('#scroller').getBoundingClientRect())"
    )
}

async fn say_many(api: &Api, oracle: &Oracle, guest: &Guest, count: usize) {
    for number in 0..count {
        say(api, oracle, guest, &format!("message {number}")).await;
    }
}

/// No hole is where the view will be next.
const NO_HOLE_NEAR: &str = "((view) => [...document.querySelectorAll('.hole')].every((hole) => {
        const { top, bottom } = hole.getBoundingClientRect();
        return bottom < view.top - 400 || top > view.bottom + 400;
    }))(document.querySelector('#scroller').getBoundingClientRect())";

async fn scroll_by(page: &Browser, pixels: i32) {
    page.js(&format!("document.querySelector('#scroller').scrollBy(0, {pixels})")).await;
}

#[tokio::test]
async fn older_messages_come_as_one_scrolls_up_and_what_is_in_sight_stays_there() {
    let server = Server::start().await;
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 204).await;
    // The groups are formed from here on: read from the start, the first row of a page is in the midst of
    // one.
    say(&api, &oracle, &api.guest("Dave").await, "between").await;
    say_many(&api, &oracle, &carol, 145).await;
    let page = Browser::open(&room_url(&server)).await;
    assert_eq!(page.rows().await.len(), 100, "the first HTML");
    for count in [200, 300, 350] {
        // To the very top, where the first row is in sight; its place is looked at before anything can come.
        page.js("const scroller = document.querySelector('#scroller');
             scroller.scrollTop = 0;
             window.row = document.querySelector('#messages > .msg');
             window.at = row.getBoundingClientRect().top;")
            .await;
        page.until_messages(count).await;
        page.until("document.querySelector('#messages > .msg') !== row").await;
        let moved = page.js("return Math.abs(row.getBoundingClientRect().top - at)").await;
        assert!(moved.as_f64().unwrap() < 2.0, "the row moved by {moved} px at {count}");
        assert!(page.is("!row.classList.contains('cont')").await, "the row is as it was");
    }
    page.until_text("This is where the room begins.").await;
    say(&api, &oracle, &carol, "live").await;
    page.until_messages(351).await;
    assert_shows_all(&api, &oracle, &page).await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_link_to_a_message_far_back_opens_there_and_leads_on_to_the_newest() {
    let server = Server::start().await;
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 500).await;
    let page = Browser::open(&format!("{}#m-150", room_url(&server))).await;
    page.until("document.querySelector('#m-150.aimed')").await;
    page.until(&in_sight("#m-150")).await;
    page.until("document.querySelectorAll('#messages > .hole').length === 1").await;
    // What comes now is at the end, behind the hole, and moves nothing.
    say(&api, &oracle, &carol, "live").await;
    page.until("document.querySelector('#m-501')").await;
    page.until(&in_sight("#m-150")).await;
    assert_eq!(page.js("return document.querySelector('#latest').textContent").await, "1 new");
    // Each message has a link to itself.
    let link = page.js("return document.querySelector('#m-150 .at').href").await;
    assert_eq!(link, format!("{}#m-150", room_url(&server)));
    while page.is("document.querySelector('.hole')").await {
        scroll_by(&page, 300).await;
    }
    while page.is("document.querySelector('#m-1') === null").await {
        scroll_by(&page, -2_000).await;
    }
    assert_shows_all(&api, &oracle, &page).await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_hole_is_filled_from_the_side_that_its_reader_comes_from() {
    let server = Server::start().await;
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 500).await;
    let page = Browser::open(&room_url(&server)).await;
    // Followed inside the page, as from a message that quotes the address.
    page.js("location.hash = '#m-20'").await;
    page.until(&in_sight("#m-20")).await;
    page.click("#latest").await;
    page.until(&in_sight("#m-500")).await;
    page.until("document.querySelector('#m-20') && document.querySelector('.hole')").await;
    scroll_by(&page, -1_800).await;
    page.until("document.querySelector('#m-400')").await;
    page.until("document.querySelector('#m-350')").await;
    assert!(page.is("document.querySelector('#m-200') === null").await, "it comes from below");
    while page.is("document.querySelector('.hole')").await {
        scroll_by(&page, -300).await;
    }
    assert_shows_all(&api, &oracle, &page).await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn from_a_very_long_list_a_quote_leads_to_what_it_quotes() {
    let server = Server::start().await;
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 250).await;
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(100).await;
    // As many as a list may have before it is cut.
    say_many(&api, &oracle, &carol, 499).await;
    api.reply("lobby", &carol, 3, "so it was").await.expect(201);
    page.until_messages(600).await;
    page.click(".quote").await;
    page.until("document.querySelector('#m-3.aimed')").await;
    page.until(&in_sight("#m-3")).await;
    assert_eq!(page.js("return document.querySelector('#problem').textContent").await, "");
    page.until("document.activeElement.closest('#m-3')").await;
    page.assert_quiet(false).await;
}

/// A page of 90 messages that is scrolled up and at rest; it remembers a row and where that is.
async fn scrolled_up(server: &Server) -> (Api, Guest, Browser) {
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 90).await;
    let page = Browser::open(&room_url(server)).await;
    scroll_by(&page, -600).await;
    page.until("!document.querySelector('#latest').hidden").await;
    page.js("const { top } = document.querySelector('#scroller').getBoundingClientRect();
         window.row = [...document.querySelectorAll('.msg')].find((r) => r.getBoundingClientRect().top > top + 20);
         window.at = undefined;")
        .await;
    // Once the page is at rest: a busy machine lays it out late.
    page.until("at === (window.at = row.getBoundingClientRect().top)").await;
    (api, carol, page)
}

/// Changes two messages above the view, the second when this expression is true too, and looks that the view stands
/// still.
async fn assert_stands_still(api: &Api, carol: &Guest, page: &Browser, then: &str) {
    api.react(carol, ("lobby", 5), "👍", true).await.expect(204);
    page.until(&format!("document.querySelector('#m-5 .chip') && {then}")).await;
    api.edit("lobby", carol, 6, &"of many lines\n".repeat(8)).await.expect(200);
    page.until("document.querySelector('#m-6 .edited')").await;
    let moved = page
        .js("return new Promise((resolve) => requestAnimationFrame(() => setTimeout(() =>
                 resolve(Math.abs(row.getBoundingClientRect().top - at)))))")
        .await;
    assert!(moved.as_f64().unwrap() < 2.0, "the row moved by {moved} px");
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_view_into_the_past_stands_still_whatever_changes_above_it() {
    let server = Server::start().await;
    let (api, carol, page) = scrolled_up(&server).await;
    assert_stands_still(&api, &carol, &page, "true").await;
}

#[tokio::test]
async fn a_view_into_the_past_stands_still_also_when_changes_follow_each_other_closely() {
    let server = Server::start().await;
    let (api, carol, page) = scrolled_up(&server).await;
    // What is to come right after a frame comes late: when the next change is there, and not yet laid out.
    page.js("const [later, held] = [window.setTimeout, []];
         window.setTimeout = (f, ms, ...more) => (ms ? later(f, ms, ...more) : held.push(f));
         window.isHeld = () => held.length > 0;
         new MutationObserver((records, observer) => {
           if (!document.querySelector('#m-6 .edited')) return;
           observer.disconnect();
           window.setTimeout = later;
           held.forEach((f) => f());
         }).observe(document.querySelector('#messages'), { childList: true, characterData: true, subtree: true });")
        .await;
    assert_stands_still(&api, &carol, &page, "isHeld()").await;
}

#[tokio::test]
async fn a_link_to_what_is_not_there_says_so() {
    let server = Server::start().await;
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 3).await;
    for hash in ["#m-999", "#m-99999999999999999999999999"] {
        let page = Browser::open(&format!("{}{hash}", room_url(&server))).await;
        page.until_text("is not here any more").await;
        page.until(&in_sight("#m-3")).await;
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn of_a_very_long_list_only_what_is_near_stays_in_the_page() {
    const ROWS_MAX: &str = "document.querySelectorAll('#messages > *').length <= 701";
    let server = Server::start().await;
    let (oracle, api) = (Oracle::new(), server.api());
    let carol = api.guest("Carol").await;
    say_many(&api, &oracle, &carol, 1_500).await;
    let page = Browser::open(&room_url(&server)).await;
    while page.is("document.querySelector('#m-1') === null").await {
        scroll_by(&page, -3_000).await;
        assert!(page.is(ROWS_MAX).await);
    }
    assert!(page.is("document.querySelector('.hole')").await);
    say(&api, &oracle, &carol, "live").await;
    page.until("document.querySelector('#m-1501')").await;
    while page.is("!document.querySelector('#latest').hidden || document.querySelector('.hole')").await {
        scroll_by(&page, 400).await;
        // One who scrolls faster than rows arrive passes a hole, and leaves it behind.
        page.until(NO_HOLE_NEAR).await;
        assert!(page.is(ROWS_MAX).await);
    }
    // Down at the end again: in order, nothing missing from the first row on.
    let positions: Vec<u64> = page.rows().await.into_iter().map(|(position, ..)| position).collect();
    let first = positions[0];
    assert_eq!(positions, (first..=1_501).collect::<Vec<_>>());
    page.assert_quiet(false).await;
}
