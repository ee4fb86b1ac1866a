//! Rooms of visitors: one for each, which only they and the staff may read, and the desk of the staff.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN, SignIns};
use crate::support::client::answer;
use crate::support::{Answer, Api, Visitor};

/// A room for each visitor, looked after by the group `staff`, where nobody else may begin a room.
const TABLES: &str = "new-rooms = \"nobody\"\n[[room]]\nname = \"support-*\"\npolicy = \"visitor\"\n\
                      title = \"Support\"\nmoderators = [\"corp:@staff\"]\n";

async fn start() -> SignIns {
    let (first, tables) = TABLES.split_once('\n').unwrap();
    SignIns::start_with_first(
        first,
        "groups-claim = \"groups\"\nscopes = [\"openid\", \"profile\", \"groups\"]",
        tables,
    )
    .await
}

/// The room of whoever has this token.
async fn own(api: &Api, token: &str) -> String {
    let request = api.request(Method::POST, "/embed/support-/own").bearer_auth(token);
    answer(request).await.expect(200).json()["room"].as_str().unwrap().to_owned()
}

async fn get(api: &Api, path: &str, token: &str) -> Answer {
    answer(api.request(Method::GET, path).bearer_auth(token)).await
}

async fn say(api: &Api, room: &str, token: &str, text: &str) -> Answer {
    let request = api.request(Method::POST, &format!("/api/v1/rooms/{room}/messages")).bearer_auth(token);
    answer(request.json(&json!({ "content": text }))).await
}

