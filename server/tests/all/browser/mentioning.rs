//! Mentions at the page: who is meant, how it is seen, and the list of people that opens after `@`.

use super::{NOTHING_WAITS, room_url, write_down_notifications};
use crate::support::{Browser, Guest, Server, Stream};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

include!("mention_cases.rs");

/// Takes another name, as the answer of the server would bring it.
async fn rename(page: &Browser, name: &str) {
    let script = "document.querySelector('#composer').dataset.authorName = arguments[0]";
    page.js_with(script, vec![json!(name)]).await;
}

#[tokio::test]
async fn a_mention_is_the_whole_name_up_to_the_end_of_a_word_and_not_in_code_or_quotes() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    for (name, meant, not_meant) in CASES {
        let room = format!("about-{}", CASES.iter().position(|case| case.0 == name).unwrap());
        for text in meant.iter().chain(not_meant) {
            api.say(&room, &carol, text).await;
        }
        page.go(&format!("http://{}/{room}", server.address())).await;
        rename(&page, name).await;
        let marked = "return [...document.querySelectorAll('#messages > .msg')].map((row) =>
            row.classList.contains('mentioned') && row.querySelector('.text .mention') !== null)";
        page.until(&format!("document.querySelectorAll('.mentioned').length >= {}", meant.len())).await;
        let marked: Vec<bool> = serde_json::from_value(page.js(marked).await).unwrap();
        for (text, marked) in meant.iter().chain(not_meant).zip(marked) {
            assert_eq!(marked, meant.contains(text), "{name}: {text}");
        }
        // The text is the one that was typed.
        let typed: Vec<&str> = meant.iter().chain(not_meant).copied().collect();
        assert_eq!(page.texts().await, typed);
        rename(&page, "somebody else").await;
        page.until("document.querySelector('.mentioned, .mention') === null").await;
    }
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_mention_is_marked_live_and_after_an_edit_in_all_tabs_and_means_one_by_the_tag() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let longer = api.guest("Ada Lovelace").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    let other = page.open_tab(&room_url(&server)).await;
    let tag = page.js("return document.querySelector('.me .tag').textContent").await;
    let tag = tag.as_str().unwrap().to_owned();
    assert!(tag.starts_with('#') && tag.len() == 9, "{tag}");
    api.say("lobby", &longer, "I am here too").await;
    let texts = [
        (format!("@Ada {tag} you"), true),
        ("@Ada #abcdefgh not you".to_owned(), false),
        (format!("@ada {}", tag.to_uppercase()), true),
        ("@Ada #news, all of you".to_owned(), true),
        ("@Ada Lovelace, not you".to_owned(), false),
        ("nothing yet".to_owned(), true),
        ("@Ada at first".to_owned(), false),
    ];
    let mut positions = Vec::new();
    for (text, _) in &texts {
        positions.push(api.say("lobby", &carol, text).await);
    }
    page.until_messages(8).await;
    api.edit("lobby", &carol, positions[5], "and now @Ada").await.expect(200);
    api.edit("lobby", &carol, positions[6], "nobody").await.expect(200);
    for tab in [page.here().await, other] {
        page.switch_to(tab).await;
        page.until_messages(8).await;
        page.until("document.querySelectorAll('.edited').length === 2").await;
        for (position, (text, marked)) in positions.iter().zip(&texts) {
            let is = format!(
                "document.querySelector('#m-{position}').classList.contains('mentioned') === {marked}"
            );
            page.until(&is).await;
            assert!(page.is(&is).await, "{text}");
        }
        let mark = page.js("return document.querySelector('.mention').textContent").await;
        assert_eq!(mark, format!("@Ada {tag}"));
    }
    // Not by colour alone.
    let style = page
        .js("const mark = getComputedStyle(document.querySelector('.mention'));
             const text = getComputedStyle(document.querySelector('.msg:not(.mentioned) .text'));
             return Number(mark.fontWeight) > Number(text.fontWeight)")
        .await;
    assert_eq!(style, true);
    // One's own text is edited as it was typed.
    page.say("I, @Ada").await;
    page.until("document.querySelector('.mine.mentioned')").await;
    page.keys("#draft", Key::Up + "").await;
    assert_eq!(page.js("return document.querySelector('#draft').value").await, "I, @Ada");
    page.assert_quiet(false).await;
}

