//! Moderators and readers at the page, in real Chromium: flags, bans, invitations.

use reqwest::Method;
use serde_json::json;
use thirtyfour::Key;

use super::{ADMIN, moderated};
use crate::browser::pictures::{DEVICES, keep};
use crate::support::client::answer;
use crate::support::{Browser, Server};

const OTHERS: &str = ".msg:not(.mine)";

fn room_url(server: &Server) -> String {
    format!("http://{}/lobby", server.address())
}

async fn give(server: &Server, page: &Browser, role: &str) {
    let id = page.js("return document.querySelector('#composer').dataset.authorId").await;
    let path = format!("/api/v1/rooms/lobby/members/{}", id.as_str().unwrap());
    let request = server.api().request(Method::PUT, &path).bearer_auth(ADMIN);
    answer(request.json(&json!({ "role": role, "name": "Ada" }))).await.expect(204);
    page.reload().await;
}

/// The buttons that somebody sees at a row.
async fn tools(page: &Browser, row: &str) -> Vec<String> {
    page.hover(&format!("{row} .text")).await;
    let seen = "return [...document.querySelectorAll('.tools > button')].filter((b) => b.checkVisibility())
        .map((b) => b.textContent)";
    serde_json::from_value(page.js(seen).await).unwrap()
}

#[tokio::test]
async fn a_reader_reports_and_a_moderator_deletes_and_bans() {
    let server = moderated().await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    bob.join("Bob").await;
    bob.say("cheap pills").await;
    ada.until_messages(1).await;
    assert_eq!(tools(&ada, OTHERS).await, ["Reply", "React", "Report"]);
    assert_eq!(tools(&bob, ".mine").await, ["Reply", "React", "Edit", "Delete"]);
    ada.click(".tools .flag").await;
    // Enter in the reason sends it, and does not give it up.
    ada.keys("#reason", "spam\n").await;
    ada.until_text("Reported. The moderators of this room can see it.").await;
    ada.click("#flagging .shut").await;
    ada.until("document.activeElement.id === 'draft'").await;
    assert_eq!(ada.js("return document.querySelector('#flagging .text').textContent").await, "");

    give(&server, &ada, "moderator").await;
    assert_eq!(tools(&ada, OTHERS).await, ["Reply", "React", "Delete", "Ban"]);
    ada.click(".tools .ban").await;
    ada.until("document.querySelector('#banning').open").await;
    ada.click("#banning [type=submit]").await;
    ada.until_text("is banned from this room.").await;
    ada.click("#banning .shut").await;
    bob.say("more pills").await;
    bob.until_text("You are banned, and cannot write here.").await;
    ada.click("#more").await;
    ada.click("#menu a[href$='/moderation']").await;
    ada.until_text("Reported by").await;
    ada.until_text("spam").await;
    ada.click("form[action*='/messages/'] button").await;
    ada.until_text("Nothing is reported.").await;
    // Who did it, live and from the server, by its script and without; and of one's own nothing more.
    bob.until_text("This message was deleted by Ada.").await;
    bob.reload().await;
    bob.until_text("This message was deleted by Ada.").await;
    ada.go(&room_url(&server)).await;
    ada.say("my own").await;
    ada.until("document.querySelector('.msg.mine .text:not(.deleted)')").await;
    ada.keys("#draft", Key::Up + "").await;
    ada.click("#editing .delete").await;
    ada.until("document.querySelector('#deleting').open").await;
    ada.click("#deleting button[value=delete]").await;
    for page in [&ada, &bob] {
        let own = "[...document.querySelectorAll('#messages .text.deleted')].at(-1)?.textContent";
        page.until(&format!("{own} === 'This message was deleted.'")).await;
    }
    ada.assert_quiet(true).await;
}

