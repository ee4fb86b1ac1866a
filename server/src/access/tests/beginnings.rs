//! The first event of a room whose creator owns it.

use futures_util::future::join_all;
use millchat::{HistoryRange, RoomName};

use super::super::deeds;
use super::super::role::Role;
use super::served::{ADMIN, Answer, Served, author};

const SETTINGS: &str = r#"
[[room]]
name = "made-*"
creator = "owner"
policy = "members"
[[room]]
name = "hall-*"
creator = "owner"
[[room]]
name = "read-*"
creator = "owner"
guests = "read"
"#;

const JSON: &str = "application/json";

async fn say(served: &Served, room: &str, token: &str) -> Answer {
    let path = format!("/api/v1/rooms/{room}/messages");
    served.ask(("POST", &path), Some(token), (JSON, "{\"content\":\"first\"}"), &[]).await
}

/// Returns those who own a room.
fn owners(served: &Served, room: &str) -> Vec<String> {
    let members = deeds::members(&served.app.chat, &RoomName::new(room).unwrap(), None, 100);
    assert!(members.iter().all(|member| member.role == Role::Owner));
    members.iter().map(|member| member.author_id.to_string()).collect()
}

#[tokio::test]
async fn of_many_who_write_the_first_event_at_once_one_owns_the_room() {
    let served = Served::start(SETTINGS);
    for round in 0..5 {
        for (room, is_open) in [("made", false), ("read", false), ("hall", true)] {
            let room = format!("{room}-{round}");
            let tokens: Vec<_> = (0..20).map(|number| served.token(&format!("g_{number}"))).collect();
            let answers = join_all(tokens.iter().map(|token| say(&served, &room, token))).await;
            let said = answers.iter().filter(|answer| answer.status == 201).count();
            assert_eq!(said, if is_open { 20 } else { 1 }, "{room}: {answers:?}");
            assert!(answers.iter().all(|answer| [201, 403].contains(&answer.status)), "{room}: {answers:?}");
            let name = RoomName::new(&room).unwrap();
            let page = served.app.chat.history(&name, HistoryRange::After(0), 1).await;
            let first = page.unwrap().messages[0].author.as_ref().unwrap().id.to_string();
            assert_eq!(owners(&served, &room), [first], "{room}");
        }
    }
}

#[tokio::test]
async fn a_room_that_somebody_began_or_was_given_is_nobody_elses_to_begin() {
    let served = Served::start(SETTINGS);
    let (ada, eve) = (served.token("g_ada"), served.token("g_eve"));
    assert_eq!(say(&served, "made-1", &ada).await.status, 201);
    let refused = say(&served, "made-1", &eve).await;
    assert!(refused.status == 403 && refused.body.contains("not-member"), "{refused:?}");
    assert_eq!(say(&served, "read-1", &ada).await.status, 201);
    let refused = say(&served, "read-1", &eve).await;
    assert!(refused.status == 403 && refused.body.contains("read-only"), "{refused:?}");
    // Ada goes on, and does what owners do.
    assert_eq!(say(&served, "made-1", &ada).await.status, 201);
    let closed = ("PUT", "/api/v1/rooms/made-1/closed");
    assert_eq!(served.ask(closed, Some(&ada), ("", ""), &[]).await.status, 200);
    // A room whose owner has written nothing yet.
    let (chat, given) = (&served.app.chat, RoomName::new("made-2").unwrap());
    deeds::give(chat, &given, ("g_ada", None), Role::Owner, author("g_ada", "Ada")).await.unwrap();
    assert_eq!(say(&served, "made-2", &eve).await.status, 403);
    // One in which an operator was first.
    let opened = ("PUT", "/admin/rooms/made-3/closed");
    assert_eq!(served.ask(opened, Some(ADMIN), ("", ""), &[]).await.status, 200);
    assert_eq!(say(&served, "made-3", &eve).await.status, 403);
    // And one of no such table.
    assert_eq!(say(&served, "other", &eve).await.status, 201);
    for room in ["made-3", "other"] {
        assert!(owners(&served, room).is_empty(), "{room}");
    }
    assert_eq!(owners(&served, "made-2"), ["g_ada"]);
    // Reading, typing and reacting begin nothing.
    for (method, path) in [
        ("GET", "/api/v1/rooms/made-4/messages"),
        ("POST", "/api/v1/rooms/made-4/typing"),
        ("PATCH", "/api/v1/rooms/made-4/messages/1"),
    ] {
        let sent = if method == "PATCH" { (JSON, "{\"content\":\"x\"}") } else { ("", "") };
        assert_eq!(served.ask((method, path), Some(&eve), sent, &[]).await.status, 403, "{path}");
    }
    assert_eq!(
        served.ask(("POST", "/api/v1/rooms/made-4/messages"), None, (JSON, "{}"), &[]).await.status,
        401
    );
}

