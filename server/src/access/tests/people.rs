//! Deeds of people in a room, where they meet the settings and others who act at the same moment.

use futures_util::future::join_all;
use millchat::{AuthorKind, RoomName};

use super::super::decide::Caller;
use super::super::role::Role;
use super::super::table::Action;
use super::super::{deeds, kept};
use super::served::{Served, author};
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
