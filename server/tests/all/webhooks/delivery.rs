//! Messages as a receiver gets them, and its answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Files, SECRET, assert_signed, receiver, server, text, texts};
use crate::support::client::answer;
use crate::support::receiver::{Receiver, Reply};
use crate::support::{ADMIN, Api, Server, within};

async fn contents(api: &Api, room: &str) -> Vec<Value> {
    api.history(room, "").await["messages"].as_array().unwrap().clone()
}

/// Waits until the place of a webhook is kept in the log, and gives it.
async fn kept_place(server: &Server, at_least: u64) -> u64 {
    let api = server.api();
    let place = async {
        loop {
            let backup = answer(api.request(Method::GET, "/admin/backup").bearer_auth(ADMIN)).await.body;
            let mut places = backup.lines().filter_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                (line["value_key"] == ".webhook/deploys")
                    .then(|| line["content"].as_str()?.parse::<u64>().ok())?
            });
            if let Some(place) = places.next_back().filter(|place| *place >= at_least) {
                return place;
            }
            tokio::time::sleep(crate::support::LOOK_EVERY).await;
        }
    };
    within("the place is kept", place).await
}

#[tokio::test]
async fn what_people_write_arrives_signed_and_in_order_and_what_programs_write_does_not() {
    let (files, receiver) = (Files::new(), receiver().await);
    let server = server(&files.table("deploys", &receiver.url(), "rooms = [\"*\"]\nwhen = \"all\"")).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let hook = json!({ "name": "other", "hook": "lobby" });
    let hook = answer(api.request(Method::POST, "/admin/tokens").bearer_auth(ADMIN).json(&hook)).await.json();
    let hook = hook["url"].as_str().unwrap().to_owned();
    let mut sent = Vec::new();
    for number in 0..20 {
        let room = ["lobby", "kitchen"][number % 2];
        sent.push((api.say(room, &ada, &format!("message {number}")).await, room, number));
        answer(api.request(Method::POST, &hook).json(&json!({ "content": "by a program" })))
            .await
            .expect(201);
        if number == 5 {
            let (position, room, _) = sent[2];
            api.edit(room, &ada, position, "message 2, edited").await.expect(200);
            api.react(&ada, (room, position), "%F0%9F%91%8D", true).await.expect(204);
        }
    }
    let last = sent[19].0;
    let came = receiver.until("the last", |came| came.iter().any(|it| it.position() == last)).await;
    let epoch = api.history("lobby", "").await["messages"][0]["position"].clone();
    assert!(epoch.is_u64());
    assert_eq!(came.len(), 20);
    for (received, (position, room, number)) in came.iter().zip(&sent) {
        assert_signed(received, SECRET);
        assert_eq!(received.line, "POST /chat?key=a-secret-of-the-address HTTP/1.1");
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("host"), receiver.address.to_string());
        assert!(received.header("user-agent").starts_with("Millchat/"));
        assert_eq!(received.position(), *position);
        let body = received.json();
        assert_eq!(body["type"], "message.posted");
        let data = &body["data"];
        assert_eq!(body["timestamp"], data["created_at"]);
        assert_eq!((&data["position"], &data["room"]), (&json!(position), &json!(room)));
        assert_eq!(data["author"], json!({ "id": ada.id, "name": "Ada", "kind": "guest" }));
        // Message 2 may have been edited before its turn.
        let content = data["content"].as_str().unwrap();
        assert!(content.starts_with(&format!("message {number}")), "{content}");
        assert_eq!(data["links"]["message"], format!("/api/v1/rooms/{room}/messages/{position}"));
        assert_eq!(data["links"]["room"], format!("/{room}"));
    }
    let metrics = api.get("/metrics").await.body;
    let delivered = "millchat_webhook_deliveries_total{webhook=\"deploys\",outcome=\"delivered\"} ";
    assert!(metrics.contains(delivered), "{metrics}");
    assert!(metrics.contains("millchat_webhook_behind{webhook=\"deploys\"} "), "{metrics}");
}

#[tokio::test]
async fn a_webhook_hears_of_mentions_in_its_rooms_alone_with_links_and_long_texts_left_out() {
    let (files, receiver) = (Files::new(), receiver().await);
    let table = files.table("deploys", &receiver.url(), "rooms = [\"ops\", \"lobby\"]\nwhen = \"mention\"");
    let server = server(&format!("public-url = \"https://chat.example\"\n{table}")).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let long = format!("@deploys {}", "x".repeat(16 * 1024));
    for (room, text) in [
        ("ops", "no mention"),
        ("elsewhere", "@Deploys"),
        ("ops", "`@Deploys`"),
        ("ops", "> @Deploys"),
        ("ops", "@Deploys2"),
        ("lobby", "hi @DEPLOYS, 1"),
        ("ops", &long),
        ("ops", "@Deploys the end"),
    ] {
        api.say(room, &ada, text).await;
    }
    let came = receiver.until_count(3).await;
    assert_eq!(texts(&came), ["hi @DEPLOYS, 1", "", "@Deploys the end"]);
    let data = came[1].json()["data"].clone();
    assert!(data.get("content").is_none() && data.get("deleted").is_none(), "{data}");
    let link = format!("https://chat.example/api/v1/rooms/ops/messages/{}", came[1].position());
    assert_eq!(
        (&data["links"]["message"], &data["links"]["room"]),
        (&json!(link), &json!("https://chat.example/ops"))
    );
}

