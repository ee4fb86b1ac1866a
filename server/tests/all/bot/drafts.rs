//! Unfinished answers over HTTP: who sees them, who stops them, and how they end.

use serde_json::{Value, json};

use super::{bot, end, operated, problem, show, writing};
use crate::support::sse::Stream;
use crate::support::{ADMIN, Guest, Server, within};

/// Waits until the room's unfinished answers are these: their states and texts.
async fn until_drafts(stream: &mut Stream, expected: &[(&str, &str)]) {
    let seen = async {
        loop {
            let signal = stream.signal("draft").await.json();
            let drafts = signal["drafts"].as_array().unwrap();
            let text = |draft: &Value, field: &str| draft[field].as_str().unwrap().to_owned();
            let seen: Vec<_> = drafts.iter().map(|d| (text(d, "state"), text(d, "content"))).collect();
            if seen.iter().map(|(state, content)| (&**state, &**content)).eq(expected.iter().copied()) {
                return;
            }
        }
    };
    within("the drafts are shown", seen).await;
}

#[tokio::test]
async fn a_draft_is_seen_as_it_grows_and_becomes_one_message() {
    let server = operated().await;
    let api = server.api();
    let (ada, echo) = (api.guest("Ada").await, bot(&api, "Echo").await);
    let question = api.say("lobby", &ada, "who are you?").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    show(&api, &echo, "lobby", question, json!({ "state": "thinking" })).await.expect(204);
    let signal = stream.signal("draft").await;
    assert_eq!(
        signal.json(),
        json!({ "drafts": [{
            "author": { "id": echo.id, "name": "Echo", "kind": "bot" }, "reply_to": question,
            "state": "thinking", "content": "", "from": 0
        }] })
    );
    let long = "x".repeat(5_000);
    show(&api, &echo, "lobby", question, writing(&format!("{long}end"))).await.expect(204);
    let signal = stream.signal("draft").await.json();
    let draft = &signal["drafts"][0];
    assert_eq!((draft["content"].as_str().unwrap().len(), &draft["from"]), (4_096, &json!(5_003 - 4_096)));
    assert!(draft["content"].as_str().unwrap().ends_with("end"));
    // Whoever joins sees it at once.
    let mut late = api.stream("lobby", None).await;
    assert_eq!(late.signal("draft").await.json(), signal);
    api.reply("lobby", &echo, question, "I am Echo.").await.expect(201);
    until_drafts(&mut stream, &[]).await;
    // Nothing of a draft is logged.
    let page = api.history("lobby", "").await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 2, "{page}");
}

#[tokio::test]
async fn only_the_asker_a_moderator_and_the_operator_stop_an_answer() {
    let settings = "[[room]]\nname = \"lobby\"\nmoderators = [\"g_moderator\"]\n";
    let server = Server::start_with_settings(settings, &["--admin-token", ADMIN]).await;
    let api = server.api();
    let (ada, eve, echo) = (api.guest("Ada").await, api.guest("Eve").await, bot(&api, "Echo").await);
    let question = api.say("lobby", &ada, "tell me everything").await;
    let mut stream = api.stream("lobby", None).await;
    let refused = show(&api, &eve, "lobby", question, writing("as if I were a bot")).await;
    assert_eq!(problem(&refused, 403), "not-a-bot");
    show(&api, &echo, "lobby", question, writing("All")).await.expect(204);
    until_drafts(&mut stream, &[("writing", "All")]).await;
    assert_eq!(problem(&end(&api, &eve.token, "lobby", question).await, 403), "not-author");
    assert_eq!(problem(&end(&api, &ada.token, "lobby", question + 1).await, 404), "unknown-draft");
    end(&api, &ada.token, "lobby", question).await.expect(204);
    until_drafts(&mut stream, &[]).await;
    // The bot is told at its next word, and may post what there is.
    let told = show(&api, &echo, "lobby", question, writing("All is")).await;
    assert_eq!(problem(&told, 410), "draft-stopped");
    api.reply("lobby", &echo, question, "All …").await.expect(201);
    assert_eq!(problem(&end(&api, &ada.token, "lobby", question).await, 404), "unknown-draft");

    let second = api.say("lobby", &ada, "and more").await;
    show(&api, &echo, "lobby", second, writing("More")).await.expect(204);
    end(&api, ADMIN, "lobby", second).await.expect(204);
    assert_eq!(problem(&show(&api, &echo, "lobby", second, writing("More")).await, 410), "draft-stopped");
    let third = api.say("lobby", &ada, "and once more").await;
    show(&api, &echo, "lobby", third, writing("Once")).await.expect(204);
    end(&api, &echo.token, "lobby", third).await.expect(204);
    show(&api, &echo, "lobby", third, writing("It may begin again")).await.expect(204);
}

