//! The pictures of `docs/page.md` and `docs/screens.md`. They are made again by
//! `cargo test -p millchat-server --test all -- --ignored pictures_of_the_page`.

use super::room_url;
use crate::support::client::answer;
use crate::support::{Browser, Server, Stream};
use reqwest::Method;
use serde_json::json;
use thirtyfour::prelude::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/img");
/// Most bytes that a picture may take in the repository.
const BYTES_MAX: usize = 200_000;
/// Name, width, height, pixels of the device for each of the page, and whether it is a phone.
pub const DEVICES: [(&str, u32, u32, f64, bool); 2] =
    [("desktop", 1_100, 720, 1.0, false), ("phone", 375, 740, 2.0, true)];

/// Returns a conversation in a language: for each message the number of its author, and its text.
fn conversation(code: &str) -> [(usize, &'static str); 6] {
    match code {
        "ar" => [
            (0, "صباح الخير! هل قرأ أحد المقال عن أول برنامج في التاريخ؟"),
            (1, "نعم، كتبته آدا لوفليس عام 1843: https://en.wikipedia.org/wiki/Note_G"),
            (1, "الخوارزمية كانت لحساب **أعداد برنولي**."),
            (2, "مذهل! هل نلتقي اليوم لنناقشه؟"),
            (0, "فكرة جيدة، الساعة الخامسة؟"),
            (2, "اتفقنا. I will bring the book."),
        ],
        "ja" => [
            (0, "おはようございます！世界初のプログラムの記事、読みましたか？"),
            (
                1,
                "読みました。1843年にエイダ・ラブレスが書いたものですね：https://en.wikipedia.org/wiki/Note_G",
            ),
            (1, "**ベルヌーイ数**を計算するアルゴリズムでした。"),
            (2, "すごいですね！今日集まって話しませんか？"),
            (0, "いいですね。5時はどうでしょう？"),
            (2, "了解です。本を持っていきます。"),
        ],
        _ => [
            (0, "Good morning! Did anybody read the piece about the first program?"),
            (1, "Yes, Ada Lovelace wrote it in 1843: https://en.wikipedia.org/wiki/Note_G"),
            (1, "It was to compute the **numbers of Bernoulli**."),
            (2, "Marvellous. Shall we meet today and talk about it?"),
            (0, "A good idea. At five?"),
            (2, "Agreed. سأحضر الكتاب."),
        ],
    }
}

/// Returns the names of the people; the last one looks at the page.
fn people(code: &str) -> [&'static str; 4] {
    match code {
        "ar" => ["ليلى", "Ada Lovelace", "عمر", "سلمى"],
        "ja" => ["さくら", "エイダ", "健太", "美咲"],
        _ => ["Grace Hopper", "Ada Lovelace", "Omar", "Joan Clarke"],
    }
}

/// Returns the text that the one who looks says at the end.
fn goodbye(code: &str) -> &'static str {
    match code {
        "ar" => "أراكم هناك ☕",
        "ja" => "では、またあとで ☕",
        _ => "See you there ☕",
    }
}

/// Returns a word that several of them say.
fn word(code: &str) -> &'static str {
    match code {
        "ar" => "أعداد",
        "ja" => "読み",
        _ => "the",
    }
}

/// They talk, and stay.
async fn talk(server: &Server, code: &str) -> Vec<Stream> {
    let api = server.api();
    let [one, two, three, _] = people(code);
    let guests = [api.guest(one).await, api.guest(two).await, api.guest(three).await];
    let mut here = Vec::new();
    for guest in &guests {
        let bearer = format!("Bearer {}", guest.token);
        let headers: &[(&str, &[u8])] = &[("authorization", bearer.as_bytes())];
        here.push(Stream::open(server.address(), "/api/v1/rooms/lobby/events", headers).await.unwrap());
    }
    let mut positions = Vec::new();
    for (number, (who, text)) in conversation(code).into_iter().enumerate() {
        // The second voice is answered.
        let reply_to = (number == 3).then(|| positions[1]);
        let post = api.request(Method::POST, "/api/v1/rooms/lobby/messages").bearer_auth(&guests[who].token);
        let sent = answer(post.json(&json!({ "content": text, "reply_to": reply_to }))).await.expect(201);
        let at = sent.json()["position"].as_u64().unwrap();
        if number == 2 {
            api.edit("lobby", &guests[who], at, text).await.expect(200);
        }
        positions.push(at);
    }
    for (who, at, reaction) in [(0, 1, "❤️"), (2, 1, "❤️"), (2, 1, "🎉"), (1, 4, "👍")] {
        let path = format!("/api/v1/rooms/lobby/messages/{}/reactions/{reaction}", positions[at]);
        answer(api.request(Method::PUT, &path).bearer_auth(&guests[who].token)).await.expect(204);
    }
    here
}

