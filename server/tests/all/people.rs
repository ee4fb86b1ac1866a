//! The people of a room as programs meet them: roles, bans, invitations, flags, also over `kill -9`.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::raw::Held;
use crate::support::{ADMIN, Answer, Api, Guest, Server, within};

const ROOM: &str = "/api/v1/rooms/team";

/// A server with a room of members, whose owner the operator names.
async fn private() -> (Server, Guest) {
    let settings =
        "[[room]]\nname = \"team\"\npolicy = \"members\"\n[[room]]\nname = \"hall\"\nguests = \"read\"\n";
    let server = Server::start_with_settings(settings, &["--admin-token", ADMIN]).await;
    let api = server.api();
    let olga = api.guest("Olga").await;
    let operator = Guest { token: ADMIN.to_owned(), ..olga.clone() };
    for room in ["team", "hall"] {
        let path = format!("/api/v1/rooms/{room}/members/{}", olga.id);
        put(&api, &operator, &path, json!({ "role": "owner", "name": "Olga" })).await.expect(204);
    }
    (server, olga)
}

async fn put(api: &Api, by: &Guest, path: &str, body: Value) -> Answer {
    answer(api.request(Method::PUT, path).bearer_auth(&by.token).json(&body)).await
}

async fn post(api: &Api, by: &Guest, path: &str, body: Value) -> Answer {
    answer(api.request(Method::POST, path).bearer_auth(&by.token).json(&body)).await
}

async fn get(api: &Api, by: &Guest, path: &str) -> Answer {
    answer(api.request(Method::GET, path).bearer_auth(&by.token)).await
}

async fn delete(api: &Api, by: &Guest, path: &str) -> Answer {
    answer(api.request(Method::DELETE, path).bearer_auth(&by.token)).await
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, name: &str) {
    answer.expect_problem(status);
    assert_eq!(answer.json()["type"], format!("urn:millchat:problem:{name}"), "{answer:?}");
}

#[tokio::test]
async fn a_role_that_was_given_holds_over_a_kill_until_it_is_taken_back_and_nobody_gives_more_than_they_are()
{
    let (mut server, olga) = private().await;
    let api = server.api();
    let (max, ada) = (api.guest("Max").await, api.guest("Ada").await);
    let of = |guest: &Guest| format!("{ROOM}/members/{}", guest.id);
    assert_refused(&answer(api.post("team", &max, "x")).await, 403, "not-member");
    put(&api, &olga, &of(&max), json!({ "role": "moderator", "name": "Max" })).await.expect(204);
    put(&api, &olga, &of(&ada), json!({ "role": "reader" })).await.expect(204);
    assert_refused(&put(&api, &olga, &of(&ada), json!({ "role": "operator" })).await, 422, "invalid-body");
    assert_refused(&put(&api, &max, &of(&ada), json!({ "role": "writer" })).await, 403, "needs-role");
    assert_refused(&put(&api, &ada, &of(&ada), json!({ "role": "owner" })).await, 403, "needs-role");
    server.kill().await;
    server.restart().await;
    let api = server.api();
    api.say("team", &max, "said").await;
    assert_refused(&answer(api.post("team", &ada, "x")).await, 403, "read-only");
    get(&api, &ada, &format!("{ROOM}/messages")).await.expect(200);

    let members = get(&api, &max, &format!("{ROOM}/members")).await.expect(200).json();
    let members = members["members"].as_array().unwrap();
    assert_eq!(members.len(), 3);
    let listed = members.iter().find(|member| member["author_id"] == max.id.as_str()).unwrap();
    let listed = (&listed["name"], &listed["role"], &listed["by"]["name"]);
    assert_eq!(listed, (&json!("Max"), &json!("moderator"), &json!("Olga")));
    assert_refused(&get(&api, &ada, &format!("{ROOM}/members")).await, 403, "needs-role");

    for _ in 0..2 {
        delete(&api, &olga, &of(&max)).await.expect(204);
    }
    assert_refused(&answer(api.post("team", &max, "x")).await, 403, "not-member");
}

