//! Formatting, as people see what others type: lists, tall texts, quotes with formatting.

use super::room_url;
use crate::support::{Browser, Server};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

/// The greatest height of a tall text in part.
const PART_PX: f64 = 24.0 * 16.0;

async fn number(page: &Browser, expression: &str) -> f64 {
    page.js(&format!("return {expression}")).await.as_f64().unwrap_or_else(|| panic!("{expression}"))
}

/// The height of the text of a message.
async fn height(page: &Browser, position: u64) -> f64 {
    number(page, &format!("document.querySelector('#m-{position} .text').getBoundingClientRect().height"))
        .await
}

#[tokio::test]
async fn the_marks_of_a_list_are_whole_whatever_their_width() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for text in [
        "8. a\n9. b",
        "98. a\n99. b",
        "99. a\n100. b",
        "20456. a\n20457. b",
        "999999998. a\n999999999. b",
        "- a\n- b",
    ] {
        api.say("lobby", &carol, text).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(6).await;
    let marks = page
        .js("const width = (list, text) => {
                 const probe = document.createElement('span');
                 probe.textContent = text;
                 probe.style.whiteSpace = 'pre';
                 list.parentElement.append(probe);
                 const { width } = probe.getBoundingClientRect();
                 probe.remove();
                 return width;
             };
             return [...document.querySelectorAll('#messages :is(ol, ul)')].map((list) => {
                 const { listStylePosition, paddingInlineStart } = getComputedStyle(list);
                 const last = list.start + list.children.length - 1;
                 const room = listStylePosition === 'inside' ? Infinity : parseFloat(paddingInlineStart);
                 return room >= width(list, list.localName === 'ol' ? `${last}. ` : '•  ');
             })")
        .await;
    assert_eq!(marks, json!([true, true, true, true, true, true]));
}

#[tokio::test]
async fn of_a_tall_text_the_beginning_is_shown_and_all_of_it_on_demand() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let link = |line| if line == 90 { "https://example.com/".to_owned() } else { format!("line {line}") };
    let tall = (0..100).map(link).collect::<Vec<_>>().join("\n");
    let at = api.say("lobby", &carol, &tall).await;
    let low = api.say("lobby", &carol, "low").await;
    // Low where there is room, and tall on a phone.
    let middling = api.say("lobby", &carol, &"some words ".repeat(120)).await;
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(3).await;
    let control = format!("#m-{at} .whole");
    assert!(height(&page, at).await <= PART_PX);
    assert!(page.is(&format!("document.querySelector('#m-{low} .whole') === null")).await);
    assert!(
        page.is(&format!(
            "getComputedStyle(document.querySelector('#m-{middling} .whole')).display === 'none'"
        ))
        .await
    );
    assert_eq!(
        page.js(&format!("return document.querySelector('{control}').innerText.trim()")).await,
        "Show more"
    );
    page.click(&control).await;
    assert!(height(&page, at).await > 2.0 * PART_PX);
    assert_eq!(
        page.js(&format!("return document.querySelector('{control}').innerText.trim()")).await,
        "Show less"
    );
    // By keyboard.
    page.keys(&format!("{control} input"), Key::Space + "").await;
    assert!(height(&page, at).await <= PART_PX);
    // The focus leads to what is cut off, as a search does, and all is shown.
    let link = format!("document.querySelector('#m-{at} .text a')");
    page.js(&format!("{link}.focus()")).await;
    page.until(&format!("document.querySelector('{control} input').checked")).await;
    page.until(&format!("(({{ top }}) => top > 0 && top < innerHeight)({link}.getBoundingClientRect())"))
        .await;
    // It comes and goes with the text.
    api.edit("lobby", &carol, at, "low now").await.expect(200);
    page.until(&format!("document.querySelector('#m-{at} .text').textContent.startsWith('low now')")).await;
    assert!(page.is(&format!("document.querySelector('{control}') === null")).await);
    api.edit("lobby", &carol, at, &tall).await.expect(200);
    page.until(&format!("document.querySelector('{control}')?.innerText.trim() === 'Show more'")).await;
    assert!(height(&page, at).await <= PART_PX);
    page.assert_quiet(false).await;

    let phone = Browser::open_phone(&room_url(&server), 360, 740).await;
    phone.until_messages(3).await;
    for position in [at, middling] {
        assert!(height(&phone, position).await <= PART_PX);
    }
    // Without script the driver cannot scroll to what it clicks on.
    api.delete("lobby", &carol, middling).await.expect(204);
    let plain = Browser::without_script().await;
    plain.go(&room_url(&server)).await;
    plain.click(&control).await;
    assert!(height(&plain, at).await > 2.0 * PART_PX, "without script");
}

#[tokio::test]
async fn a_tall_text_that_is_opened_at_the_end_stays_in_view() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    let tall = (0..200).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
    // More than the view takes: a list that does not fill it stands at its end.
    for number in 0..30 {
        api.say("lobby", &carol, &format!("before {number}")).await;
    }
    let at = api.say("lobby", &carol, &tall).await;
    page.until_messages(31).await;
    page.until(
        "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(
                    document.querySelector('#scroller'))",
    )
    .await;
    let top = format!("document.querySelector('#m-{at} .text').getBoundingClientRect().top");
    let before = number(&page, &top).await;
    page.click(&format!("#m-{at} .whole")).await;
    page.until("!document.querySelector('#latest').hidden").await;
    assert!((number(&page, &top).await - before).abs() < 2.0);
}

/// Returns the markup that the quote of a message shows.
async fn said(page: &Browser, position: u64) -> Value {
    page.js(&format!("return document.querySelector('#m-{position} .quote .said')?.innerHTML")).await
}

#[tokio::test]
async fn a_quote_shows_formatting_wherever_its_target_is() {
    const TEXT: &str = "**bold** `<c>` ~~s~~ https://a.example/x\n> *q*";
    const LINE: &str = "<strong>bold</strong> <code>&lt;c&gt;</code> <s>s</s> https://a.example/x <em>q</em>";
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let far = api.say("lobby", &carol, TEXT).await;
    for n in 0..110 {
        api.say("lobby", &carol, &format!("in between {n}")).await;
    }
    let near = api.say("lobby", &carol, TEXT).await;
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(100).await;
    let mut answers = Vec::new();
    for target in [far, near] {
        let answer = api.reply("lobby", &carol, target, "x").await.expect(201).json();
        answers.push(answer["position"].as_u64().unwrap());
    }
    for round in ["live", "first HTML"] {
        for answer in &answers {
            page.until(&format!("document.querySelector('#m-{answer} .quote .said')")).await;
            assert_eq!(said(&page, *answer).await, LINE, "{round}");
        }
        page.reload().await;
    }
    api.edit("lobby", &carol, far, "now *this*").await.expect(200);
    page.until(&format!("document.querySelector('#m-{} .quote em')?.textContent === 'this'", answers[0]))
        .await;
    let long = format!("**{}**", "word ".repeat(100).trim_end());
    api.edit("lobby", &carol, near, &long).await.expect(200);
    page.until(&format!(
        "document.querySelector('#m-{} .quote strong')?.textContent.endsWith('…')",
        answers[1]
    ))
    .await;
    let live = said(&page, answers[1]).await;
    page.reload().await;
    assert_eq!(said(&page, answers[1]).await, live, "the server and the script cut at the same place");
    page.assert_quiet(false).await;
}
