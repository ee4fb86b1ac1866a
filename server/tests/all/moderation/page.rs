//! Moderation as people at the page see it, in real Chromium.

use reqwest::Method;

use super::{ADMIN, CLOSED, MESSAGES, ask, did, moderated};
use crate::support::client::answer;
use crate::support::{Api, Browser, Guest, Server, within};

fn room_url(server: &Server) -> String {
    format!("http://{}/lobby", server.address())
}

/// Returns the expression that is true if something of what this selector finds can be seen.
fn shown(selector: &str) -> String {
    format!("document.querySelector('{selector}')?.getClientRects().length > 0")
}

/// Waits until the page offers a way to write, or says that there is none.
async fn until_closed(page: &Browser, closed: bool) {
    let (line, composer) = (shown("#closed"), shown("#composer"));
    page.until(&format!("({line}) === {closed} && ({composer}) === {}", !closed)).await;
}

async fn say_all(api: &Api, guest: &Guest, texts: impl Iterator<Item = String>) -> Vec<u64> {
    let mut positions = Vec::new();
    for text in texts {
        positions.push(api.say("lobby", guest, &text).await);
    }
    positions
}

/// Everything that the page holds, seen or not.
async fn everything(page: &Browser) -> String {
    page.js("return document.documentElement.outerHTML").await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_way_to_write_goes_when_a_room_is_closed_and_comes_back_with_the_draft() {
    let server = moderated().await;
    let api = server.api();
    let (ada, visitor) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    ada.say("hello").await;
    ada.keys("#draft", "half a thought").await;
    did(&api, Method::PUT, &format!("{CLOSED}?by=Eve%20%3Cb%3E")).await;
    for page in [&ada, &visitor] {
        until_closed(page, true).await;
        page.until_text("This room is closed to writing.").await;
        page.until_text("The room was closed to writing by Eve <b>.").await;
        assert_eq!(page.texts().await, ["hello"]);
    }
    // Before any script runs, and for whoever comes now.
    assert!(api.get("/lobby").await.body.contains("class=\"room closed\""));
    visitor.reload().await;
    until_closed(&visitor, true).await;

    did(&api, Method::DELETE, CLOSED).await;
    for page in [&ada, &visitor] {
        until_closed(page, false).await;
        page.until_text("The room was opened to writing again by admin.").await;
    }
    assert!(api.get("/lobby").await.body.contains("class=\"room\""));
    ada.say(", and the other half").await;
    visitor.until_messages(2).await;
    assert_eq!(visitor.texts().await[1], "half a thought, and the other half");
    visitor.join("Bob").await;
    for page in [&ada, &visitor] {
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn a_draft_is_seen_while_its_room_is_closed_and_the_focus_goes_along() {
    let server = moderated().await;
    let api = server.api();
    let ada = Browser::open(&room_url(&server)).await;
    ada.join("Ada").await;
    ada.keys("#draft", "half a thought").await;
    did(&api, Method::PUT, CLOSED).await;
    until_closed(&ada, true).await;
    for _ in ["live", "after a reload"] {
        ada.until_text("half a thought").await;
        ada.until_text("Your draft is kept").await;
        // It can be read and not changed.
        let writable = "[...document.querySelectorAll('textarea, input')].some((field) => \
                        field.getClientRects().length > 0 && !field.readOnly && field.type !== 'checkbox')";
        assert!(!ada.is(writable).await);
        ada.reload().await;
    }
    did(&api, Method::DELETE, CLOSED).await;
    until_closed(&ada, false).await;
    ada.until("!document.body.innerText.includes('half a thought')").await;
    assert_eq!(ada.js("return document.querySelector('#draft').value").await, "half a thought");

    // The focus of somebody who types is never lost, and comes back.
    for (text, refuge) in [("half a thought", "#kept"), ("", "#scroller")] {
        ada.js(&format!(
            "const field = document.querySelector('#draft'); field.value = '{text}';
             field.dispatchEvent(new Event('input', {{ bubbles: true }})); field.focus()"
        ))
        .await;
        did(&api, Method::PUT, CLOSED).await;
        ada.until(&format!("document.activeElement.matches('{refuge}')")).await;
        did(&api, Method::DELETE, CLOSED).await;
        ada.until("document.activeElement.id === 'draft'").await;
    }
    // Who has gone elsewhere stays there.
    did(&api, Method::PUT, CLOSED).await;
    until_closed(&ada, true).await;
    ada.js("document.querySelector('#more').focus()").await;
    did(&api, Method::DELETE, CLOSED).await;
    until_closed(&ada, false).await;
    assert!(ada.is("document.activeElement.id === 'more'").await);
    ada.assert_quiet(false).await;
}

#[tokio::test]
async fn what_was_on_its_way_when_the_room_was_closed_is_kept_and_sent_once_it_is_open() {
    let server = moderated().await;
    let api = server.api();
    let ada = Browser::open(&room_url(&server)).await;
    ada.join("Ada").await;
    did(&api, Method::PUT, CLOSED).await;
    until_closed(&ada, true).await;
    // Somebody who pressed Enter in the moment before.
    ada.js(
        "const field = document.querySelector('#draft'); field.value = 'too late'; field.form.requestSubmit()",
    )
    .await;
    ada.until("document.querySelector('#outbox .failed .fate')?.textContent.includes('closed to writing')")
        .await;
    assert!(ada.is(&shown("#outbox .again")).await && !ada.is(&shown("#outbox .edit")).await);
    assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 0);
    did(&api, Method::DELETE, CLOSED).await;
    until_closed(&ada, false).await;
    assert!(ada.is(&shown("#outbox .edit")).await);
    ada.click("#outbox .again").await;
    ada.until_messages(1).await;
    assert_eq!(ada.texts().await, ["too late"]);
    ada.until("document.querySelectorAll('#outbox li').length === 0").await;
}

#[tokio::test]
async fn a_banned_author_reads_why_and_keeps_the_text() {
    let server = moderated().await;
    let api = server.api();
    let ada = Browser::open(&room_url(&server)).await;
    ada.join("Ada").await;
    ada.say("hello").await;
    ada.until_messages(1).await;
    let id = ada.rows().await[0].1.clone();
    did(&api, Method::PUT, &format!("/admin/bans/{id}")).await;
    ada.say("a long and careful text").await;
    let refused = "document.querySelector('#outbox .failed .fate')?.textContent.includes('You are banned')";
    ada.until(refused).await;
    // Also over a reload, which tries again.
    ada.reload().await;
    ada.until(refused).await;
    let kept = ada.js("return document.querySelector('#outbox .failed .text').textContent").await;
    assert_eq!(kept, "a long and careful text");
    did(&api, Method::DELETE, &format!("/admin/bans/{id}")).await;
    ada.click("#outbox .again").await;
    ada.until_messages(2).await;
    assert_eq!(ada.texts().await, ["hello", "a long and careful text"]);
    assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_emptied_room_is_empty_on_every_page_at_once_and_a_line_after_a_reload() {
    let server = moderated().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    say_all(&api, &carol, (0..250).map(|number| format!("a secret, number {number}"))).await;
    let page = Browser::open(&room_url(&server)).await;
    page.js("document.querySelector('#older button').click()").await;
    page.until_messages(200).await;
    // Read on from further up: what came meanwhile is counted, and counts no more.
    page.js("document.querySelector('#scroller').scrollTop = 100").await;
    page.js("document.querySelector('#scroller').scrollTop = 0").await;
    // Older messages may come in above, and move it.
    page.until("!document.querySelector('#scroller').classList.contains('following')").await;
    let counted = async {
        while !page.is("document.title.startsWith('(')").await {
            api.say("lobby", &carol, "a secret that is counted").await;
        }
    };
    within("a message is counted", counted).await;
    did(&api, Method::DELETE, &format!("{MESSAGES}?by=Eve")).await;
    page.until_text("The room was emptied by Eve.").await;
    assert!(page.rows().await.is_empty());
    assert!(!everything(&page).await.contains("a secret"));
    for gone in ["#latest", "#older button"] {
        assert!(!page.is(&shown(gone)).await, "{gone}");
    }
    page.until("!document.title.startsWith('(')").await;
    assert!(page.is(&shown("#composer")).await);

    api.say("lobby", &carol, "a new beginning").await;
    page.until_messages(1).await;
    assert_eq!(page.texts().await, ["a new beginning"]);
    page.reload().await;
    assert_eq!(page.texts().await, ["a new beginning"]);
    let lines = page.js("return document.querySelectorAll('#messages > li').length").await;
    assert_eq!(lines, 2, "the messages that are gone are one line");
    page.until("/\\d+ messages were deleted/.test(document.querySelector('#messages').innerText)").await;
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn a_page_that_comes_back_over_edits_deletes_and_an_empty_shows_what_there_is_and_no_error() {
    let mut server = moderated().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let before = say_all(&api, &carol, (0..10).map(|number| format!("before {number}"))).await;
    let page = Browser::open(&room_url(&server)).await;
    page.until_messages(10).await;
    page.until("document.querySelector('#here .count').textContent === '1'").await;
    server.terminate().await;
    page.until("document.querySelector('#state').textContent.includes('gone')").await;

    // The same log, elsewhere: the page must not come back before all is done.
    let log = server.log().to_str().unwrap().to_owned();
    let mut elsewhere = Server::start_with(&["--log", &log, "--admin-token", ADMIN]).await;
    let api = elsewhere.api();
    let meanwhile = say_all(&api, &carol, (0..10).map(|number| format!("meanwhile {number}"))).await;
    for position in [before[0], meanwhile[0]] {
        api.edit("lobby", &carol, position, "corrected").await.expect(200);
    }
    for position in [before[1], meanwhile[1]] {
        api.delete("lobby", &carol, position).await.expect(204);
    }
    did(&api, Method::DELETE, MESSAGES).await;
    did(&api, Method::PUT, CLOSED).await;
    did(&api, Method::DELETE, CLOSED).await;
    let after = say_all(&api, &carol, (0..3).map(|number| format!("after {number}"))).await;
    api.edit("lobby", &carol, after[0], "after all").await.expect(200);
    api.delete("lobby", &carol, after[1]).await.expect(204);
    // A message that is gone is not aimed at; the page must bear it all the same.
    let again =
        answer(ask(&api, Method::DELETE, &format!("/api/v1/rooms/lobby/messages/{}", before[5]))).await;
    again.expect_problem(410);
    elsewhere.terminate().await;
    server.restart().await;

    page.until_messages(3).await;
    page.until_text("after all").await;
    page.until("document.querySelector('#messages .deleted')").await;
    assert_eq!(page.texts().await, ["after all", "This message was deleted.", "after 2"]);
    for line in ["emptied by admin", "closed to writing by admin", "opened to writing again by admin"] {
        page.until_text(line).await;
    }
    until_closed(&page, false).await;
    page.assert_quiet(true).await;
}