#[tokio::test]
async fn a_ban_new_rooms_and_a_token_for_some_rooms_let_nobody_begin_a_room_of_their_own() {
    let served = Served::start(&format!("new-rooms = \"signed-in\"\n{SETTINGS}"));
    let refused = say(&served, "made-1", &served.token("g_ada")).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let refused = say(&served, "hall-1", &served.token("g_ada")).await;
    assert!(refused.status == 403 && refused.body.contains("no-new-rooms"), "{refused:?}");

    let served = Served::start(SETTINGS);
    let ban = ("PUT", "/admin/bans/g_eve");
    assert_eq!(served.ask(ban, Some(ADMIN), ("", ""), &[]).await.status, 200);
    let sent = "{\"name\":\"bot\",\"rooms\":{\"made-7\":\"writer\"}}";
    let made = served.ask(("POST", "/admin/tokens"), Some(ADMIN), (JSON, sent), &[]).await;
    let made: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let (eve, bot) = (served.token("g_eve"), made["token"].as_str().unwrap());
    for room in ["made-1", "hall-1", "read-1"] {
        assert_eq!(say(&served, room, &eve).await.status, 403, "{room}");
        assert!(owners(&served, room).is_empty());
        assert_eq!(say(&served, room, bot).await.status, 403, "{room}");
        assert!(owners(&served, room).is_empty());
    }
    // It writes where it may, and owns nothing by it.
    assert_eq!(say(&served, "made-7", bot).await.status, 201);
    assert!(owners(&served, "made-7").is_empty());
    assert_eq!(served.ask(("POST", "/new"), Some(&eve), ("", ""), &[]).await.status, 403);
}

#[tokio::test]
async fn a_private_room_is_opened_at_the_page_and_is_its_openers_alone() {
    let served = Served::start(SETTINGS);
    let (ada, eve) = (served.token("g_ada"), served.token("g_eve"));
    let open =
        async |served: &Served, token: Option<&str>| served.ask(("POST", "/new"), token, ("", ""), &[]).await;
    let answer = open(&served, Some(&ada)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let path = answer.headers["location"].to_str().unwrap().to_owned();
    assert!(path.starts_with("/made-"), "{path}");
    assert_eq!(owners(&served, &path[1..]), ["g_ada"]);
    let page = served.ask(("GET", &path), Some(&ada), ("", ""), &[]).await;
    assert!(page.status == 200 && page.body.contains("data-role=\"owner\""), "{page:?}");
    assert!(page.body.contains("action=\"/new\""), "another one");
    let denied = served.ask(("GET", &path), Some(&eve), ("", ""), &[]).await;
    assert!(denied.status == 403 && denied.body.contains("action=\"/new\""), "a way onward: {denied:?}");
    assert_eq!(say(&served, &path[1..], &eve).await.status, 403);
    let again = open(&served, Some(&ada)).await;
    assert_ne!(again.headers["location"].to_str().unwrap(), path);
    assert_eq!(open(&served, None).await.status, 401);
    let nobody = served.ask(("GET", "/hall-1"), None, ("", ""), &[]).await;
    assert!(nobody.status == 200 && !nobody.body.contains("action=\"/new\""), "{nobody:?}");

    // Where whoever has the address may read, nothing is private.
    let served = Served::start("[[room]]\nname = \"hall-*\"\ncreator = \"owner\"\n");
    assert_eq!(open(&served, Some(&served.token("g_ada"))).await.status, 403);
}
