//! Searching at the page: a form in the menu, rows with the words marked, and the way to the message.

use super::room_url;
use crate::support::{Browser, Server};
use serde_json::json;

#[tokio::test]
async fn a_search_from_the_menu_leads_to_the_message_in_the_room() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let at = api.say("lobby", &carol, "Wir treffen uns in der <b>Straße").await;
    for number in 0..250 {
        api.say("lobby", &carol, &format!("message {number}")).await;
    }
    let page = Browser::open(&room_url(&server)).await;
    page.click("#more").await;
    page.keys("#menu [name=q]", "strasse der").await;
    page.click("#menu form.search button").await;
    page.until("location.pathname === '/lobby/search'").await;
    let marks = "return [...document.querySelectorAll('.results mark')].map((mark) => mark.textContent)";
    assert_eq!(page.js(marks).await, json!(["der", "Straße"]));
    assert_eq!(page.js("return document.querySelectorAll('.results .text b').length").await, 0);
    assert_eq!(page.js("return document.querySelector('main [name=q]').value").await, "strasse der");
    page.click(".results .at").await;
    page.until(&format!("document.querySelector('#m-{at}.aimed')")).await;
    page.assert_quiet(true).await;
}

#[tokio::test]
async fn a_search_works_without_script_and_goes_on_to_older_results() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..25 {
        api.say("lobby", &carol, &format!("hello {number}")).await;
    }
    let page = Browser::without_script().await;
    page.go(&room_url(&server)).await;
    page.click("#more").await;
    page.keys("#menu [name=q]", "HELLO").await;
    page.click("#menu form.search button").await;
    page.until("location.pathname === '/lobby/search'").await;
    let texts = "return [...document.querySelectorAll('.results .text')].map((text) => text.textContent)";
    let first = page.js(texts).await;
    assert_eq!(
        (first.as_array().unwrap().len(), &first[0], &first[19]),
        (20, &json!("hello 24"), &json!("hello 5"))
    );
    page.click("[rel=next]").await;
    page.until("document.querySelectorAll('.results li').length === 5").await;
    assert_eq!(page.js(texts).await[4], "hello 0");
    assert!(page.is("!document.querySelector('[rel=next]')").await);
    page.go(&format!("{}/search?q=…", room_url(&server))).await;
    assert!(page.is("document.querySelector('.problem').textContent.length > 10").await);
}