#[tokio::test]
async fn a_ban_takes_all_messages_of_its_author_along_if_that_is_wanted() {
    let server = moderated().await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    bob.join("Bob").await;
    for text in ["cheap pills", "more pills"] {
        bob.say(text).await;
    }
    ada.say("hello").await;
    ada.until_messages(3).await;
    give(&server, &ada, "moderator").await;
    ada.until_messages(3).await;
    tools(&ada, OTHERS).await;
    ada.click(".tools .ban").await;
    ada.until("document.querySelector('#banning').open").await;
    ada.click("#banning .tick").await;
    ada.click("#banning [type=submit]").await;
    ada.until_text("is banned from this room.").await;
    for page in [&ada, &bob] {
        page.until("document.querySelectorAll('.text.deleted').length === 2").await;
        assert!(page.is("document.body.innerText.includes('hello')").await);
    }
    ada.assert_quiet(true).await;
}

#[tokio::test]
async fn somebody_above_cannot_be_banned_and_the_dialog_says_so() {
    let server = moderated().await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    bob.join("Bob").await;
    bob.say("hello").await;
    ada.until_messages(1).await;
    give(&server, &bob, "owner").await;
    give(&server, &ada, "moderator").await;
    tools(&ada, OTHERS).await;
    ada.click(".tools .ban").await;
    ada.click("#banning [type=submit]").await;
    ada.until_text("Only people with more rights in this room can do that.").await;
    assert!(!ada.is("document.querySelector('#banning.finished')").await);
}

#[tokio::test]
async fn the_link_of_an_invitation_leads_through_a_form_into_the_room() {
    let server = moderated().await;
    let ada = Browser::open(&room_url(&server)).await;
    ada.join("Ada").await;
    give(&server, &ada, "owner").await;
    ada.go(&format!("{}/moderation", room_url(&server))).await;
    ada.js("document.querySelector('form.invite [name=role]').value = 'moderator'").await;
    ada.click("form.invite button").await;
    ada.until("document.querySelector('#made')").await;
    let link = ada.js("return document.querySelector('#made').value").await;
    let bob = Browser::open(link.as_str().unwrap()).await;
    bob.until("document.querySelector('#invitation[hidden]')").await;
    assert!(!bob.url().await.contains('#'), "the secret is not left in the address");
    bob.keys("#guest", "Bob\n").await;
    bob.until("document.body.dataset.role === 'moderator' && document.querySelector('#draft')").await;
    ada.go(&format!("{}/moderation", room_url(&server))).await;
    ada.until_text("Bob").await;
}

#[tokio::test]
#[ignore = "it writes the pictures of the documentation"]
async fn pictures_of_the_page_of_moderation_are_taken() {
    for code in ["en", "ar", "ja"] {
        let server = moderated().await;
        let api = server.api();
        let bob = api.guest("Bob").await;
        let spam = api.say("lobby", &bob, "Buy cheap watches at https://watches.example").await;
        let page = Browser::open_in(&room_url(&server), code).await;
        page.join("Grace Hopper").await;
        page.say("Good morning!").await;
        let flags = format!("/api/v1/rooms/lobby/messages/{spam}/flags");
        for (name, reason) in [("Joan Clarke", "It is spam."), ("Omar", "")] {
            let reader = api.guest(name).await;
            let request = api.request(Method::POST, &flags).bearer_auth(&reader.token);
            answer(request.json(&json!({ "reason": reason }))).await.expect(204);
        }
        for (device, width, height, scale, mobile) in DEVICES {
            page.resize(width, height, scale, mobile).await;
            for theme in ["light", "dark"] {
                page.prefers(&[("prefers-color-scheme", theme)]).await;
                let of = format!("{code}-{device}-{theme}");
                give(&server, &page, "writer").await;
                page.hover(&format!("{OTHERS} .text")).await;
                page.click(".tools .flag").await;
                page.until("document.querySelector('#flagging').open").await;
                keep(&page, "report", &of).await;
                give(&server, &page, "owner").await;
                page.hover(&format!("{OTHERS} .text")).await;
                page.click(".tools .ban").await;
                page.until("document.querySelector('#banning').open").await;
                keep(&page, "ban", &of).await;
                page.click("#banning [type=submit]").await;
                page.until("document.querySelector('#banning.finished')").await;
                page.go(&format!("{}/moderation", room_url(&server))).await;
                keep(&page, "moderation", &of).await;
                page.go(&format!("{}/invitations/accept", room_url(&server))).await;
                keep(&page, "invitation", &of).await;
                page.go(&room_url(&server)).await;
            }
        }
        page.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }
}