/// The token of a program that may look after all of the rooms.
async fn program(api: &Api) -> String {
    let request = api.request(Method::POST, "/admin/tokens").bearer_auth(ADMIN);
    let token = json!({ "name": "helper", "rooms": { "support-*": "moderator" } });
    answer(request.json(&token)).await.expect(201).json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_visitor_has_a_room_that_only_they_and_the_staff_may_read() {
    let signs = start().await;
    let api = signs.server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let room = own(&api, &ada.token).await;
    assert!(room.starts_with("support-") && room.len() == 28, "{room}");
    assert_eq!(own(&api, &ada.token).await, room, "always the same");
    let of_bob = own(&api, &bob.token).await;
    assert_ne!(of_bob, room);
    let history = format!("/api/v1/rooms/{room}/messages");
    let (before, empty) = (get(&api, &history, &bob.token).await, get(&api, &history, &ada.token).await);
    assert_eq!((before.status, empty.expect(200).json()["messages"].clone()), (403, json!([])));
    say(&api, &room, &ada.token, "Do you have hats?").await.expect(201);
    // The answer to others is the same before and after.
    let after = get(&api, &history, &bob.token).await;
    assert_eq!((after.status, &after.body), (before.status, &before.body));
    say(&api, &room, &bob.token, "Hello?").await.expect(403);
    answer(api.request(Method::GET, &history)).await.expect(401);
    let page = Visitor::new(&signs.server).get(&format!("/{room}")).await.expect(401);
    assert!(!page.body.contains("hats"), "{}", page.body);
    // Nor may a visitor read the desk, a room that is nobody's, or begin another one.
    for name in ["support-", "support-aaaaaaaaaaaaaaaaaaaa"] {
        get(&api, &format!("/api/v1/rooms/{name}/messages"), &ada.token).await.expect(403);
        say(&api, name, &ada.token, "x").await.expect(403);
    }
    say(&api, "lobby", &ada.token, "x").await.expect(403);
    let program = program(&api).await;
    say(&api, &room, &program, "Yes").await.expect(201);
    let read = get(&api, &history, &ada.token).await.expect(200).json();
    assert_eq!(read["messages"][1]["content"], "Yes");
    for path in ["/embed/lobby/own", &*format!("/embed/{room}/own")] {
        answer(api.request(Method::POST, path).bearer_auth(&ada.token)).await.expect(404);
    }
    answer(api.request(Method::POST, "/embed/support-/own")).await.expect(401);
    // A ban by the staff holds in the visitor's own room.
    let ban =
        api.request(Method::PUT, &format!("/api/v1/rooms/{room}/bans/{}", ada.id)).bearer_auth(&program);
    answer(ban).await.expect(204);
    say(&api, &room, &ada.token, "x").await.expect(403);
}

#[tokio::test]
async fn the_staff_see_the_open_rooms_with_what_nobody_has_answered_and_others_see_their_own() {
    let signs = start().await;
    let api = signs.server.api();
    let program = program(&api).await;
    let mut rooms = Vec::new();
    for name in ["Ada", "Bob", "Eve"] {
        let guest = api.guest(name).await;
        let room = own(&api, &guest.token).await;
        for _ in 0..=rooms.len() {
            say(&api, &room, &guest.token, "Hello?").await.expect(201);
        }
        rooms.push((name, guest, room));
    }
    // Bob is answered, and Eve's is done.
    say(&api, &rooms[1].2, &program, "Yes").await.expect(201);
    let closed = api.request(Method::PUT, &format!("/api/v1/rooms/{}/closed", rooms[2].2));
    answer(closed.bearer_auth(&program)).await.expect(200);
    let list = async |token: &str| {
        let list = get(&api, "/api/v1/rooms?match=support-*&open=1", token).await.expect(200).json();
        let rooms = list["rooms"].as_array().unwrap().iter();
        let mut rooms: Vec<_> = rooms.map(|it| (it["name"].clone(), it["unread"].clone())).collect();
        rooms.sort_by_key(|(name, _)| name.to_string());
        rooms
    };
    let mut open = vec![(json!(rooms[0].2), json!(1)), (json!(rooms[1].2), json!(0))];
    open.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(list(&program).await, open);
    assert_eq!(list(&rooms[0].1.token).await, [(json!(rooms[0].2), json!(1))], "their own");
    assert_eq!(api.get("/api/v1/rooms?match=support-*&open=1").await.expect(200).json()["rooms"], json!([]));
    let all = get(&api, "/api/v1/rooms", &program).await.expect(200).json();
    assert_eq!(all["rooms"].as_array().unwrap().len(), 3);
    assert_eq!(all["rooms"][0]["unread"], Value::Null, "it is not read for nothing");
    // The page of the staff: who wrote last is first.
    let mut staff = Visitor::new(&signs.server);
    signs.sign_in(&mut staff, "ada", "/support-").await;
    let page = staff.get("/support-").await.expect(200).body;
    assert!(page.contains("<title>(1) Support"), "{page}");
    let (ada, bob) = (page.find(&rooms[0].2).unwrap(), page.find(&rooms[1].2).unwrap());
    assert!(bob < ada && !page.contains(&rooms[2].2), "{page}");
    assert!(page.contains("1 conversation waits") && page.contains("</span>1</span>"), "{page}");
    assert!(!page.contains("Hello?"), "{page}");
    staff.get(&format!("/{}", rooms[0].2)).await.expect(200);
    // Somebody new is asked for a name, and led to their room.
    let mut zoe = Visitor::new(&signs.server);
    let asked = zoe.get("/support-").await.expect(200).body;
    assert!(asked.contains("action=\"/support-/name\"") && !asked.contains("conversations"), "{asked}");
    assert_eq!(
        zoe.post("/support-/name", "name=Zoe").await.expect(303).header("location"),
        Some("/support-")
    );
    let led = zoe.get("/support-").await.expect(307).header("location").unwrap().to_owned();
    let request = zoe.request(Method::POST, &format!("{led}/messages")).json(&json!({ "content": "Hats?" }));
    zoe.send(request).await.expect(204);
    // Who signs in keeps the room in which they wrote.
    signs.sign_in(&mut zoe, "bob", "/support-").await;
    assert_eq!(zoe.get("/support-").await.expect(307).header("location"), Some(&*led));
    assert!(zoe.get(&led).await.expect(200).body.contains("Hats?"));
}
