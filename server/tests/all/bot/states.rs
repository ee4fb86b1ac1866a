//! An answer as it grows, as it failed and as it was stopped, on a phone and at a desk, at the page and in the panel.

use std::time::Duration;

use serde_json::{Value, json};

use super::page::{picture, room_url, until_shown};
use super::{bot, end, show, writing};
use crate::browser::embed::{enter, open_panel, page as site_page};
use crate::browser::looks::violations;
use crate::support::site::Site;
use crate::support::{ADMIN, Api, Browser, Guest, Server};

/// Name, width, height, pixels of the device for each of the page, and whether it is a phone.
const DEVICES: [(&str, u32, u32, f64, bool); 2] =
    [("phone", 390, 844, 2.0, true), ("desk", 1_280, 800, 1.0, false)];
/// The reasons for which there is no answer, as many at a time as a room shows.
const REASONS: [[&str; 4]; 2] = [["absent", "busy", "model", "spent"], ["limit", "late", "broke", "empty"]];
/// Interval between two times that an answer is shown.
const SHOWN_EVERY: Duration = Duration::from_secs(3);
const TEXT: &str = "A mill turns grain into flour between two stones. The lower one lies still, and the upper one, the \
                    runner, is turned by water or by wind.\n\nIts parts:\n- the stones\n- the wheel";
/// The button that stops an answer takes what is 21 pixels above or below its middle.
const STOP_TAKES_A_FINGER: &str = "(() => {
    const stop = document.querySelector('#answering .stop');
    const { left, width, top, height } = stop.getBoundingClientRect();
    return [-21, 0, 21].every((away) =>
        document.elementFromPoint(left + width / 2, top + height / 2 + away) === stop);
})()";
/// A reason begins below the name, and not beside it; and the word for a bot is in one piece.
const REASONS_HAVE_LINES_OF_THEIR_OWN: &str = "[...document.querySelectorAll('#answering .failed')].every((row) =>
    row.querySelector('.badge').getClientRects().length === 1 &&
    row.querySelector('.state').getBoundingClientRect().top >= row.querySelector('.name').getBoundingClientRect().bottom)";
/// Nothing is wider than what shows it.
const NOTHING_IS_CUT: &str =
    "[document.documentElement, ...document.querySelectorAll('#answering, #answering *')]
    .every(({ scrollWidth, clientWidth }) => clientWidth === 0 || scrollWidth <= clientWidth)";

/// Asks at the page; gives the position of the question.
async fn ask(page: &Browser, api: &Api) -> u64 {
    let before = page.rows().await.len();
    page.say("What is a mill, and which parts does it have?").await;
    page.until_messages(before + 1).await;
    page.until("document.querySelectorAll('#outbox li').length === 0").await;
    let newest = api.history("lobby", "").await["messages"].as_array().unwrap().last().unwrap().clone();
    newest["position"].as_u64().unwrap()
}

/// Shows unfinished answers for as long as something else lasts: each goes after 10 seconds without another.
async fn while_shown(api: &Api, by: &Guest, drafts: &[(u64, Value)], something: impl Future<Output = ()>) {
    let shown = async {
        loop {
            for (question, draft) in drafts {
                show(api, by, "lobby", *question, draft.clone()).await.expect(204);
            }
            tokio::time::sleep(SHOWN_EVERY).await;
        }
    };
    tokio::select! {
        () = something => {}
        () = shown => unreachable!("it has no end"),
    }
    for (question, _) in drafts {
        end(api, &by.token, "lobby", *question).await.expect(204);
    }
}

/// Keeps a picture of the page, and lets a checker of accessibility look at it.
async fn look(page: &Browser, name: &str) {
    page.until(NOTHING_IS_CUT).await;
    picture(page, name).await;
    assert_eq!(violations(page).await, json!([]), "{name}");
}

