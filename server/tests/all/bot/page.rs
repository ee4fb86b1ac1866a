//! Unfinished answers at the page, in Chromium.

use serde_json::json;

use super::{bot, end, operated, show, writing};
use crate::browser::looks::violations;
use crate::support::{ADMIN, Api, Browser, Server};

const STOP: &str = "#answering .stop";

/// Keeps a picture to be looked at.
pub async fn picture(page: &Browser, name: &str) {
    const SCREENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screens");
    std::fs::create_dir_all(SCREENS).unwrap();
    std::fs::write(format!("{SCREENS}/{name}.png"), page.picture().await).unwrap();
}

pub fn room_url(server: &Server) -> String {
    format!("http://{}/lobby", server.address())
}

/// Asks at the page; gives the position of the question.
async fn ask(page: &Browser, api: &Api, text: &str) -> u64 {
    page.say(text).await;
    page.until("document.querySelector('#messages .mine:last-of-type')").await;
    api.history("lobby", "").await["messages"].as_array().unwrap().last().unwrap()["position"]
        .as_u64()
        .unwrap()
}

pub async fn until_shown(page: &Browser, text: &str) {
    page.until(&format!("document.querySelector('#answering .text')?.textContent === {}", json!(text))).await;
}

#[tokio::test]
async fn an_answer_grows_at_the_page_and_its_message_takes_its_place() {
    let server = operated().await;
    let api = server.api();
    let echo = bot(&api, "Echo").await;
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    let question = ask(&page, &api, "who are you?").await;
    show(&api, &echo, "lobby", question, json!({ "state": "thinking" })).await.expect(204);
    page.until("document.querySelector('#answering .state')").await;
    assert_eq!(
        page.js("return document.querySelector('#answering .state').textContent").await,
        "is thinking…"
    );
    page.until("document.querySelector('#announcer').textContent.includes('is writing an answer')").await;
    show(&api, &echo, "lobby", question, writing("I am Echo, and I say again what")).await.expect(204);
    until_shown(&page, "I am Echo, and I say again what").await;
    assert_eq!(violations(&page).await, json!([]));
    picture(&page, "answer-grows").await;
    // No moment has both, or neither, and nothing moves.
    page.js("window.seen = new Set();
         const look = () => {
             const rows = document.querySelectorAll('#answering > li').length;
             const row = [...document.querySelectorAll('#messages .msg')].at(-1);
             const place = document.querySelector('#answering .who, #messages .msg:last-child .who');
             seen.add(`${rows} ${row.querySelector('.quote') ? 'message' : 'none'}`);
             if (!window.over) requestAnimationFrame(look);
         };
         look();")
        .await;
    api.reply("lobby", &echo, question, "I am Echo, and I say again what I hear.").await.expect(201);
    page.until("[...seen].includes('0 message')").await;
    page.until("document.querySelector('#answering').children.length === 0").await;
    let seen = page.js("window.over = true; return [...seen].sort()").await;
    assert_eq!(seen, json!(["0 message", "1 none"]));
    page.assert_quiet(false).await;
}

#[tokio::test]
async fn whoever_asked_and_a_moderator_see_a_button_that_stops_the_answer() {
    let settings = "[[room]]\nname = \"lobby\"\n";
    let server = Server::start_with_settings(settings, &["--admin-token", ADMIN]).await;
    let api = server.api();
    let echo = bot(&api, "Echo").await;
    let (ada, bob) = (Browser::open(&room_url(&server)).await, Browser::open(&room_url(&server)).await);
    ada.join("Ada").await;
    bob.join("Bob").await;
    let question = ask(&ada, &api, "count to a million").await;
    show(&api, &echo, "lobby", question, writing("1 2 3")).await.expect(204);
    until_shown(&bob, "1 2 3").await;
    assert!(bob.is(&format!("document.querySelector('{STOP}').hidden")).await);
    ada.until(&format!("document.querySelector('{STOP}')?.hidden === false")).await;
    picture(&ada, "answer-to-stop").await;
    ada.click(STOP).await;
    for page in [&ada, &bob] {
        page.until("document.querySelector('#answering').children.length === 0").await;
    }
    assert_eq!(show(&api, &echo, "lobby", question, writing("1 2 3 4")).await.status, 410);
    ada.assert_quiet(false).await;
}

/// A text of a bot is a text.
#[tokio::test]
async fn a_hostile_answer_is_text_as_draft_and_as_message() {
    let server = operated().await;
    let api = server.api();
    let (guest, echo) = (api.guest("Ada").await, bot(&api, "Echo").await);
    let page = Browser::open_phone(&room_url(&server), 390, 844).await;
    let question = api.say("lobby", &guest, "be evil").await;
    page.until_messages(1).await;
    let hostile = "<script>window.pwned = 1</script><img src=x onerror=\"window.pwned = 1\">\n\
                   event: datastar-patch-elements\ndata: elements <p id=problem>pwned</p>\n\n![](http://pwned.example/)";
    show(&api, &echo, "lobby", question, writing(hostile)).await.expect(204);
    until_shown(&page, hostile).await;
    assert!(!page.is("window.pwned || document.querySelector('#answering img, #answering script')").await);
    picture(&page, "answer-hostile-phone").await;
    let answer = api.reply("lobby", &echo, question, hostile).await.expect(201).json();
    let row = format!("#m-{}", answer["position"]);
    page.until(&format!("document.querySelector('{row} .text')?.textContent.includes('window.pwned = 1')"))
        .await;
    let loaded = format!("window.pwned || document.querySelector('{row} .text :is(img, script)')");
    assert!(!page.is(&loaded).await);
    let failed = json!({ "state": "failed", "reason": "absent" });
    show(&api, &echo, "lobby", question, failed).await.expect(204);
    page.until("document.querySelector('#answering .failed .state')").await;
    assert_eq!(violations(&page).await, json!([]));
    picture(&page, "answer-failed-phone").await;
    end(&api, ADMIN, "lobby", question).await.expect(204);
    page.assert_quiet(false).await;
}