#[tokio::test]
async fn a_draft_goes_with_its_question_and_none_is_of_a_deleted_one() {
    let server = operated().await;
    let api = server.api();
    let (ada, echo) = (api.guest("Ada").await, bot(&api, "Echo").await);
    let question = api.say("lobby", &ada, "secret").await;
    let mut stream = api.stream("lobby", None).await;
    show(&api, &echo, "lobby", question, writing("You said secret")).await.expect(204);
    until_drafts(&mut stream, &[("writing", "You said secret")]).await;
    api.delete("lobby", &ada, question).await.expect(204);
    until_drafts(&mut stream, &[]).await;
    let refused = show(&api, &echo, "lobby", question, writing("You said")).await;
    assert_eq!(problem(&refused, 410), "message-deleted");
    let refused = show(&api, &echo, "lobby", 99, writing("nothing")).await;
    assert_eq!(problem(&refused, 404), "unknown-message");
    let other = api.say("other", &ada, "elsewhere").await;
    let refused = show(&api, &echo, "lobby", other, writing("of another room")).await;
    assert_eq!(problem(&refused, 404), "unknown-message");
}

#[tokio::test]
async fn a_wrong_draft_is_refused_with_the_rule() {
    let server = operated().await;
    let api = server.api();
    let (ada, echo) = (api.guest("Ada").await, bot(&api, "Echo").await);
    let question = api.say("lobby", &ada, "well?").await;
    for wrong in [
        json!({ "state": "done" }),
        json!({ "content": "no state" }),
        json!({ "state": "writing", "reason": "broke" }),
        json!({ "state": "failed", "reason": "<script>" }),
    ] {
        let refused = show(&api, &echo, "lobby", question, wrong.clone()).await;
        assert_eq!(problem(&refused, 422), "invalid-body", "{wrong}");
    }
    let large = writing(&"x".repeat(140_000));
    assert_eq!(problem(&show(&api, &echo, "lobby", question, large).await, 413), "too-large");
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let failed = json!({ "state": "failed", "reason": "absent" });
    show(&api, &echo, "lobby", question, failed).await.expect(204);
    let draft = &stream.signal("draft").await.json()["drafts"][0];
    assert_eq!((&draft["state"], &draft["reason"]), (&json!("failed"), &json!("absent")));
}

#[tokio::test]
async fn two_bots_do_not_talk_for_ever() {
    let server = operated().await;
    let api = server.api();
    let (ada, bots) = (api.guest("Ada").await, [bot(&api, "Echo").await, bot(&api, "Ohce").await]);
    let mut last = api.say("lobby", &ada, "talk").await;
    let mut answers = 0;
    let refused = loop {
        let said = api.reply("lobby", &bots[answers % 2], last, "and you?").await;
        if said.status != 201 {
            break said;
        }
        last = said.json()["position"].as_u64().unwrap();
        answers += 1;
        assert!(answers < 50, "they talk for ever");
    };
    assert_eq!((answers, &*problem(&refused, 422)), (5, "too-many-hops"));
}

#[tokio::test]
async fn bots_are_no_readers() {
    let server = operated().await;
    let api = server.api();
    let (ada, echo) = (api.guest("Ada").await, bot(&api, "Echo").await);
    let address = server.address();
    let open = async |who: &Guest| {
        let token = format!("Bearer {}", who.token);
        let headers = [("Authorization", token.as_bytes())];
        Stream::open(address, "/api/v1/rooms/lobby/events", &headers).await.unwrap()
    };
    let (mut of_echo, _of_ada) = (open(&echo).await, open(&ada).await);
    let presence = loop {
        let presence = of_echo.signal("presence").await.json();
        if presence["count"] == 1 {
            break presence;
        }
    };
    assert_eq!(presence["authors"], json!([{ "id": ada.id, "name": "Ada", "kind": "guest" }]));
}