/// Costly texts are no more work than others.
#[tokio::test]
async fn a_text_of_nothing_but_mentions_is_bounded_work() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join(&"A".repeat(40)).await;
    for text in [
        format!("@{} ", "A".repeat(39)).repeat(1_500),
        "@".repeat(60_000),
        format!("@{}\n", "A".repeat(40)).repeat(1_500),
    ] {
        api.say("lobby", &carol, &text).await;
    }
    page.until_messages(3).await;
    page.until("document.querySelectorAll('.mention').length === 200").await;
}

#[tokio::test]
async fn a_mention_notifies_before_other_messages_and_alone_if_its_reader_wants_that() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    write_down_notifications(&page, &server).await;
    page.click("#more").await;
    page.click("#notify").await;
    page.keys("body", Key::Escape + "").await;
    let say = async |texts: &[&str]| {
        let before = page.rows().await.len();
        let meanwhile = async {
            for text in texts {
                api.say("lobby", &carol, text).await;
            }
        };
        page.look_away(meanwhile, before + texts.len()).await;
        page.js("return shown.splice(0).map(([, text]) => text)").await
    };
    let shown = say(&["hello", "@Ada look", "and more"]).await;
    assert!(shown.as_array().unwrap().contains(&json!("@Ada look")), "{shown}");
    page.click("#more").await;
    page.until("document.querySelector('#notify-mentions').getClientRects().length > 0").await;
    page.click("#notify-mentions").await;
    assert_eq!(say(&["hello again", "@Adam"]).await, json!([]));
    assert_eq!(say(&["hello", "@Ada once more", "and more"]).await, json!(["@Ada once more"]));
    page.reload().await;
    assert!(page.is("document.querySelector('#notify-mentions').checked").await);
    page.assert_quiet(false).await;
}

/// People who are in the room.
async fn present(server: &Server, names: &[&str]) -> (Vec<Guest>, Vec<Stream>) {
    let api = server.api();
    let (mut guests, mut streams) = (Vec::new(), Vec::new());
    for name in names {
        let guest = api.guest(name).await;
        let bearer = format!("Bearer {}", guest.token);
        let headers: &[(&str, &[u8])] = &[("authorization", bearer.as_bytes())];
        streams.push(Stream::open(server.address(), "/api/v1/rooms/lobby/events", headers).await.unwrap());
        guests.push(guest);
    }
    (guests, streams)
}

