//! Search: by words, in the texts as they are now, newest first, page by page.

use reqwest::Method;
use serde_json::Value;

use crate::support::client::{answer, positions};
use crate::support::{Api, Guest, Server};

const NONE: [u64; 0] = [];
const ADMIN: &str = "0123456789abcdef0123456789abcdef";

async fn search(api: &Api, query: &str) -> Value {
    api.get(&format!("/api/v1/rooms/lobby/search?{query}")).await.expect(200).json()
}

/// The positions of the messages that a search for these words finds.
async fn found(api: &Api, words: &str) -> Vec<u64> {
    let q: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
    positions(&search(api, &format!("q={q}")).await)
}

async fn say(api: &Api, guest: &Guest, texts: &[&str]) -> Vec<u64> {
    let mut positions = Vec::new();
    for text in texts {
        positions.push(api.say("lobby", guest, text).await);
    }
    positions
}

#[tokio::test]
async fn case_accents_and_width_do_not_count_and_scripts_without_spaces_are_found_by_parts() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let texts = [
        "Die Straße in Zürich",
        "私は東京タワーに行く",
        "ฉันพูดภาษาไทยได้",
        "مَرْحَباً بالعالم",
        "Ｆｕｌｌ ｗｉｄｔｈ ｶﾞﾑ",
        "İSTANBUL, 3.14 and snake_case",
        "done 🎉",
    ];
    let at = say(&api, &ada, &texts).await;
    for (words, expected) in [
        ("STRASSE zurich", &at[0..1]),
        ("東京", &at[1..2]),
        ("京", &at[1..2]),
        ("タワー 東京", &at[1..2]),
        ("京東", &[]),
        ("ไทย", &at[2..3]),
        ("مرحبا", &at[3..4]),
        ("full ガム", &at[4..5]),
        ("istanbul snake_case", &at[5..6]),
        ("3.14", &at[5..6]),
        ("🎉", &at[6..7]),
        ("Stra", &[]),
        ("strasse istanbul", &[]),
    ] {
        assert_eq!(found(&api, words).await, expected, "{words}");
    }
}

#[tokio::test]
async fn an_edit_is_found_by_its_new_text_and_what_was_deleted_is_not_found() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let at = say(&api, &ada, &["first words", "second words", "third words"]).await;
    api.edit("lobby", &ada, at[0], "changed words").await.expect(200);
    api.delete("lobby", &ada, at[1]).await.expect(204);
    assert_eq!(found(&api, "words").await, [at[2], at[0]]);
    assert_eq!(found(&api, "first").await, NONE);
    assert_eq!(found(&api, "second").await, NONE);
    let page = search(&api, "q=CHANGED").await;
    assert_eq!(page["messages"][0]["content"], "changed words");
    assert!(page["messages"][0]["edited_at"].is_string(), "{page}");
    let elsewhere = api.get("/api/v1/rooms/kitchen/search?q=words").await.expect(200).json();
    assert_eq!(positions(&elsewhere), NONE);
    assert_eq!(elsewhere["head"], 0);
    answer(api.request(Method::DELETE, "/admin/rooms/lobby/messages").bearer_auth(ADMIN)).await.expect(200);
    assert_eq!(found(&api, "words").await, NONE, "the room was emptied");
    let after = say(&api, &ada, &["new words"]).await;
    assert_eq!(found(&api, "words").await, after);
}

#[tokio::test]
async fn pages_lead_from_the_newest_to_the_oldest() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut expected = Vec::new();
    for number in 0..300 {
        let at =
            api.say("lobby", &ada, &format!("{} {number}", if number % 5 == 0 { "five" } else { "x" })).await;
        if number % 5 == 0 {
            expected.insert(0, at);
        }
    }
    assert_eq!(found(&api, "five").await, expected[..20], "the default is 20");
    assert_eq!(positions(&search(&api, "q=five&limit=1000").await), expected);
    assert_eq!(positions(&search(&api, "q=five&limit=0").await), expected[..1]);
    let before = format!("q=five&before={}&limit=2", expected[6]);
    assert_eq!(positions(&search(&api, &before).await), expected[7..9], "`before` is exclusive");
    assert_eq!(positions(&search(&api, "q=five&before=1").await), NONE);
    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let api = server.api();
        let (mut all, mut path) = (Vec::new(), Some("/api/v1/rooms/lobby/search?q=five+&limit=7".to_owned()));
        while let Some(current) = path {
            let answer = api.get(&current).await.expect(200);
            let page = answer.json();
            all.extend(positions(&page));
            path = page["links"]["older"].as_str().map(str::to_owned);
            let link = path.as_ref().map(|path| format!("<{path}>; rel=\"prev\""));
            assert_eq!(answer.header("link"), link.as_deref());
            assert!(all.len() <= expected.len(), "the pages do not end");
        }
        assert_eq!(all, expected, "restarted: {restarted}");
    }
}

#[tokio::test]
async fn what_is_no_search_is_refused_and_says_why() {
    let server = Server::start().await;
    let api = server.api();
    let many: Vec<String> = (0..33).map(|n| format!("w{n}")).collect();
    let many = many.join("+");
    for (query, word) in [
        (String::new(), "q: "),
        ("q=".into(), "q: "),
        ("q=+%E2%80%A6+".into(), "at least one word"),
        (format!("q={}", "a".repeat(513)), "512"),
        (format!("q={many}"), "32"),
        ("q=a&limit=many".into(), "limit"),
        ("q=a&before=x".into(), "before"),
    ] {
        let answer = api.get(&format!("/api/v1/rooms/lobby/search?{query}")).await;
        let detail = answer.expect_problem(400);
        assert!(detail.contains(word), "{query}: {detail}");
    }
    api.get("/api/v1/rooms/admin/search?q=a").await.expect_problem(400);
}

#[tokio::test]
async fn a_search_counts_as_a_read() {
    let server = Server::start_with(&["--rate-limit", "reads=1/3"]).await;
    let api = server.api();
    let mut refused = Vec::new();
    for path in ["/api/v1/rooms/lobby/search?q=a", "/lobby/search?q=a"].into_iter().cycle().take(12) {
        let answer = api.get(path).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            refused.push(path);
        }
    }
    assert!(refused.len() >= 4 && refused[0] != refused[1], "{refused:?}");
}