#[tokio::test]
async fn a_moderator_does_what_moderators_do_and_nothing_to_those_above_them() {
    let (server, olga) = private().await;
    let api = server.api();
    let (max, eve) = (api.guest("Max").await, api.guest("Eve").await);
    for (guest, role) in [(&max, "moderator"), (&eve, "writer")] {
        put(&api, &olga, &format!("{ROOM}/members/{}", guest.id), json!({ "role": role })).await.expect(204);
    }
    let (of_olga, of_eve) = (api.say("team", &olga, "mine").await, api.say("team", &eve, "hers").await);
    let mut stream = {
        let token = format!("Bearer {}", olga.token);
        let headers = [("Authorization", token.as_bytes())];
        crate::support::Stream::open(server.address(), &format!("{ROOM}/events"), &headers).await.unwrap()
    };
    for _ in 0..3 {
        stream.logged().await;
    }
    assert_refused(&api.delete("team", &eve, of_olga).await, 403, "not-author");
    assert_refused(&api.delete("team", &max, of_olga).await, 403, "needs-role");
    api.delete("team", &max, of_eve).await.expect(204);
    let event = stream.logged().await;
    assert_eq!((event.event.as_str(), &event.json()["author"]["name"]), ("delete", &json!("Max")));
    let page = get(&api, &olga, &format!("{ROOM}/messages")).await.expect(200).json();
    let by = page["messages"].as_array().unwrap().iter().map(|message| &message["deleted_by"]["name"]);
    assert_eq!(by.collect::<Vec<_>>(), [&json!(null), &json!("Max")]);

    let closed = format!("{ROOM}/closed");
    put(&api, &max, &closed, json!({})).await.expect(200);
    assert_eq!(stream.logged().await.event, "close");
    assert_refused(&answer(api.post("team", &eve, "x")).await, 403, "room-closed");
    delete(&api, &max, &closed).await.expect(200);
    assert_refused(&put(&api, &eve, &closed, json!({})).await, 403, "needs-role");

    let ban = |guest: &Guest| format!("{ROOM}/bans/{}", guest.id);
    assert_refused(&put(&api, &max, &ban(&olga), json!({})).await, 403, "needs-role");
    let past = json!({ "until": "2001-01-01T00:00:00Z" });
    assert_refused(&put(&api, &max, &ban(&eve), past).await, 422, "invalid-body");
    put(&api, &max, &ban(&eve), json!({ "until": "2999-01-01T00:00:00Z" })).await.expect(204);
    assert_refused(&get(&api, &eve, &format!("{ROOM}/messages")).await, 403, "not-member");
    let bans = get(&api, &max, &format!("{ROOM}/bans")).await.expect(200).json();
    assert_eq!(bans["bans"][0]["until"], "2999-01-01T00:00:00.000Z");
    delete(&api, &max, &ban(&eve)).await.expect(204);
    api.say("team", &eve, "back").await;

    assert_refused(&delete(&api, &max, &format!("{ROOM}/messages")).await, 403, "needs-role");
    delete(&api, &olga, &format!("{ROOM}/messages")).await.expect(200);
}

#[tokio::test]
async fn who_is_banned_from_a_room_may_read_what_everybody_may_and_writes_elsewhere() {
    let (server, olga) = private().await;
    let api = server.api();
    let eve = api.guest("Eve").await;
    put(&api, &olga, &format!("/api/v1/rooms/hall/members/{}", eve.id), json!({ "role": "writer" })).await;
    api.say("hall", &eve, "before").await;
    put(&api, &olga, &format!("/api/v1/rooms/hall/bans/{}", eve.id), json!({})).await.expect(204);
    assert_refused(&answer(api.post("hall", &eve, "x")).await, 403, "banned");
    get(&api, &eve, "/api/v1/rooms/hall/messages").await.expect(200);
    api.say("lobby", &eve, "elsewhere").await;
}

