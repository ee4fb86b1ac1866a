//! Deeds of people in a room, where they meet the settings and others who act at the same moment.

use futures_util::future::join_all;
use millchat::{Author, AuthorKind, RoomName, SendError, Timestamp};

use super::super::decide::Caller;
use super::super::deeds::{BANS_OF_ROOM_MAX, ROLES_OF_ROOM_MAX};
use super::super::flags::{self, FLAGS_OF_AUTHOR_MAX, FLAGS_OF_GUEST_MAX, FLAGS_OF_ROOM_MAX};
use super::super::invitations::{self, INVITATIONS_OF_ROOM_MAX};
use super::super::role::Role;
use super::super::table::Action;
use super::super::{deeds, kept};
use super::served::{ADMIN, Served, author};
use super::{guest, user};
use crate::identity::Person;

const SETTINGS: &str = r#"
[[room]]
name = "team"
policy = "members"
owners = ["corp:@leads"]
writers = ["g_bob"]
"#;

fn room() -> RoomName {
    RoomName::new("team").unwrap()
}

fn may(served: &Served, person: &Person, action: Action) -> bool {
    let caller = Caller::of(Ok(person.clone()));
    served.app.authority.decide(caller, &room(), action).is_ok()
}

#[tokio::test]
async fn a_moderator_bans_nobody_above_them_also_whom_only_the_settings_know() {
    let served = Served::start(SETTINGS);
    let (ada, bob) = (user("corp", "7", &["leads"]), guest("g_bob"));
    assert_eq!(ada.author.kind, AuthorKind::User);
    let ban = async |person: &Person, by: Role| {
        let by = (Some(by), author("g_max", "Max"));
        deeds::ban(&served.app.chat, &room(), &person.author.id, None, by).await.unwrap();
    };
    assert!(may(&served, &ada, Action::Own) && may(&served, &bob, Action::Write));
    for person in [&ada, &bob] {
        ban(person, Role::Moderator).await;
    }
    assert!(may(&served, &ada, Action::Own), "an owner");
    assert!(!may(&served, &bob, Action::Write), "a writer");
    // Among equals it counts, and a lower one does not take its place.
    for by in [Role::Owner, Role::Moderator] {
        ban(&ada, by).await;
        assert!(!may(&served, &ada, Action::Read), "{by:?}");
    }
    deeds::unban(&served.app.chat, &room(), &ada.author.id, author("g_max", "Max")).await.unwrap();
    assert!(may(&served, &ada, Action::Own));
    // And above the role that somebody is given, too.
    ban(&ada, Role::Operator).await;
    assert!(!may(&served, &ada, Action::Read));
}

#[tokio::test]
async fn an_invitation_takes_no_role_that_was_given_meanwhile() {
    let served = Served::start(SETTINGS);
    let chat = &served.app.chat;
    let (eve, olga) = (author("g_eve", "Eve"), author("g_olga", "Olga"));
    let raise =
        async |role: Role| deeds::raise(chat, &room(), ("g_eve", "Eve"), role, eve.clone()).await.unwrap();
    let role = || kept::role(chat, &room(), "g_eve").map(|kept| kept.value);
    assert_eq!((raise(Role::Reader).await, role()), (Role::Reader, Some(Role::Reader)));
    deeds::give(chat, &room(), ("g_eve", Some("Eve")), Role::Owner, olga.clone()).await.unwrap();
    assert_eq!((raise(Role::Writer).await, role()), (Role::Owner, Some(Role::Owner)));
    // At the same moment, too.
    for round in 0..20 {
        deeds::take_back(chat, &room(), "g_eve", olga.clone()).await.unwrap();
        let roles = [Role::Writer, Role::Moderator, Role::Owner, Role::Reader];
        join_all(roles.map(&raise)).await;
        assert_eq!(role(), Some(Role::Owner), "{round}");
    }
}

#[tokio::test]
async fn flags_go_with_their_message_and_with_the_messages_of_an_emptied_room() {
    let served = Served::start("");
    let (chat, hall, bob) = (&served.app.chat, RoomName::new("hall").unwrap(), author("g_bob", "Bob"));
    let mut positions = Vec::new();
    for number in 0..4 {
        let position = served.post("hall", &bob, "rude").await;
        for by in ["g_ada", "g_eve"] {
            flags::flag(chat, &hall, position, format!("{number}"), author(by, by)).await.unwrap();
        }
        positions.push(position);
    }
    let elsewhere = served.post("team", &bob, "rude").await;
    flags::flag(chat, &room(), elsewhere, String::new(), author("g_ada", "Ada")).await.unwrap();
    let kept = || chat.values_count("flag");
    let delete = async |path: &str, token: &str| {
        let path = format!("/api/v1/rooms/hall/messages{path}");
        served.ask(("DELETE", &path), Some(token), ("", ""), &[]).await.status
    };
    assert_eq!(kept(), 9);
    assert_eq!(delete(&format!("/{}", positions[0]), &served.token("g_bob")).await, 204);
    assert_eq!(kept(), 7, "its author took it away");
    assert_eq!(delete(&format!("/{}", positions[1]), ADMIN).await, 204);
    assert_eq!(kept(), 5, "somebody else took it away");
    assert_eq!(delete("", ADMIN).await, 200);
    assert_eq!(kept(), 1, "those of another room stay");
    assert!(flags::list(chat, &hall, None, 10).is_empty());
}

