//! The walk through the table: every route × every role × every policy, over real sockets.
//!
//! Each row says what a route needs, in the words of the contract and not of the code. A route of the router
//! that is not among the rows fails. Somebody without the right gets no byte of what is in the room, and the
//! answer for a room with events is the one for a room without.

use std::collections::BTreeSet;

use super::served::{ADMIN, Answer, Served, author};
use crate::{admin, api, page};

/// The need of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// Nothing that depends on rooms.
    Anything,
    /// A room that there may be.
    Visit,
    Read,
    /// Read, and be somebody.
    Flag,
    Write,
    Moderate,
    Own,
    Operate,
    Keys,
}

use Needs::{Anything, Flag, Keys, Moderate, Operate, Own, Read, Visit, Write};

/// The body of a request: its type and itself.
type Sent = (&'static str, &'static str);
const NONE: Sent = ("", "");
const PATCHES: Sent = ("datastar", "");
const MESSAGE: Sent = ("application/json", "{\"content\":\"new\"}");
const DRAFT: Sent = ("application/json", "{\"state\":\"writing\"}");
const NAME: Sent = ("application/json", "{\"name\":\"Eve\"}");
const TIME: Sent = ("application/json", "{\"for\":\"1h\"}");
const ROLE: Sent = ("application/json", "{\"role\":\"reader\"}");
const UNTIL: Sent = ("application/json", "{\"until\":\"2999-01-01T00:00:00Z\"}");
const SECRET_OF: Sent = ("application/json", "{\"secret\":\"none\"}");
const REASON: Sent = ("application/json", "{\"reason\":\"spam\"}");
const RETIRE: Sent = ("application/json", "{\"retire\":\"now\"}");
const TOKEN: Sent = ("application/json", "{\"name\":\"bot\",\"rooms\":{\"open\":\"writer\"}}");
const NO_FIELD: Sent = ("application/json", "{}");
const INVITED: Sent = ("application/x-www-form-urlencoded", "role=reader&expires_in=1d&uses=1");
const INVITATION: Sent = ("application/x-www-form-urlencoded", "name=Eve&invitation=none");
const LANGUAGE: Sent = ("application/x-www-form-urlencoded", "language=en");
const GUEST_FORM: Sent = ("application/x-www-form-urlencoded", "guest=none");
const NAME_FORM: Sent = ("application/x-www-form-urlencoded", "name=Eve");