#[tokio::test]
async fn a_receivers_answer_is_posted_once_also_when_the_message_is_sent_again_after_a_kill() {
    let files = Files::new();
    let answers = |received: &crate::support::receiver::Received, before: usize| match text(received).as_str()
    {
        "@Deploys twice" => Reply::Json(json!({ "text": format!("answer {before}"), "more": 1 }).to_string()),
        "@Deploys nothing" => Reply::Json("{}".to_owned()),
        "@Deploys hostile" => Reply::Json(json!({ "content": "\r\n\u{202e}x\rdata: y" }).to_string()),
        _ => Reply::Status(204),
    };
    let receiver = Receiver::start(answers).await;
    let mut server = server(&files.table("deploys", &receiver.url(), "rooms = [\"*\"]")).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let question = api.say("lobby", &ada, "@Deploys twice").await;
    let answered = async {
        while contents(&api, "lobby").await.len() < 2 {
            tokio::time::sleep(crate::support::LOOK_EVERY).await;
        }
    };
    within("the answer", answered).await;
    let answer = contents(&api, "lobby").await[1].clone();
    let author = json!({ "id": "b_deploys", "name": "Deploys", "kind": "bot" });
    assert_eq!(
        (&answer["author"], &answer["reply_to"], &answer["content"]),
        (&author, &json!(question), &json!("answer 0"))
    );
    let first = receiver.came()[0].header("webhook-id").to_owned();
    // Before the place is kept: it is sent again, under its id, and answered with another text.
    server.kill().await;
    server.restart().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "@Deploys nothing").await;
    api.say("lobby", &ada, "@Deploys hostile").await;
    let end = api.say("lobby", &ada, "@Deploys end").await;
    let came = receiver.until("the last", |came| came.iter().any(|it| it.position() == end)).await;
    assert!(came.iter().filter(|it| it.position() == question).all(|it| it.header("webhook-id") == first));
    let texts: Vec<String> =
        contents(&api, "lobby").await.iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect();
    let expected =
        ["@Deploys twice", "answer 0", "@Deploys nothing", "@Deploys hostile", "@Deploys end", "x\ndata: y"];
    assert!(expected.iter().all(|text| texts.iter().any(|it| it.trim() == *text)), "{texts:?}");
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
}

#[tokio::test]
async fn a_new_webhook_begins_at_the_head_and_a_known_one_goes_on_where_it_was() {
    let (files, receiver) = (Files::new(), receiver().await);
    let mut server = Server::start_with_settings("", &["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "before there was a webhook").await;
    server.terminate().await;
    std::fs::write(
        server.settings(),
        files.table("deploys", &receiver.url(), "rooms = [\"*\"]\nwhen = \"all\""),
    )
    .unwrap();
    server.restart().await;
    let api = server.api();
    api.say("lobby", &ada, "one").await;
    receiver.until_count(1).await;
    // A stop in order keeps the place: nothing is sent again.
    server.terminate().await;
    server.restart().await;
    let two = server.api().say("lobby", &ada, "two").await;
    assert_eq!(texts(&receiver.until_count(2).await), ["one", "two"]);
    // So does the time.
    assert!(kept_place(&server, two).await >= two);
    server.kill().await;
    server.restart().await;
    server.api().say("lobby", &ada, "three").await;
    assert_eq!(texts(&receiver.until_count(3).await), ["one", "two", "three"]);
    // What was written while the server did not know of the receiver is not lost either.
    let settings = std::fs::read_to_string(server.settings()).unwrap();
    kept_place(&server, two + 1).await;
    server.terminate().await;
    std::fs::write(server.settings(), "").unwrap();
    server.restart().await;
    server.api().say("lobby", &ada, "four").await;
    server.terminate().await;
    std::fs::write(server.settings(), settings).unwrap();
    server.restart().await;
    assert_eq!(texts(&receiver.until_count(4).await)[3], "four");
}

#[tokio::test]
async fn a_webhook_at_rest_writes_nothing_to_the_log() {
    let (files, receiver) = (Files::new(), receiver().await);
    let mut server =
        server(&files.table("deploys", &receiver.url(), "rooms = [\"*\"]\nwhen = \"all\"")).await;
    let ada = server.api().guest("Ada").await;
    let said = server.api().say("lobby", &ada, "hello").await;
    receiver.until_count(1).await;
    let kept = kept_place(&server, said).await;
    // The record of the place itself moves the head, and must not be a reason for another.
    for _ in 0..3 {
        server.terminate().await;
        server.restart().await;
    }
    let head = server.api().say("lobby", &ada, "again").await;
    assert!(kept >= said && head <= said + 3, "{said}, then {head}");
}

#[tokio::test]
async fn an_answer_of_a_receiver_that_is_banned_is_not_posted() {
    let files = Files::new();
    let eager = Receiver::start(|_, _| Reply::Json("{\"content\":\"yes\"}".to_owned())).await;
    let server = server(&files.table("deploys", &eager.url(), "rooms = [\"*\"]\nwhen = \"all\"")).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let operate = |method: Method, path: &str| answer(api.request(method, path).bearer_auth(ADMIN));
    operate(Method::PUT, "/admin/bans/b_deploys").await.expect(200);
    api.say("lobby", &ada, "one").await;
    server.said("a webhook's message is not sent", 1).await;
    operate(Method::DELETE, "/admin/bans/b_deploys").await.expect(200);
    api.say("lobby", &ada, "two").await;
    let answered = async {
        while contents(&api, "lobby").await.len() < 3 {
            tokio::time::sleep(crate::support::LOOK_EVERY).await;
        }
    };
    within("the answer to the second", answered).await;
    let said: Vec<Value> = contents(&api, "lobby").await.iter().map(|it| it["content"].clone()).collect();
    assert_eq!(said, ["one", "two", "yes"]);
    assert_eq!(eager.came().len(), 2, "both have arrived");
}