#[tokio::test]
async fn an_author_and_a_room_have_a_part_of_all_flags_and_each_ends() {
    let served = Served::start("");
    let (chat, hall) = (&served.app.chat, RoomName::new("hall").unwrap());
    let flag = async |room: &RoomName, position: usize, by: usize| {
        let by = Author { kind: AuthorKind::User, ..author(&format!("u_{by}"), "Ada") };
        flags::flag(chat, room, position as u64, String::new(), by).await
    };
    // Anybody is as many guests as they wait for: these leave half of a room to others.
    for by in 0..FLAGS_OF_ROOM_MAX / 2 / FLAGS_OF_GUEST_MAX {
        let guest = author(&format!("g_{by}"), "Eve");
        for position in 1..=FLAGS_OF_GUEST_MAX as u64 {
            flags::flag(chat, &hall, position, String::new(), guest.clone()).await.unwrap();
        }
        let refused = flags::flag(chat, &room(), 1, String::new(), guest).await;
        assert!(matches!(refused, Err(SendError::TooMany("flags of this author"))), "{refused:?}");
    }
    let refused = flags::flag(chat, &hall, 1, String::new(), author("g_late", "Eve")).await;
    assert!(matches!(refused, Err(SendError::TooMany("flags in this room"))), "{refused:?}");
    for by in 0..FLAGS_OF_ROOM_MAX / 2 / FLAGS_OF_AUTHOR_MAX {
        let all = (1..=FLAGS_OF_AUTHOR_MAX).map(|position| flag(&hall, position, by));
        assert!(join_all(all).await.into_iter().all(|flagged| flagged.is_ok()), "{by}");
        let refused = flag(&room(), 1, by).await;
        assert!(matches!(refused, Err(SendError::TooMany("flags of this author"))), "{refused:?}");
    }
    // A flag that is there is no new one.
    flag(&hall, 1, 0).await.unwrap();
    let refused = flag(&hall, 1, FLAGS_OF_ROOM_MAX).await;
    assert!(matches!(refused, Err(SendError::TooMany("flags in this room"))), "{refused:?}");
    flag(&room(), 1, FLAGS_OF_ROOM_MAX).await.unwrap();
    assert!(chat.values("flag/").iter().all(|(_, value)| value.until.is_some()));
}

#[tokio::test]
async fn flags_are_listed_by_pages_however_large_the_messages_are() {
    let served = Served::start("");
    let (chat, hall, bob) = (&served.app.chat, RoomName::new("hall").unwrap(), author("g_bob", "Bob"));
    let (large, mut positions) = ("x".repeat(30_000), Vec::new());
    for number in 0..120 {
        let position = served.post("hall", &bob, &large).await;
        let by = author(&format!("g_{}", number / 10), "Ada");
        flags::flag(chat, &hall, position, String::new(), by).await.unwrap();
        positions.push(position);
    }
    let (mut listed, mut after) = (Vec::new(), String::new());
    // As many messages as are a mebibyte together, or a little more.
    for count in [35, 35, 35, 15] {
        let path = format!("/api/v1/rooms/hall/flags{after}");
        let page = served.ask(("GET", &path), Some(ADMIN), ("", ""), &[]).await;
        let page: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        let flags = page["flags"].as_array().unwrap();
        assert_eq!(flags.len(), count);
        listed.extend(flags.iter().map(|flag| flag["position"].as_u64().unwrap()));
        assert_eq!(page["next"].as_u64().is_some(), count == 35);
        after = format!("?after={}", page["next"]);
    }
    assert_eq!(listed, positions);
}