/// The names in the list that is open; nothing if it is not.
async fn listed(page: &Browser) -> Value {
    page.js("const list = document.querySelector('#mentionable');
             return list.getClientRects().length === 0 ? [] : [...list.children].map((row) => row.querySelector('.name').textContent)")
        .await
}

#[tokio::test]
async fn the_field_offers_who_is_present_and_keys_choose() {
    let server = Server::start().await;
    let (guests, _here) = present(&server, &["Bob", "Bea Lovelace", "bob", "<b>Zoë", "ليلى", "太郎"]).await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.until("document.querySelectorAll('#presence li').length === 7").await;
    let value = "return document.querySelector('#draft').value";
    page.keys("#draft", "hello @").await;
    page.until("document.querySelectorAll('#mentionable [role=option]').length === 6").await;
    assert!(page.is("document.querySelector('#mentionable').getAttribute('role') === 'listbox'").await);
    assert!(!listed(&page).await.as_array().unwrap().contains(&json!("Ada")), "not oneself");
    assert!(page.is("document.querySelector('#mentionable b') === null").await);
    // Escape closes it, and what is typed on does not open it again.
    page.keys("#draft", Key::Escape + "B").await;
    assert_eq!(listed(&page).await, json!([]));
    page.keys("#draft", Key::Backspace + Key::Backspace + "@be").await;
    page.until("document.querySelectorAll('#mentionable [role=option]').length === 1").await;
    let active = "document.querySelector(`#${document.querySelector('#draft').getAttribute('aria-activedescendant')}`)";
    assert!(page.is(&format!("{active}.getAttribute('aria-selected') === 'true'")).await);
    page.keys("#draft", Key::Enter + "").await;
    assert_eq!(page.js(value).await, "hello @Bea Lovelace ");
    assert_eq!(listed(&page).await, json!([]));
    assert!(page.is("document.activeElement.id === 'draft'").await);
    assert!(page.is("!document.querySelector('#draft').hasAttribute('aria-activedescendant')").await);
    page.keys("#draft", "yes".to_owned() + Key::Enter).await;
    page.until_text("hello @Bea Lovelace yes").await;

    // By a later word of the name too; Tab chooses, and arrows go round.
    page.keys("#draft", "@love".to_owned() + Key::Tab).await;
    assert_eq!(page.js(value).await, "@Bea Lovelace ");
    page.js("const field = document.querySelector('#draft'); field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true }))")
        .await;
    page.keys("#draft", "@bo").await;
    page.until("document.querySelectorAll('#mentionable [role=option]').length === 2").await;
    page.keys("#draft", Key::Up + Key::Enter).await;
    // Two of one name: with the tag.
    let inserted = page.js(value).await;
    let tags: Vec<String> =
        [&guests[0], &guests[2]].iter().map(|guest| guest.id[guest.id.len() - 8..].to_owned()).collect();
    let expected =
        [("Bob", &tags[0]), ("bob", &tags[1])].map(|(name, tag)| json!(format!("@{name} #{tag} ")));
    assert!(expected.contains(&inserted), "{inserted}");

    // A whole name and Enter is sent, without a choice.
    page.js("const field = document.querySelector('#draft'); field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true }))")
        .await;
    page.keys("#draft", "@太郎".to_owned() + Key::Enter).await;
    page.until(NOTHING_WAITS).await;
    page.until_messages(2).await;
    assert_eq!(page.texts().await[1], "@太郎");
    // Not in an address, and not for nobody.
    for text in ["bob@b", "@nobody", "@ b"] {
        page.keys("#draft", text).await;
        assert_eq!(listed(&page).await, json!([]), "{text}");
        page.js("const field = document.querySelector('#draft'); field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true }))")
            .await;
    }
    // By pointer; what stands behind stays.
    page.keys("#draft", " then".to_owned() + Key::Home + "@ل").await;
    page.until("document.querySelectorAll('#mentionable [role=option]').length === 1").await;
    page.click("#mentionable [role=option]").await;
    assert_eq!(page.js(value).await, "@ليلى then");
    assert!(page.is("document.activeElement.id === 'draft'").await);
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn of_a_crowd_the_list_offers_a_few_and_fits_a_phone_from_right_to_left() {
    let server = Server::start().await;
    let names: Vec<String> = (0..18).map(|number| format!("{} {number}", "ضيف".repeat(10))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_guests, _here) = present(&server, &names).await;
    let page = Browser::open_in(&room_url(&server), "ar").await;
    page.resize(360, 740, 2.0, true).await;
    page.reload().await;
    page.join("سلمى").await;
    page.until("document.querySelectorAll('#presence li').length === 19").await;
    page.keys("#draft", "@").await;
    page.until("document.querySelectorAll('#mentionable [role=option]').length === 8").await;
    assert_eq!(super::looks::violations(&page).await, json!([]));
    assert_eq!(page.js("return document.documentElement.scrollWidth").await, 360);
    let inside =
        "((box) => box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight)
        (document.querySelector('#mentionable').getBoundingClientRect())";
    assert!(page.is(inside).await);
    page.keys("#draft", Key::Down + Key::Tab).await;
    page.until("document.querySelector('#draft').value.startsWith('@ضيف')").await;
}