#[tokio::test]
async fn an_owner_who_was_removed_comes_back_by_no_invitation() {
    let (server, olga) = private().await;
    let api = server.api();
    let invitations = format!("{ROOM}/invitations");
    let accept = format!("{ROOM}/invitations/accept");
    for way in ["taken back", "banned", "a lower role"] {
        let (mallory, mask) = (api.guest("Mallory").await, api.guest("Mask").await);
        let member = format!("{ROOM}/members/{}", mallory.id);
        put(&api, &olga, &member, json!({ "role": "owner" })).await.expect(204);
        let asked = json!({ "role": "owner", "uses": 1_000, "expires_in": "30d" });
        let made = post(&api, &mallory, &invitations, asked.clone()).await.expect(201).json();
        let own = post(&api, &olga, &invitations, asked).await.expect(201).json();
        match way {
            "taken back" => delete(&api, &olga, &member).await.expect(204),
            "banned" => put(&api, &olga, &format!("{ROOM}/bans/{}", mallory.id), json!({})).await.expect(204),
            _ => put(&api, &olga, &member, json!({ "role": "writer" })).await.expect(204),
        };
        let secret =
            |made: &Value| made["url"].as_str().unwrap().split_once("#invite=").unwrap().1.to_owned();
        let used = post(&api, &mask, &accept, json!({ "secret": secret(&made) })).await;
        assert_refused(&used, 404, "unknown-invitation");
        // Those of others stay.
        post(&api, &mask, &accept, json!({ "secret": secret(&own) })).await.expect(200);
    }
}

#[tokio::test]
async fn an_invitation_gives_its_role_as_often_as_it_says_and_the_log_has_no_secret() {
    let (mut server, olga) = private().await;
    let api = server.api();
    let invitations = format!("{ROOM}/invitations");
    for wrong in [
        json!({ "role": "writer", "expires_in": "1m" }),
        json!({ "role": "writer", "expires_in": "31d" }),
        json!({ "role": "writer", "expires_in": "soon" }),
        json!({ "role": "writer", "expires_in": 1800 }),
        json!({ "role": "writer", "uses": 0 }),
        json!({ "role": "writer", "uses": 1001 }),
        json!({ "role": "operator" }),
    ] {
        assert_refused(&post(&api, &olga, &invitations, wrong).await, 422, "invalid-body");
    }
    let asked = json!({ "role": "writer", "uses": 3, "expires_in": 3600 });
    let made = post(&api, &olga, &invitations, asked).await.expect(201).json();
    let url = made["url"].as_str().unwrap();
    let (link, secret) = url.split_once("#invite=").unwrap();
    assert_eq!(link, format!("http://{}/team", server.address()));
    let listed = get(&api, &olga, &invitations).await.expect(200);
    assert!(listed.json()["invitations"][0]["uses"] == 3 && !listed.body.contains(secret), "{listed:?}");

    server.kill().await;
    server.restart().await;
    let api = server.api();
    let accept = format!("{ROOM}/invitations/accept");
    let mut guests = Vec::new();
    for number in 0..8 {
        guests.push(api.guest(&format!("Guest {number}")).await);
    }
    assert_refused(
        &answer(api.request(Method::POST, &accept).json(&json!({ "secret": secret }))).await,
        401,
        "no-token",
    );
    assert_refused(
        &post(&api, &guests[0], &accept, json!({ "secret": "x" })).await,
        404,
        "unknown-invitation",
    );
    assert_refused(
        &post(&api, &guests[0], "/api/v1/rooms/hall/invitations/accept", json!({ "secret": secret })).await,
        404,
        "unknown-invitation",
    );
    // Of many at once as many get in as it says. Who comes again uses nothing of it.
    let all = guests.iter().map(|guest| post(&api, guest, &accept, json!({ "secret": secret })));
    let answers = futures_util::future::join_all(all).await;
    let accepted: Vec<_> = guests.iter().zip(&answers).filter(|(_, answer)| answer.status == 200).collect();
    assert_eq!(accepted.len(), 3, "{answers:?}");
    for (guest, answer) in accepted {
        assert_eq!(answer.json()["role"], "writer");
        api.say("team", guest, "in").await;
    }

    let made = post(&api, &olga, &invitations, json!({ "role": "reader" })).await.expect(201).json();
    delete(&api, &olga, &format!("{invitations}/{}", made["id"].as_str().unwrap())).await.expect(204);
    let (_, secret) = made["url"].as_str().unwrap().split_once("#invite=").unwrap();
    let late = api.guest("Late").await;
    assert_refused(&post(&api, &late, &accept, json!({ "secret": secret })).await, 404, "unknown-invitation");
    let (status, _) = server.terminate().await;
    assert!(status.success());
    let file = fs::read(server.log()).unwrap();
    assert!(memchr::memmem::find(&file, secret.as_bytes()).is_none(), "the log has the secret");
}