#[tokio::test]
async fn a_room_has_a_part_of_all_roles_bans_and_invitations() {
    let served = Served::start("");
    let (chat, hall, olga) = (&served.app.chat, RoomName::new("hall").unwrap(), author("g_olga", "Olga"));
    let give = async |room: &RoomName, target: usize| {
        deeds::give(chat, room, (&format!("g_{target}"), None), Role::Reader, olga.clone()).await
    };
    let ban = async |room: &RoomName, target: usize| {
        deeds::ban(chat, room, &format!("g_{target}"), None, (Some(Role::Owner), olga.clone())).await
    };
    let invite = async |room: &RoomName, _: usize| {
        let until = Timestamp(Timestamp::now().0 + 3_600_000);
        invitations::invite(chat, room, (Role::Moderator, 1), until, olga.clone())
            .await
            .map(|(_, secret)| secret)
    };
    for (max, words) in [(ROLES_OF_ROOM_MAX, "roles"), (BANS_OF_ROOM_MAX, "bans")] {
        let act = async |room: &RoomName, target: usize| {
            if words == "roles" { give(room, target).await } else { ban(room, target).await }
        };
        for step in (0..max).collect::<Vec<_>>().chunks(100) {
            assert!(join_all(step.iter().map(|target| act(&hall, *target))).await.iter().all(Result::is_ok));
        }
        let refused = act(&hall, max).await.unwrap_err().to_string();
        assert!(
            refused.contains(words) && refused.contains(&format!("at most {},000", max / 1_000)),
            "{refused}"
        );
        act(&hall, 0).await.expect("one that is there takes no place");
        act(&room(), max).await.expect("another room has its own");
    }
    let mut secrets = Vec::new();
    for number in 0..INVITATIONS_OF_ROOM_MAX {
        secrets.push(invite(&hall, number).await.unwrap());
    }
    let refused = invite(&hall, 0).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("at most {INVITATIONS_OF_ROOM_MAX}")), "{refused}");
    invite(&room(), 0).await.unwrap();
    // The room can take nobody in: the invitation stays for later.
    let eve = served.token("g_eve");
    let accept = async || {
        let (path, body) =
            ("/api/v1/rooms/hall/invitations/accept", format!("{{\"secret\":\"{}\"}}", secrets[0]));
        served.ask(("POST", path), Some(&eve), ("application/json", &body), &[]).await
    };
    let refused = accept().await;
    assert!(
        (refused.status, refused.body.contains("urn:millchat:problem:list-full")) == (409, true),
        "{refused:?}"
    );
    assert_eq!(invitations::list(chat, &hall).len(), INVITATIONS_OF_ROOM_MAX);
}

#[tokio::test]
async fn what_moderators_and_owners_do_counts_for_their_limit_and_what_operators_do_does_not() {
    const DEEDS: [(&str, &str, &str); 12] = [
        ("DELETE", "/authors/g_x/messages", ""),
        ("PUT", "/closed", ""),
        ("DELETE", "/closed", ""),
        ("DELETE", "/messages", ""),
        ("PUT", "/members/g_x", "{\"role\":\"reader\"}"),
        ("DELETE", "/members/g_x", ""),
        ("PUT", "/bans/g_x", ""),
        ("DELETE", "/bans/g_x", ""),
        ("POST", "/invitations", "{\"role\":\"reader\"}"),
        ("DELETE", "/invitations/0123", ""),
        ("POST", "/messages/1/flags", ""),
        ("DELETE", "/flags/1", ""),
    ];
    let owners: Vec<_> = (0..DEEDS.len()).map(|number| format!("\"g_{number}\"")).collect();
    let settings = format!(
        "rate-limit = \"author=1/3\"\noperators = [\"g_operator\"]\n[[room]]\nname = \"*\"\nowners = [{}]\n",
        owners.join(", ")
    );
    let served = Served::start(&settings);
    for (number, (method, path, body)) in DEEDS.into_iter().enumerate() {
        let path = format!("/api/v1/rooms/room-{number}{path}");
        served.post(&format!("room-{number}"), &author("g_y", "Yves"), "hello").await;
        let ask = async |token: &str| {
            let kind = if body.is_empty() { "" } else { "application/json" };
            served.ask((method, &path), Some(token), (kind, body), &[]).await.status
        };
        let owner = served.token(&format!("g_{number}"));
        let (mut done, mut limited) = (0, false);
        while !limited {
            assert!(done < 50, "{method} {path} has no limit");
            limited = ask(&owner).await == 429;
            done += usize::from(!limited);
        }
        assert!(done >= 3, "{method} {path} is counted {done} times");
        // A flag is a reader's deed, whoever they are.
        for token in [ADMIN, &*served.token("g_operator")] {
            for _ in 0..5 {
                assert!(ask(token).await != 429 || path.ends_with("/flags"), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn rooms_that_anybody_may_begin_leave_a_part_of_all_to_other_rooms() {
    const MAX: usize = 10;
    let served = Served::start("[[room]]\nname = \"own-*\"\ncreator = \"owner\"");
    let (authority, chat) = (&served.app.authority, &served.app.chat);
    let (begun, hall) = (RoomName::new("own-1").unwrap(), RoomName::new("hall").unwrap());
    for target in 0..MAX {
        let refused =
            [&begun, &hall].map(|room| deeds::refuse_begun(authority, room, kept::ROLE, MAX).is_err());
        assert_eq!(refused, [target >= MAX / 5 * 3, false], "{target} are given");
        let olga = author("g_olga", "Olga");
        deeds::give(chat, &hall, (&format!("g_{target}"), None), Role::Reader, olga).await.unwrap();
    }
}
