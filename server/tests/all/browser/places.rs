//! Places in the list: Back returns to the one that its reader left, and the day of the rows in view is seen.

use super::room_url;
use crate::support::{Browser, Server};
use serde_json::json;
use thirtyfour::prelude::*;

/// The distance of a row from the top of the view.
async fn below_top(page: &Browser, position: u64) -> f64 {
    let script = format!(
        "return document.querySelector('#m-{position}').getBoundingClientRect().top \
         - document.querySelector('#scroller').getBoundingClientRect().top"
    );
    page.js(&script).await.as_f64().unwrap()
}

async fn assert_stays(page: &Browser, position: u64, before: f64, what: &str) {
    let look = format!(
        "Math.abs(document.querySelector('#m-{position}').getBoundingClientRect().top \
         - document.querySelector('#scroller').getBoundingClientRect().top - {before}) < 2"
    );
    page.until(&look).await;
    assert!((below_top(page, position).await - before).abs() < 2.0, "{what}");
}

#[tokio::test]
async fn back_returns_to_the_place_from_which_a_quote_was_followed() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let far = api.say("lobby", &carol, "far back").await;
    let mut positions = Vec::new();
    for number in 0..250 {
        positions.push(api.say("lobby", &carol, &format!("message {number}")).await);
    }
    let near = positions[200];
    let near_reply = api.reply("lobby", &carol, near, "near").await.expect(201).json();
    let far_reply = api.reply("lobby", &carol, far, "far").await.expect(201).json();
    for number in 0..30 {
        api.say("lobby", &carol, &format!("after {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(100).await;
    for (reply, target) in [(near_reply, near), (far_reply, far)] {
        let reply = reply["position"].as_u64().unwrap();
        page.js(&format!(
            "const scroller = document.querySelector('#scroller'); scroller.scrollTop -= 1; \
             document.querySelector('#m-{reply}').scrollIntoView({{ block: 'center' }})"
        ))
        .await;
        page.until("!document.querySelector('#scroller').classList.contains('following')").await;
        let before = below_top(&page, reply).await;
        // By keyboard: the focus comes back too.
        page.keys(&format!("#m-{reply} .quote"), Key::Enter + "").await;
        page.until(&format!("document.querySelector('#m-{target}')?.classList.contains('aimed')")).await;
        assert_eq!(page.js("return location.hash").await, format!("#m-{target}"));
        // The same again: to follow it twice is one way forth and one back each.
        page.js("history.back()").await;
        page.until("location.hash === ''").await;
        assert_stays(&page, reply, before, "back at the reply").await;
        page.until(&format!("document.activeElement?.closest('#m-{reply}')")).await;
        page.until("document.querySelector('.aimed') === null").await;
        page.js("history.forward()").await;
        page.until(&format!("document.querySelector('#m-{target}')?.classList.contains('aimed')")).await;
        page.js("history.back()").await;
        page.until("location.hash === ''").await;
        assert_stays(&page, reply, before, "back again").await;
    }
    // From the end, back is at the end, and follows.
    page.click("#latest").await;
    page.js("document.querySelector('#messages > .msg:last-child .at').click()").await;
    page.js("document.querySelector('#scroller').scrollTop -= 900").await;
    page.until("!document.querySelector('#scroller').classList.contains('following')").await;
    page.js("history.back()").await;
    page.until("document.querySelector('#scroller').classList.contains('following')").await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn back_finds_a_place_whose_rows_were_taken_from_the_page() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..250 {
        api.say("lobby", &carol, &format!("message {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(100).await;
    page.js("document.querySelector('#older button').click()").await;
    page.until_messages(200).await;
    page.js("document.querySelector('#scroller').scrollTop = 1500").await;
    page.until("!document.querySelector('#scroller').classList.contains('following')").await;
    let seen = page
        .js("const { top } = document.querySelector('#scroller').getBoundingClientRect();
             const row = [...document.querySelectorAll('.msg')].find((row) => row.getBoundingClientRect().bottom > top);
             const at = row.nextElementSibling;
             at.querySelector('.at').click();
             history.pushState(null, '', location.pathname);
             return [Number(row.dataset.position), Number(at.dataset.position)];")
        .await;
    // A reload leaves only the newest rows.
    page.reload().await;
    page.until_messages(100).await;
    assert!(page.is(&format!("document.querySelector('#m-{}') === null", seen[0])).await);
    page.js("history.go(-2)").await;
    page.until(&format!(
        "((row, view) => row && row.top > view.top - 60 && row.top < view.bottom)(
            document.querySelector('#m-{}')?.getBoundingClientRect(),
            document.querySelector('#scroller').getBoundingClientRect())",
        seen[0]
    ))
    .await;
}

/// Texts that are seen at the top of the list.
const AT_TOP: &str = "const { left, top, width } = document.querySelector('#scroller').getBoundingClientRect();
    return [...document.querySelectorAll('main *')].filter((e) => {
        const box = e.getBoundingClientRect();
        return e.children.length === 0 && e.checkVisibility({ visibilityProperty: true }) && box.height > 0
            && box.top >= top - 1 && box.top < top + 20 && Math.abs((box.left + box.right) / 2 - left - width / 2) < 12;
    }).map((e) => e.textContent)";

#[tokio::test]
async fn the_line_of_a_day_stays_in_view_while_its_rows_scroll_by() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    api.say("lobby", &carol, "one").await;
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(1).await;
    // Rows of other days, as the server would send them.
    page.js("for (let n = 1; n < 90; n += 1) {
            const row = document.querySelector('#messages > .msg:last-child').cloneNode(true);
            row.id = `m-${1000 + n}`; row.dataset.position = 1000 + n; row.removeAttribute('data-day');
            const time = row.querySelector('time');
            window.base ??= Date.parse(time.dateTime);
            time.dateTime = new Date(base + Math.floor(n / 30) * 3 * 86_400_000).toISOString();
            document.querySelector('#messages').append(row);
        }")
        .await;
    page.until_messages(90).await;
    for position in [1020, 1045, 1075] {
        page.js(&format!("document.querySelector('#m-{position}').scrollIntoView({{ block: 'start' }})"))
            .await;
        let day = page
            .js(&format!(
                "let row = document.querySelector('#m-{position}');
                 while (!row.dataset.day) row = row.previousElementSibling;
                 return row.dataset.day;"
            ))
            .await;
        page.until(&format!("(() => {{ {AT_TOP} }})().includes({day})")).await;
    }
    // At the very line there is no second one.
    page.js("const row = document.querySelectorAll('.msg[data-day]')[1];
         document.querySelector('#scroller').scrollTop += row.getBoundingClientRect().top \
             - document.querySelector('#scroller').getBoundingClientRect().top - 10;")
        .await;
    page.until(
        "((copy, row) => copy.bottom <= row.top + 17)(document.querySelector('#day').getBoundingClientRect(),
            document.querySelectorAll('.msg[data-day]')[1].getBoundingClientRect())",
    )
    .await;
    page.js("document.querySelector('#scroller').scrollTop = 0").await;
    page.until(&format!("(() => {{ {AT_TOP} }})().length <= 1")).await;
    assert_eq!(page.js("return document.querySelectorAll('[data-day]').length").await, json!(3));
}