/// Brings an answer to each of its states in both themes, and looks at it.
async fn look_at_states(page: &Browser, api: &Api, echo: &Guest, place: &str) {
    for theme in ["light", "dark"] {
        page.prefers(&[("prefers-color-scheme", theme)]).await;
        let name = |state: &str| format!("answer-{state}-{place}-{theme}");
        let question = ask(page, api).await;
        while_shown(api, echo, &[(question, writing(TEXT))], async {
            until_shown(page, TEXT).await;
            page.until("document.querySelector('#answering .stop')?.hidden === false").await;
            page.until(STOP_TAKES_A_FINGER).await;
            look(page, &name("grows")).await;
        })
        .await;
        let stopped = format!("{} …", &TEXT[..59]);
        let answer = api.reply("lobby", echo, question, &stopped).await.expect(201).json();
        page.until(&format!("document.querySelector('#m-{} .text')", answer["position"])).await;
        page.until("document.querySelector('#answering').children.length === 0").await;
        look(page, &name("stopped")).await;
        let question = ask(page, api).await;
        let failed = json!({ "state": "failed", "reason": "absent" });
        while_shown(api, echo, &[(question, failed)], async {
            page.until("document.querySelector('#answering .failed .state')").await;
            look(page, &name("failed")).await;
        })
        .await;
        page.until("document.querySelector('#answering').children.length === 0").await;
    }
}

#[tokio::test]
async fn an_answer_that_grows_was_stopped_or_failed_is_for_everybody_on_a_phone_and_at_a_desk() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let echo = bot(&api, "Echo").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    for (device, width, height, scale, is_phone) in DEVICES {
        page.resize(width, height, scale, is_phone).await;
        look_at_states(&page, &api, &echo, device).await;
    }
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn an_answer_that_grows_was_stopped_or_failed_is_for_everybody_in_the_panel() {
    let server = Server::start_with(&["--admin-token", ADMIN, "--embed-origins", "http://localhost:*"]).await;
    let api = server.api();
    let echo = bot(&api, "Echo").await;
    let site = Site::start(vec![site_page(&server, "/", "data-room=lobby", "")]).await;
    for (device, width, height, scale, is_phone) in DEVICES {
        let page = Browser::open(&site.url("/")).await;
        page.resize(width, height, scale, is_phone).await;
        open_panel(&page).await;
        enter(&page).await;
        page.join_with("Ada", "hello").await;
        look_at_states(&page, &api, &echo, &format!("panel-{device}")).await;
    }
}

#[tokio::test]
async fn why_there_is_no_answer_fits_a_phone_in_every_language() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let (ada, echo) = (api.guest("Ada").await, bot(&api, "Wissenschaftsassistentin").await);
    let mut questions = Vec::new();
    for _ in 0..4 {
        questions.push(api.say("lobby", &ada, "What is a mill?").await);
    }
    let page = Browser::open_phone(&room_url(&server), 390, 844).await;
    for code in ["ar", "de", "en", "es", "fr", "ja", "uk"] {
        let url = room_url(&server);
        page.cdp("Network.setCookie", json!({ "name": "lang", "value": code, "url": url })).await;
        page.go(&url).await;
        page.until(&format!("document.documentElement.lang === '{code}'")).await;
        for (part, reasons) in REASONS.iter().enumerate() {
            let failed = |reason: &&str| json!({ "state": "failed", "reason": reason });
            let drafts: Vec<_> = questions.iter().copied().zip(reasons.iter().map(failed)).collect();
            while_shown(&api, &echo, &drafts, async {
                page.until("document.querySelectorAll('#answering .failed .state').length === 4").await;
                assert!(page.is(REASONS_HAVE_LINES_OF_THEIR_OWN).await, "{code}");
                look(&page, &format!("answers-failed-{code}-{part}")).await;
            })
            .await;
            page.until("document.querySelector('#answering').children.length === 0").await;
        }
    }
    page.assert_quiet(false).await;
}