/// Sends to a room of their own what people write with marks, a long message, and a mention of the one who
/// looks.
async fn write(server: &Server, code: &str) {
    let api = server.api();
    let [one, two, _, reader] = people(code);
    let (one, two) = (api.guest(one).await, api.guest(two).await);
    let long = format!("{}\n", word(code)).repeat(60);
    api.say("marks", &one, &long).await;
    api.say("marks", &two, "> **a** ~~b~~ `c`\n¯\\_(ツ)_/¯ 2*3*4 snake_case www.example.org").await;
    api.say("marks", &one, "998. one\n999. two\n1000. three").await;
    api.say("marks", &two, &format!("@{reader} ☕")).await;
}

#[tokio::test]
#[ignore = "it writes the pictures of the documentation"]
async fn pictures_of_the_page_are_taken() {
    for code in ["en", "ar", "ja"] {
        let server = Server::start().await;
        let _here = talk(&server, code).await;
        write(&server, code).await;
        let page = Browser::open_in(&room_url(&server), code).await;
        page.join(people(code)[3]).await;
        page.say(goodbye(code)).await;
        page.until_messages(7).await;
        for (device, width, height, scale, mobile) in DEVICES {
            page.resize(width, height, scale, mobile).await;
            for theme in ["light", "dark"] {
                page.prefers(&[("prefers-color-scheme", theme)]).await;
                page.reload().await;
                // A frame of the stream has said who is here, and not only the first HTML.
                page.until("document.querySelectorAll('#presence li').length === 4 && document.querySelector('#presence [data-l10n]')").await;
                page.until("document.querySelectorAll('#outbox li').length === 0").await;
                let png = page.picture().await;
                assert!(png.len() < BYTES_MAX, "{} bytes", png.len());
                std::fs::write(format!("{FOLDER}/page-{code}-{device}-{theme}.png"), png).unwrap();
                others(&page, &server, &format!("{code}-{device}-{theme}")).await;
            }
        }
        page.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }
}

/// Keeps a small picture of the page as it is.
pub async fn keep(page: &Browser, screen: &str, of: &str) {
    let webp = page.small_picture().await;
    assert!(webp.len() < BYTES_MAX, "{} bytes", webp.len());
    std::fs::write(format!("{FOLDER}/screens/{screen}-{of}.webp"), webp).unwrap();
}

/// The screens besides the room itself: answering and choosing a reaction, the menu, who is here, the
/// question before a delete, marks and a mention, an empty room for a visitor, an error, a search.
async fn others(page: &Browser, server: &Server, of: &str) {
    page.hover("#messages > .msg:nth-last-child(2) .text").await;
    page.click(".tools .reply").await;
    page.hover("#messages > .msg:nth-last-child(2) .text").await;
    page.click(".tools .react").await;
    keep(page, "answer", of).await;
    page.keys("#draft", Key::Escape + "").await;
    page.click("#more").await;
    keep(page, "menu", of).await;
    page.keys("body", Key::Escape + "").await;
    // On a wide screen they are always there, and nothing opens them.
    page.js("document.querySelector('#who').click()").await;
    keep(page, "people", of).await;
    page.js("document.querySelector('#who').click()").await;
    page.keys("#draft", Key::Up + "").await;
    page.click("#editing .delete").await;
    page.until("document.querySelector('#deleting').open").await;
    keep(page, "delete", of).await;
    page.click("#deleting button[value=keep]").await;
    page.go(&format!("http://{}/marks", server.address())).await;
    page.until_messages(4).await;
    page.until("document.querySelectorAll('#presence li').length === 1").await;
    keep(page, "marks", of).await;
    let cookies = page.cookies().await;
    page.cdp("Network.clearBrowserCookies", json!({})).await;
    page.go(&format!("http://{}/a-new-room", server.address())).await;
    keep(page, "empty", of).await;
    page.go(&format!("http://{}/a/b", server.address())).await;
    keep(page, "error", of).await;
    let code = of.split('-').next().unwrap_or_default();
    page.go(&format!("{}/search?q={}", room_url(server), word(code))).await;
    keep(page, "search", of).await;
    page.set_cookies(cookies).await;
    page.go(&room_url(server)).await;
}
