//! The pictures of `docs/page.md`. They are made anew by
//! `cargo test -p millchat-server --test all -- --ignored pictures_of_the_page`.

use super::room_url;
use crate::support::{Api, Browser, Server};
use serde_json::json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/img");
/// What a picture may weigh in the repository.
const BYTES_MAX: usize = 200_000;
/// Name, width, height, pixels of the device for each of the page, and whether it is a phone.
const DEVICES: [(&str, u32, u32, f64, bool); 2] =
    [("desktop", 1_100, 720, 1.0, false), ("phone", 375, 740, 2.0, true)];

/// What people say in a language: who writes, and what.
fn conversation(code: &str) -> [(usize, &'static str); 7] {
    match code {
        "ar" => [
            (0, "صباح الخير! هل قرأ أحد المقال عن أول برنامج في التاريخ؟"),
            (1, "نعم، كتبته آدا لوفليس عام 1843: https://en.wikipedia.org/wiki/Note_G"),
            (1, "الخوارزمية كانت لحساب أعداد برنولي."),
            (2, "مذهل! هل نلتقي اليوم لنناقشه؟"),
            (0, "فكرة جيدة، الساعة الخامسة؟"),
            (2, "اتفقنا. I will bring the book."),
            (1, "أراكم هناك ☕"),
        ],
        "ja" => [
            (0, "おはようございます！世界初のプログラムの記事、読みましたか？"),
            (
                1,
                "読みました。1843年にエイダ・ラブレスが書いたものですね：https://en.wikipedia.org/wiki/Note_G",
            ),
            (1, "ベルヌーイ数を計算するアルゴリズムでした。"),
            (2, "すごいですね！今日集まって話しませんか？"),
            (0, "いいですね。5時はどうでしょう？"),
            (2, "了解です。本を持っていきます。"),
            (1, "では、またあとで ☕"),
        ],
        _ => [
            (0, "Good morning! Did anybody read the piece about the first program?"),
            (1, "Yes, Ada Lovelace wrote it in 1843: https://en.wikipedia.org/wiki/Note_G"),
            (1, "It was to compute the numbers of Bernoulli."),
            (2, "Marvellous. Shall we meet today and talk about it?"),
            (0, "A good idea. At five?"),
            (2, "Agreed. سأحضر الكتاب."),
            (1, "See you there ☕"),
        ],
    }
}

fn people(code: &str) -> [&'static str; 3] {
    match code {
        "ar" => ["ليلى", "Ada Lovelace", "عمر"],
        "ja" => ["さくら", "エイダ", "健太"],
        _ => ["Grace Hopper", "Ada Lovelace", "Omar"],
    }
}

async fn talk(api: &Api, code: &str) {
    let mut guests = Vec::new();
    for name in people(code) {
        guests.push(api.guest(name).await);
    }
    let mut last = 0;
    for (who, text) in conversation(code) {
        last = api.say("lobby", &guests[who], text).await;
    }
    api.edit("lobby", &guests[1], last, conversation(code)[6].1).await.expect(200);
}

#[tokio::test]
#[ignore = "it writes the pictures of the documentation"]
async fn pictures_of_the_page_are_taken() {
    for code in ["en", "ar", "ja"] {
        let server = Server::start().await;
        talk(&server.api(), code).await;
        let page = Browser::open_in(&room_url(&server), code).await;
        page.join(people(code)[0]).await;
        for (device, width, height, scale, mobile) in DEVICES {
            page.resize(width, height, scale, mobile).await;
            for theme in ["light", "dark"] {
                page.prefers(&[("prefers-color-scheme", theme)]).await;
                page.reload().await;
                page.until("document.querySelectorAll('#presence li').length > 0 && document.fonts.status === 'loaded'")
                    .await;
                let png = page.picture().await;
                assert!(png.len() < BYTES_MAX, "{} bytes", png.len());
                std::fs::write(format!("{FOLDER}/page-{code}-{device}-{theme}.png"), png).unwrap();
            }
        }
        page.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }
}