/// A method, the route's path as the router has it, what is put behind it, a body, and what it needs. There may
/// be more than one row of a route.
type Row = (&'static str, &'static str, &'static str, Sent, Needs);

const ROWS: [Row; 138] = [
    ("GET", "/api/openapi.json", "", NONE, Anything),
    ("POST", "/auth/logout", "", NONE, Anything),
    ("GET", "/auth", "", NONE, Anything),
    ("GET", "/demo", "", NONE, Anything),
    ("GET", "/auth/done", "", NONE, Anything),
    ("POST", "/auth/done", "", NONE, Anything),
    ("GET", "/auth/{login}", "", NONE, Anything),
    ("GET", "/auth/{login}/callback", "", NONE, Anything),
    ("GET", "/avatars/{id}", "", NONE, Anything),
    ("POST", "/admin/keys", "", RETIRE, Keys),
    ("DELETE", "/admin/sessions/{author}", "", NONE, Operate),
    ("GET", "/admin/tokens", "", NONE, Operate),
    ("POST", "/admin/tokens", "", TOKEN, Operate),
    ("DELETE", "/admin/tokens/{id}", "", NONE, Operate),
    ("POST", "/admin/tokens/{id}/secret", "", NO_FIELD, Operate),
    ("POST", "/api/v1/guests", "", NAME, Anything),
    ("PATCH", "/api/v1/guests/me", "", NAME, Anything),
    ("DELETE", "/api/v1/me/messages", "", NONE, Anything),
    // Whoever has no address of an incoming webhook is told so.
    ("POST", "/api/v1/hooks/{token}", "", MESSAGE, Anything),
    ("GET", "/api/v1/rooms", "", NONE, Anything),
    ("GET", "/api/v1/rooms/{room}", "", NONE, Read),
    ("POST", "/api/v1/rooms/{room}/typing", "", NONE, Write),
    ("PUT", "/api/v1/rooms/{room}/drafts/{position}", "", DRAFT, Write),
    ("DELETE", "/api/v1/rooms/{room}/drafts/{position}", "", NONE, Write),
    ("POST", "/api/v1/rooms/{room}/ticket", "", NONE, Flag),
    ("GET", "/api/v1/rooms/{room}/events", "", NONE, Read),
    ("GET", "/api/v1/rooms/{room}/events", "?history=7", NONE, Read),
    ("GET", "/api/v1/rooms/{room}/events", "?last_event_id=EPOCH-0", NONE, Read),
    ("GET", "/api/v1/rooms/{room}/search", "?q=secret", NONE, Read),
    ("GET", "/api/v1/rooms/{room}/messages", "", NONE, Read),
    ("GET", "/api/v1/rooms/{room}/messages", "?after=0", NONE, Read),
    ("POST", "/api/v1/rooms/{room}/messages", "", MESSAGE, Write),
    ("GET", "/api/v1/rooms/{room}/messages/{position}", "", NONE, Read),
    ("PATCH", "/api/v1/rooms/{room}/messages/{position}", "", MESSAGE, Write),
    ("DELETE", "/api/v1/rooms/{room}/messages/{position}", "", NONE, Write),
    ("PUT", "/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}", "", NONE, Write),
    ("DELETE", "/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}", "", NONE, Write),
    ("PUT", "/api/v1/rooms/{room}/closed", "", NONE, Moderate),
    ("DELETE", "/api/v1/rooms/{room}/closed", "", NONE, Moderate),
    ("DELETE", "/api/v1/rooms/{room}/messages", "", NONE, Own),
    ("GET", "/api/v1/rooms/{room}/members", "", NONE, Moderate),
    ("PUT", "/api/v1/rooms/{room}/members/{author}", "", ROLE, Own),
    ("DELETE", "/api/v1/rooms/{room}/members/{author}", "", NONE, Own),
    ("GET", "/api/v1/rooms/{room}/bans", "", NONE, Moderate),
    ("DELETE", "/api/v1/rooms/{room}/authors/{author}/messages", "", NONE, Moderate),
    ("PUT", "/api/v1/rooms/{room}/bans/{author}", "", NONE, Moderate),
    ("PUT", "/api/v1/rooms/{room}/bans/{author}", "", UNTIL, Moderate),
    ("DELETE", "/api/v1/rooms/{room}/bans/{author}", "", NONE, Moderate),
    ("GET", "/api/v1/rooms/{room}/invitations", "", NONE, Own),
    ("POST", "/api/v1/rooms/{room}/invitations", "", ROLE, Own),
    ("DELETE", "/api/v1/rooms/{room}/invitations/{id}", "", NONE, Own),
    // Whoever has no secret is told so, the same in every room that there may be.
    ("POST", "/api/v1/rooms/{room}/invitations/accept", "", SECRET_OF, Anything),
    ("GET", "/api/v1/rooms/{room}/flags", "", NONE, Moderate),
    ("DELETE", "/api/v1/rooms/{room}/flags/{position}", "", NONE, Moderate),
    ("POST", "/api/v1/rooms/{room}/messages/{position}/flags", "", NONE, Flag),
    ("POST", "/api/v1/rooms/{room}/messages/{position}/flags", "", REASON, Flag),
    ("GET", "/", "", NONE, Anything),
    ("GET", "/new", "", NONE, Anything),
    ("POST", "/new", "", NONE, Anything),
    ("GET", "/favicon.ico", "", NONE, Anything),
    ("GET", "/assets/{*path}", "", NONE, Anything),
    ("GET", "/embed.js", "", NONE, Anything),
    ("GET", "/healthz", "", NONE, Anything),
    ("GET", "/readyz", "", NONE, Anything),
    ("GET", "/metrics", "", NONE, Anything),
    ("GET", "/{room}", "", NONE, Read),
    ("GET", "/{room}", "?quote=POSITION", NONE, Read),
    ("GET", "/{room}", "?before=99999", PATCHES, Read),
    ("GET", "/{room}", "?before=99999&around=POSITION", PATCHES, Read),
    ("GET", "/{room}", "?before=99999&after=0&upwards", PATCHES, Read),
    ("GET", "/{room}/name", "", PATCHES, Visit),
    ("POST", "/{room}/name", "", NAME_FORM, Visit),
    ("POST", "/{room}/language", "", LANGUAGE, Visit),
    ("GET", "/{room}/search", "?q=secret", NONE, Read),
    ("GET", "/{room}/search", "", NONE, Read),
    ("POST", "/{room}/typing", "", NONE, Write),
    ("GET", "/{room}/messages", "", NONE, Read),
    ("GET", "/{room}/messages", "?also=open:EPOCH-0", NONE, Read),
    ("POST", "/{room}/messages", "", MESSAGE, Write),
    ("PATCH", "/{room}/messages/{position}", "", MESSAGE, Write),
    ("DELETE", "/{room}/messages/{position}", "", NONE, Write),
    ("DELETE", "/{room}/drafts/{position}", "", NONE, Write),
    ("PUT", "/{room}/messages/{position}/reactions/{reaction}", "", NONE, Write),
    ("DELETE", "/{room}/messages/{position}/reactions/{reaction}", "", NONE, Write),
    ("GET", "/{room}/moderation", "", NONE, Moderate),
    ("PUT", "/{room}/closed", "", NONE, Moderate),
    ("DELETE", "/{room}/closed", "", NONE, Moderate),
    ("DELETE", "/{room}/messages", "", NONE, Own),
    ("PUT", "/{room}/members/{author}", "", ROLE, Own),
    ("DELETE", "/{room}/members/{author}", "", NONE, Own),
    ("DELETE", "/{room}/authors/{author}/messages", "", NONE, Moderate),
    ("PUT", "/{room}/bans/{author}", "", NONE, Moderate),
    ("PUT", "/{room}/bans/{author}", "", UNTIL, Moderate),
    ("DELETE", "/{room}/bans/{author}", "", NONE, Moderate),
    ("POST", "/{room}/invitations", "", INVITED, Own),
    ("DELETE", "/{room}/invitations/{id}", "", NONE, Own),
    ("GET", "/{room}/invitations/accept", "", NONE, Visit),
    ("POST", "/{room}/invitations/accept", "", INVITATION, Anything),
    ("DELETE", "/{room}/flags/{position}", "", NONE, Moderate),
    ("POST", "/{room}/messages/{position}/flags", "", REASON, Flag),
    ("GET", "/embed/{room}", "", NONE, Read),
    ("GET", "/embed/{room}", "", PATCHES, Read),
    ("GET", "/embed/{room}", "?quote=POSITION", NONE, Read),
    ("GET", "/embed/{room}", "?before=99999", PATCHES, Read),
    ("GET", "/embed/{room}", "?before=99999&around=POSITION", PATCHES, Read),
    ("GET", "/embed/{room}", "?before=99999&after=0&upwards", PATCHES, Read),
    ("GET", "/embed/{room}/name", "", PATCHES, Visit),
    ("POST", "/embed/{room}/name", "", NAME_FORM, Visit),
    ("POST", "/embed/{room}/own", "", NONE, Visit),
    ("PUT", "/embed/{room}/name", "", GUEST_FORM, Visit),
    ("DELETE", "/embed/{room}/name", "", NONE, Visit),
    ("POST", "/embed/{room}/typing", "", NONE, Write),
    ("GET", "/embed/{room}/messages", "", NONE, Read),
    ("GET", "/embed/{room}/messages", "?also=open:EPOCH-0", NONE, Read),
    ("POST", "/embed/{room}/messages", "", MESSAGE, Write),
    ("PATCH", "/embed/{room}/messages/{position}", "", MESSAGE, Write),
    ("DELETE", "/embed/{room}/messages/{position}", "", NONE, Write),
    ("DELETE", "/embed/{room}/drafts/{position}", "", NONE, Write),
    ("PUT", "/embed/{room}/messages/{position}/reactions/{reaction}", "", NONE, Write),
    ("DELETE", "/embed/{room}/messages/{position}/reactions/{reaction}", "", NONE, Write),
    ("DELETE", "/embed/{room}/authors/{author}/messages", "", NONE, Moderate),
    ("PUT", "/embed/{room}/bans/{author}", "", NONE, Moderate),
    ("PUT", "/embed/{room}/bans/{author}", "", UNTIL, Moderate),
    ("POST", "/embed/{room}/messages/{position}/flags", "", REASON, Flag),
    ("GET", "/admin/backup", "", NONE, Keys),
    ("GET", "/admin/rooms", "", NONE, Operate),
    ("PUT", "/admin/rooms/{room}/closed", "", NONE, Operate),
    ("DELETE", "/admin/rooms/{room}/closed", "", NONE, Operate),
    ("DELETE", "/admin/rooms/{room}/messages", "", NONE, Operate),
    ("GET", "/admin/bans", "", NONE, Operate),
    ("PUT", "/admin/bans/{author}", "", NONE, Operate),
    ("PUT", "/admin/bans/{author}", "", UNTIL, Operate),
    ("DELETE", "/admin/bans/{author}", "", NONE, Operate),
    ("GET", "/admin/authors/{author}", "", NONE, Operate),
    ("DELETE", "/admin/authors/{author}/messages", "", NONE, Operate),
    ("GET", "/admin/bans/addresses", "", NONE, Operate),
    ("PUT", "/admin/bans/addresses/{*network}", "", TIME, Operate),
    ("DELETE", "/admin/bans/addresses/{*network}", "", NONE, Operate),
];

/// The rooms' names begin so, and what somebody without a role may do in them.
const POLICIES: [(&str, Option<Needs>); 4] =
    [("link", Some(Write)), ("read", Some(Read)), ("none", None), ("members", None)];

const SETTINGS: &str = r#"
rooms = ["open", "link-*", "read-*", "none-*", "members-*"]
operators = ["g_operator"]

[[room]]
name = "link-*"
owners = ["g_owner"]
moderators = ["g_moderator"]
writers = ["g_writer"]
readers = ["g_reader"]

[[room]]
name = "read-*"
guests = "read"
owners = ["g_owner"]
moderators = ["g_moderator"]
writers = ["g_writer"]
readers = ["g_reader"]

[[room]]
name = "none-*"
guests = "none"
owners = ["g_owner"]
moderators = ["g_moderator"]
writers = ["g_writer"]
readers = ["g_reader"]

[[room]]
name = "members-*"
policy = "members"
owners = ["g_owner"]
moderators = ["g_moderator"]
writers = ["g_writer"]
readers = ["g_reader"]
"#;

/// Those who ask: the id of their token, and what they may do in a room where others may do nothing.
const CALLERS: [(&str, Option<Needs>); 8] = [
    ("nobody", None),
    ("g_stranger", None),
    ("g_reader", Some(Read)),
    ("g_writer", Some(Write)),
    ("g_moderator", Some(Moderate)),
    ("g_owner", Some(Own)),
    ("g_operator", Some(Operate)),
    ("admin", Some(Keys)),
];

const SECRET: &str = "secret-text";
const SECRET_AUTHOR: &str = "Secretive";
const SECRET_ID: &str = "g_secretive";

/// Returns true if somebody may do it, by the contract's table.
fn may(caller: (&str, Option<Needs>), open: Option<Needs>, needs: Needs, is_page: bool) -> bool {
    let (id, of_role) = caller;
    // Of the page the admin token is nothing; elsewhere it is nobody who could write.
    let of_role = if id == "admin" && is_page { None } else { of_role };
    let is_somebody = id != "nobody" && !(id == "admin" && is_page);
    let open = if is_somebody { open } else { open.map(|_| Read) };
    let most = of_role.max(open).map(|most| if is_somebody { most.max(Flag) } else { most });
    needs <= Visit || most.is_some_and(|most| most >= needs)
}

/// The answer that is due when it is not allowed; `None`: it is a stream, which says so itself.
fn denied(
    id: &str,
    open: Option<Needs>,
    of_role: Option<Needs>,
    needs: Needs,
    is_page: bool,
) -> (u16, &'static str) {
    if id == "nobody" || (id == "admin" && is_page) {
        return (401, "no-token");
    }
    match (open.max(of_role), needs) {
        (Some(Read), Write) => (403, "read-only"),
        (_, Operate | Keys) | (Some(_), Moderate | Own) => (403, "needs-role"),
        _ => (403, "not-member"),
    }
}

struct Walk {
    served: Served,
    count: u32,
}

impl Walk {
    fn token(&self, id: &str) -> Option<String> {
        match id {
            "nobody" => None,
            "admin" => Some(ADMIN.to_owned()),
            id => Some(self.served.token(id)),
        }
    }

    /// Asks by a row about a room.
    async fn ask(&self, row: &Row, id: &str, room: &str, position: u64, head: bool) -> Answer {
        self.ask_by(row, self.token(id).as_deref(), room, position, head).await
    }

    /// The same, by this token.
    async fn ask_by(&self, row: &Row, token: Option<&str>, room: &str, position: u64, head: bool) -> Answer {
        let (method, pattern, behind, sent, _) = row;
        let epoch = self.served.app.chat.epoch();
        let path = pattern
            .replace("{room}", room)
            .replace("{position}", &position.to_string())
            .replace("{reaction}", "%F0%9F%91%8D")
            .replace("{author}", "g_somebody")
            .replace("{id}", "0123abcd")
            .replace("{login}", "corp")
            .replace("{*path}", "nothing")
            .replace("{*network}", "203.0.113.7");
        let behind = behind.replace("EPOCH", &epoch.to_string()).replace("POSITION", &position.to_string());
        // What a stream opens with, and what it says of a room that may not be read.
        let until: &[&str] = if pattern.starts_with("/api/") { &["\"position\""] } else { &["_place"] };
        let method = if head { "HEAD" } else { method };
        self.served.ask((method, &format!("{path}{behind}")), token, *sent, until).await
    }

    /// Makes a room with a secret in it, of somebody else or of who asks, and gives its name and the position.
    async fn room(&mut self, policy: &str, by: Option<&str>) -> (String, u64) {
        self.count += 1;
        let room = format!("{policy}-{}", self.count);
        let first = self.served.post(&room, &author(SECRET_ID, SECRET_AUTHOR), SECRET).await;
        match by {
            Some(by) => (room.clone(), self.served.post(&room, &author(by, SECRET_AUTHOR), SECRET).await),
            None => (room, first),
        }
    }
}

fn rows_of_the_router() -> BTreeSet<(String, String)> {
    let of_api = api::routes::routes().into_iter().map(|row| (row.0.to_string(), row.1.to_owned()));
    let of_admin = admin::routes::routes().into_iter().map(|row| (row.0.to_string(), row.1.to_owned()));
    let of_page = page::routes::routes().into_iter().map(|row| (row.0.to_string(), row.1.to_owned()));
    of_api.chain(of_admin).chain(of_page).collect()
}

#[test]
fn every_route_is_among_the_rows_that_are_walked() {
    let walked: BTreeSet<_> = ROWS.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
    assert_eq!(walked, rows_of_the_router());
}

/// Returns what an answer says, less the room's name and what is drawn.
fn said(answer: &Answer, room: &str) -> (u16, Vec<(String, String)>, String) {
    let is_drawn = |name: &str| ["date", "content-length"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| !is_drawn(name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}").replace(room, "ROOM")));
    let body = answer.body.lines().filter(|line| !line.starts_with("retry:")).collect::<Vec<_>>().join("\n");
    (answer.status, headers.collect(), body.replace(room, "ROOM"))
}

fn is_stream(pattern: &str) -> bool {
    pattern.ends_with("/events") || ["/{room}/messages", "/embed/{room}/messages"].contains(&pattern)
}

fn assert_says_nothing(answer: &Answer, what: &str) {
    for secret in [SECRET, SECRET_AUTHOR, SECRET_ID] {
        assert!(!format!("{answer:?}").contains(secret), "{what}: {answer:?}");
    }
}

fn problem(answer: &Answer) -> String {
    let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    document["type"].as_str().unwrap_or_default().trim_start_matches("urn:millchat:problem:").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_through_a_route_for_which_the_table_does_not_let_them() {
    let mut walk = Walk { served: Served::start(SETTINGS), count: 0 };
    for row in &ROWS {
        for (policy, open) in POLICIES {
            for caller in CALLERS {
                step(&mut walk, row, (policy, open), caller).await;
            }
        }
    }
}

async fn step(
    walk: &mut Walk,
    row: &Row,
    (policy, open): (&str, Option<Needs>),
    caller: (&str, Option<Needs>),
) {
    let (method, pattern, behind, ref sent, needs) = *row;
    let (id, of_role) = caller;
    let what = format!("{method} {pattern}{behind} by {id} in {policy}");
    let is_page = !pattern.starts_with("/api/") && !pattern.starts_with("/admin/");
    let is_stream = method == "GET" && is_stream(pattern);
    let allowed = may(caller, open, needs, is_page);
    let by = (id.starts_with("g_") && needs == Write).then_some(id);
    let (room, position) = walk.room(policy, by).await;
    if method == "GET" {
        let head = walk.ask(row, id, &room, position, true).await;
        assert_eq!(head.body, "", "{what}");
    }
    let answer = walk.ask(row, id, &room, position, false).await;
    if pattern == "/embed/{room}/name" && (method == "PUT" || (id == "admin" && method == "POST")) {
        // It is no token of a panel: whoever sent it is made nobody else.
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        return;
    }
    if pattern == "/embed/{room}/own" {
        // It is no desk.
        assert_eq!(answer.status, 404, "{what}: {answer:?}");
        return;
    }
    if allowed {
        let refused = ["no-token", "not-member", "read-only", "needs-role", "unknown-room"];
        // It may read and delete, and is nobody who writes.
        let has_no_author = id == "admin" && (needs == Flag || needs == Write) && method != "DELETE";
        let has_no_author = has_no_author || (id == "admin" && pattern.contains("reactions"));
        // There is no such token; no such draft, or nobody who may have one.
        let is_none = ["unknown-token", "unknown-draft", "not-a-bot"].contains(&problem(&answer).as_str());
        let is_none = is_none || (is_page && pattern.contains("/drafts/") && answer.status == 404);
        assert!(is_none || has_no_author || needs == Anything || answer.status < 400, "{what}: {answer:?}");
        assert!(needs == Anything || !refused.contains(&problem(&answer).as_str()), "{what}: {answer:?}");
        assert!(needs == Anything || !answer.body.contains("event: denied"), "{what}: {answer:?}");
        assert!(needs == Anything || !answer.body.contains("data: denied"), "{what}: {answer:?}");
        return;
    }
    assert_says_nothing(&answer, &what);
    let (mut status, name) = denied(id, open, of_role, needs, is_page);
    if (pattern, behind, *sent, id) == ("/embed/{room}", "", NONE, "nobody") {
        // The shell of the page, as every frame is loaded at first.
        status = 200;
    }
    if is_stream {
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        let told = if is_page {
            "id=\"denied\"".to_owned()
        } else {
            format!("event: denied\ndata: {{\"reason\":\"{name}\"}}")
        };
        assert!(answer.body.contains(&told) && answer.body.contains("retry: "), "{what}: {answer:?}");
        // The other room of such a stream goes on.
        if behind.contains("also") {
            return;
        }
        assert!(!answer.body.contains("\nid: "), "{what}: {answer:?}");
    } else {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(is_page || problem(&answer) == name, "{what}: {answer:?}");
    }
    if pattern.contains("{room}") {
        walk.count += 1;
        let empty = format!("{policy}-{}", walk.count);
        let other = walk.ask(row, id, &empty, position, false).await;
        assert_eq!(said(&answer, &room), said(&other, &empty), "{what}: a room without events");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_an_incoming_webhook_is_nobody_at_every_route() {
    let mut walk = Walk { served: Served::start(SETTINGS), count: 0 };
    let new = "{\"name\":\"hook\",\"hook\":\"open\"}";
    let made = walk.served.ask(("POST", "/admin/tokens"), Some(ADMIN), ("application/json", new), &[]).await;
    let made: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let path = made["url"].as_str().unwrap();
    let token = path.strip_prefix("/api/v1/hooks/").unwrap();
    let posted = walk.served.ask(("POST", path), None, MESSAGE, &[]).await;
    assert_eq!(posted.status, 201, "{posted:?}");
    let forged = format!("mct_aaaaaaaaaaaa_{}", &token[17..]);
    for row in &ROWS {
        let room = if row.1.contains("{room}") { walk.room("open", None).await } else { Default::default() };
        let [by_hook, by_nobody] =
            [token, &forged].map(|token| walk.ask_by(row, Some(token), &room.0, room.1, false));
        let (by_hook, by_nobody) = (by_hook.await, by_nobody.await);
        let what = format!("{} {}{}: {by_hook:?}", row.0, row.1, row.2);
        assert_eq!((by_hook.status, problem(&by_hook)), (by_nobody.status, problem(&by_nobody)), "{what}");
        assert!(
            row.4 < Flag || row.4 == Read || by_hook.status >= 400 || by_hook.body.contains("denied"),
            "{what}"
        );
        assert!(!by_hook.body.contains(&token[17..]), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_the_list_does_not_have_is_there_for_nobody() {
    let walk = Walk { served: Served::start(SETTINGS), count: 0 };
    let position = walk.served.post("hidden", &author(SECRET_ID, SECRET_AUTHOR), SECRET).await;
    for row in ROWS.iter().filter(|row| row.1.contains("{room}") && row.4 <= Write) {
        for (id, _) in CALLERS {
            let what = format!("{} {}{} by {id}", row.0, row.1, row.2);
            let answer = walk.ask(row, id, "hidden", position, false).await;
            assert_says_nothing(&answer, &what);
            if row.0 == "GET" && is_stream(row.1) {
                assert_eq!(answer.status, 200, "{what}");
                let is_told = answer.body.contains("unknown-room") || answer.body.contains("id=\"denied\"");
                assert!(is_told, "{what}: {answer:?}");
            } else {
                assert_eq!(answer.status, 404, "{what}: {answer:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_room_of_a_stream_of_several_is_denied_and_the_others_go_on() {
    let mut walk = Walk { served: Served::start(SETTINGS), count: 0 };
    let epoch = walk.served.app.chat.epoch();
    let (members, _) = walk.room("members", None).await;
    walk.served.post("open", &author("g_stranger", "Ada"), "said-in-the-open").await;
    for (id, may_read) in [("nobody", false), ("g_stranger", false), ("g_reader", true)] {
        for path in [
            format!("/open/messages?also={members}:{epoch}-0"),
            format!("/{members}/messages?also=open:{epoch}-0"),
        ] {
            let until = [if may_read { SECRET } else { "id=\"denied\"" }, "said-in-the-open"];
            let token = walk.token(id);
            let last_id = [("GET", path.as_str())];
            let answer = walk.served.ask(last_id[0], token.as_deref(), NONE, &until).await;
            assert_eq!(answer.status, 200);
            if !may_read {
                assert_says_nothing(&answer, &path);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_room_is_not_to_be_had_by_way_of_another() {
    let mut walk = Walk { served: Served::start(SETTINGS), count: 0 };
    let (_, position) = walk.room("members", None).await;
    let reply = format!("{{\"content\":\"x\",\"reply_to\":{position}}}");
    for (method, path, sent) in [
        ("GET", format!("/api/v1/rooms/open/messages/{position}"), NONE),
        ("GET", format!("/api/v1/rooms/open/messages?after={}", position - 1), NONE),
        ("POST", "/api/v1/rooms/open/messages".to_owned(), ("application/json", reply.as_str())),
        ("PUT", format!("/api/v1/rooms/open/messages/{position}/reactions/%F0%9F%91%8D"), NONE),
        ("PATCH", format!("/api/v1/rooms/open/messages/{position}"), MESSAGE),
        ("DELETE", format!("/api/v1/rooms/open/messages/{position}"), NONE),
        ("GET", format!("/open?quote={position}"), NONE),
        ("GET", format!("/open?before=99999&around={position}"), PATCHES),
        ("GET", format!("/open/search?q={SECRET}"), NONE),
        ("GET", format!("/api/v1/rooms/open/search?q={SECRET}"), NONE),
    ] {
        let token = walk.token("g_stranger");
        let answer = walk.served.ask((method, &path), token.as_deref(), sent, &[]).await;
        assert!(
            !answer.body.contains(SECRET_AUTHOR) && !answer.body.contains(SECRET_ID),
            "{path}: {answer:?}"
        );
        let is_own_query = path.contains("/search");
        assert!(is_own_query || !answer.body.contains(SECRET), "{path}: {answer:?}");
        assert!(method == "GET" || answer.status >= 400, "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_no_good_is_told_of_and_opens_no_room_that_needs_one() {
    let mut walk = Walk { served: Served::start(SETTINGS), count: 0 };
    let (link, members) = (walk.room("link", None).await.0, walk.room("members", None).await.0);
    for (token, reason) in [(None, None), (Some("x.y"), Some("forged-token"))] {
        let path = format!("/api/v1/rooms/{link}/events");
        let open = walk.served.ask(("GET", &path), token, NONE, &[SECRET]).await;
        let nobody = reason
            .map(|reason| format!("event: nobody\ndata: {{\"reason\":\"{reason}\"}}\n\nevent: start\n"));
        assert_eq!(
            nobody.as_deref().map(|told| open.body.starts_with(told)),
            nobody.as_ref().map(|_| true),
            "{open:?}"
        );
        assert_eq!(open.body.contains("event: nobody"), nobody.is_some(), "{open:?}");
        let path = format!("/api/v1/rooms/{members}/events");
        let denied = walk.served.ask(("GET", &path), token, NONE, &[]).await;
        let reason = reason.unwrap_or("no-token");
        assert!(
            denied.body.contains(&format!("event: denied\ndata: {{\"reason\":\"{reason}\"}}")),
            "{denied:?}"
        );
        let path = format!("/api/v1/rooms/{members}/messages");
        let page = walk.served.ask(("GET", &path), token, NONE, &[]).await;
        assert_eq!((page.status, problem(&page).as_str()), (401, reason));
        assert!(page.headers["www-authenticate"].as_bytes().starts_with(b"Bearer"));
    }
}