#[tokio::test]
async fn a_flag_is_counted_once_and_goes_with_its_message() {
    let (server, olga) = private().await;
    let api = server.api();
    let eve = api.guest("Eve").await;
    put(&api, &olga, &format!("{ROOM}/members/{}", eve.id), json!({ "role": "reader" })).await.expect(204);
    let (first, second) = (api.say("team", &olga, "rude").await, api.say("team", &olga, "also").await);
    let flags = |position: u64| format!("{ROOM}/messages/{position}/flags");
    for _ in 0..2 {
        post(&api, &eve, &flags(first), json!({ "reason": "spam" })).await.expect(204);
    }
    post(&api, &eve, &flags(second), json!({})).await.expect(204);
    assert_refused(&post(&api, &eve, &flags(999), json!({})).await, 404, "unknown-message");
    assert_refused(
        &post(&api, &eve, &flags(first), json!({ "reason": "x".repeat(501) })).await,
        413,
        "too-large",
    );
    assert_refused(&get(&api, &eve, &format!("{ROOM}/flags")).await, 403, "needs-role");
    let listed = get(&api, &olga, &format!("{ROOM}/flags")).await.expect(200).json();
    let listed: Vec<_> =
        listed["flags"].as_array().unwrap().iter().map(|flag| (&flag["position"], &flag["reason"])).collect();
    assert_eq!(listed, [(&json!(first), &json!("spam")), (&json!(second), &json!(""))]);
    api.delete("team", &olga, first).await.expect(204);
    delete(&api, &olga, &format!("{ROOM}/flags/{second}")).await.expect(204);
    let listed = get(&api, &olga, &format!("{ROOM}/flags")).await.expect(200).json();
    assert_eq!(listed, json!({ "flags": [] }));
    assert_refused(&post(&api, &eve, &flags(first), json!({})).await, 410, "message-deleted");
}

#[tokio::test]
async fn a_ban_and_a_role_are_asked_again_behind_the_body_about_who_does_it_and_to_whom() {
    let (server, olga) = private().await;
    let (api, address) = (server.api(), server.address());
    let (max, eve) = (api.guest("Max").await, api.guest("Eve").await);
    let of = |guest: &Guest| format!("{ROOM}/members/{}", guest.id);
    put(&api, &olga, &of(&max), json!({ "role": "moderator" })).await.expect(204);
    put(&api, &olga, &of(&eve), json!({ "role": "writer" })).await.expect(204);
    let bearer = format!("Bearer {}", max.token);
    let (headers, ban) = ([("Authorization", &*bearer)], format!("{ROOM}/bans/{}", eve.id));
    let until = "{\"until\":\"2999-01-01T00:00:00Z\"}";
    // Whoever is to be banned rises meanwhile.
    let held = Held::begin(address, ("PUT", &ban), &headers, until).await;
    put(&api, &olga, &of(&eve), json!({ "role": "owner" })).await.expect(204);
    assert_eq!(held.finish().await.status, 403);
    api.say("team", &eve, "not banned").await;
    // Whoever does it falls meanwhile: an owner becomes a moderator, and gives and invites what they could before.
    put(&api, &olga, &of(&max), json!({ "role": "owner" })).await.expect(204);
    let bob = api.guest("Bob").await;
    let (of_bob, invitations) = (of(&bob), format!("{ROOM}/invitations"));
    let owner = "{\"role\":\"owner\"}";
    let give = Held::begin(address, ("PUT", &of_bob), &headers, owner).await;
    let invite = Held::begin(address, ("POST", &invitations), &headers, owner).await;
    put(&api, &olga, &of(&max), json!({ "role": "moderator" })).await.expect(204);
    assert_eq!((give.finish().await.status, invite.finish().await.status), (403, 403));
    assert_refused(&answer(api.post("team", &bob, "x")).await, 403, "not-member");
}

#[tokio::test]
async fn somebody_whose_session_ends_while_they_accept_an_invitation_gets_no_role() {
    let (server, olga) = private().await;
    let (api, address) = (server.api(), server.address());
    let made = post(&api, &olga, &format!("{ROOM}/invitations"), json!({ "role": "writer" })).await;
    let made = made.expect(201).json();
    let (_, secret) = made["url"].as_str().unwrap().split_once("#invite=").unwrap();
    let eve = api.guest("Eve").await;
    let (bearer, accept) = (format!("Bearer {}", eve.token), format!("{ROOM}/invitations/accept"));
    let body = json!({ "secret": secret }).to_string();
    let held = Held::begin(address, ("POST", &accept), &[("Authorization", &*bearer)], &body).await;
    let sessions = format!("/admin/sessions/{}", eve.id);
    answer(api.request(Method::DELETE, &sessions).bearer_auth(ADMIN)).await.expect(204);
    assert_eq!(held.finish().await.status, 401);
    let members = get(&api, &olga, &format!("{ROOM}/members")).await.expect(200).json();
    assert_eq!(members["members"].as_array().unwrap().len(), 1, "{members}");
}

#[tokio::test]
async fn who_writes_the_first_event_of_a_room_owns_it_also_over_a_kill() {
    let settings = "[[room]]\nname = \"made-*\"\ncreator = \"owner\"\npolicy = \"members\"\n";
    let mut server = Server::start_with_settings(settings, &[]).await;
    let api = server.api();
    let (ada, eve) = (api.guest("Ada").await, api.guest("Eve").await);
    api.say("made-1", &ada, "mine").await;
    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let api = server.api();
        let room = get(&api, &ada, "/api/v1/rooms/made-1").await.expect(200).json();
        assert_eq!(room["you"]["role"], "owner", "restarted: {restarted}");
        assert_refused(&answer(api.post("made-1", &eve, "x")).await, 403, "not-member");
        api.say("made-1", &ada, "more").await;
    }
    put(
        &server.api(),
        &ada,
        &format!("/api/v1/rooms/made-1/members/{}", eve.id),
        json!({ "role": "writer" }),
    )
    .await
    .expect(204);
    server.api().say("made-1", &eve, "thank you").await;
}

#[tokio::test]
async fn a_ban_until_a_time_keeps_somebody_out_of_all_rooms_over_a_kill_and_ends_by_itself() {
    let (mut server, olga) = private().await;
    let api = server.api();
    let (eve, bob) = (api.guest("Eve").await, api.guest("Bob").await);
    let operator = Guest { token: ADMIN.to_owned(), ..olga.clone() };
    put(&api, &olga, &format!("{ROOM}/members/{}", eve.id), json!({ "role": "writer" })).await.expect(204);
    let token = format!("Bearer {}", eve.token);
    let headers = [("Authorization", token.as_bytes())];
    let mut stream =
        crate::support::Stream::open(server.address(), &format!("{ROOM}/events"), &headers).await.unwrap();
    assert_eq!(stream.logged().await.event, "start");
    let (of_eve, of_bob) = (format!("/admin/bans/{}", eve.id), format!("/admin/bans/{}", bob.id));
    for refused in
        [json!({ "until": "2001-01-01T00:00:00Z" }), json!({ "until": "soon" }), json!({ "for": "1h" })]
    {
        assert_refused(&put(&api, &operator, &of_eve, refused).await, 422, "invalid-body");
    }
    let until = json!({ "until": "2999-01-01T00:00:00Z" });
    assert_refused(
        &put(&api, &operator, "/admin/bans/%C3%A9", until.clone()).await,
        400,
        "malformed-parameter",
    );
    let receipt = put(&api, &operator, &of_eve, until.clone()).await.expect(200).json();
    assert!(receipt["position"].is_u64() && receipt.get("prev").is_none(), "{receipt}");
    // The stream of a room that they may no longer read ends.
    let denied = loop {
        let event = within("a denial", stream.next()).await.expect("a reader is told");
        if event.event == "denied" {
            break event;
        }
    };
    assert_eq!(denied.json()["reason"], "not-member");
    answer(api.request(Method::PUT, &of_bob).bearer_auth(ADMIN)).await.expect(200);
    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let api = server.api();
        let bans = get(&api, &operator, "/admin/bans").await.expect(200).json();
        let of = |guest: &Guest| {
            let bans = bans["bans"].as_array().unwrap();
            bans.iter().find(|ban| ban["author_id"] == guest.id.as_str()).unwrap().clone()
        };
        assert_eq!(bans["bans"].as_array().unwrap().len(), 2, "{bans}");
        assert_eq!(
            (&of(&eve)["until"], &of(&eve)["by"]),
            (&json!("2999-01-01T00:00:00.000Z"), &json!("admin"))
        );
        assert!(of(&bob).get("until").is_none(), "{bans}");
        assert_refused(&answer(api.post("lobby", &eve, "x")).await, 403, "banned");
        assert_refused(&answer(api.post("lobby", &bob, "x")).await, 403, "banned");
        assert_refused(&get(&api, &eve, &format!("{ROOM}/messages")).await, 403, "not-member");
    }
    let api = server.api();
    // Of two bans the newer counts: one for good becomes one that ends.
    for guest in [&eve, &bob] {
        let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1_500)).to_string();
        put(&api, &operator, &format!("/admin/bans/{}", guest.id), json!({ "until": soon }))
            .await
            .expect(200);
        let let_in = async { while answer(api.post("lobby", guest, "back")).await.status != 201 {} };
        within("the end of a ban", let_in).await;
        get(&api, &operator, "/admin/bans").await.expect(200);
    }
    assert_eq!(get(&api, &operator, "/admin/bans").await.json(), json!({ "bans": [] }));
    api.say("team", &eve, "back").await;
    // And one that ends becomes one for good; a DELETE ends either.
    put(&api, &operator, &of_eve, until.clone()).await.expect(200);
    answer(api.request(Method::PUT, &of_eve).bearer_auth(ADMIN)).await.expect(200);
    let bans = get(&api, &operator, "/admin/bans").await.json();
    assert!(bans["bans"].as_array().unwrap().len() == 1 && bans["bans"][0].get("until").is_none(), "{bans}");
    put(&api, &operator, &of_bob, until).await.expect(200);
    for guest in [&eve, &bob] {
        assert_refused(&answer(api.post("lobby", guest, "x")).await, 403, "banned");
        delete(&api, &operator, &format!("/admin/bans/{}", guest.id)).await.expect(200);
        api.say("lobby", guest, "back again").await;
    }
}
