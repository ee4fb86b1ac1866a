//! The ends of what somebody was allowed: by a change, and by time.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use millchat::{Draft, RoomName, SendError, Timestamp};

use super::super::authority::Authority;
use super::super::decide::Caller;
use super::super::denial::Denial;
use super::super::guard::Guard;
use super::super::role::Role;
use super::super::table::Action;
use super::super::watch::RightsWatch;
use super::super::{bans, deeds};
use super::served::{Served, author};
use super::{guest, user};
use crate::actions::{self, ActError, Moderation};
use crate::app::Worker;
use crate::identity::{NewApiToken, Person, Retire, Via};

const HOUR: Duration = Duration::from_hours(1);

fn room() -> RoomName {
    RoomName::new("lobby").unwrap()
}

fn guard(authority: &Arc<Authority>, caller: Caller) -> Guard {
    let allowed = authority.decide(caller, &room(), Action::Read).unwrap();
    Guard::new(&RightsWatch::new(Arc::clone(authority)), allowed, room())
}

fn bearer(served: &Served, token: &str) -> Caller {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    Caller::of(served.app.identity.bearer(&headers))
}

/// Asserts that the guard asks again an hour after now, give or take what the test took.
#[track_caller]
fn assert_in_an_hour(guard: &Guard, since: Timestamp) {
    let hour = HOUR.as_millis() as u64;
    let until = guard.until().expect("it has an end");
    assert!((since.0 + hour..=Timestamp::now().0 + hour).contains(&until.0), "{until:?}, {since:?}");
}

#[tokio::test]
async fn a_decision_from_before_a_reload_counts_for_no_stream_that_opens_after_it() {
    let served = Served::start("");
    let authority = &served.app.authority;
    let (watch, caller) = (RightsWatch::new(Arc::clone(authority)), Caller::of(Ok(guest("g_ada"))));
    let allowed = authority.decide(caller, &room(), Action::Read).unwrap();
    assert!(Guard::new(&watch, allowed.clone(), room()).is_current());
    let rules = authority.rules();
    authority.set_rules((*rules).clone());
    let mut guard = Guard::new(&Rc::clone(&watch), allowed, room());
    assert!(!guard.is_current());
    guard.check().unwrap();
    assert!(guard.is_current());
}

#[tokio::test]
async fn a_stream_is_asked_again_when_the_overlap_of_its_secret_ends() {
    let served = Served::start("");
    let (identity, eve) = (&served.app.identity, author("g_eve", "Eve"));
    let rooms = [("*".to_owned(), "writer".to_owned())].into();
    let new = NewApiToken { name: "bot".to_owned(), author: None, rooms, hook: None, expires_in: None };
    let (made, token) = identity.add_api_token(new, eve.clone()).await.unwrap();
    let mut guard = guard(&served.app.authority, bearer(&served, &token));
    assert_eq!(guard.until(), None);
    let since = Timestamp::now();
    identity.renew_api_token(&made.id, HOUR, &eve).await.unwrap().unwrap();
    assert!(!guard.is_current());
    guard.check().unwrap();
    assert_in_an_hour(&guard, since);
    identity.renew_api_token(&made.id, Duration::ZERO, &eve).await.unwrap().unwrap();
    assert!(guard.check().is_err());
}

#[tokio::test]
async fn a_stream_is_asked_again_when_the_key_of_its_session_retires() {
    let served = Served::start("");
    let mut guard = guard(&served.app.authority, bearer(&served, &served.token("g_ada")));
    let since = Timestamp::now();
    served.app.identity.rotate(Retire::After(HOUR), &author("g_eve", "Eve")).await.unwrap();
    assert!(!guard.is_current());
    guard.check().unwrap();
    assert_in_an_hour(&guard, since);
    served.app.identity.rotate(Retire::Now, &author("g_eve", "Eve")).await.unwrap();
    assert!(guard.check().is_err());
}

#[tokio::test]
async fn the_leeway_of_a_sites_token_counts_once() {
    let served = Served::start("");
    let end = Timestamp(Timestamp::now().0 + 1_000);
    let person = |via| Person { expires_at: Some(end), via, ..user("shop", "7", &[]) };
    let until = |via| guard(&served.app.authority, Caller::of(Ok(person(via)))).until();
    assert_eq!(until(Via::Site("shop".into())), Some(end));
    assert_eq!(until(Via::Login("shop".into())), Some(Timestamp(end.0 + 60_000)));
}

#[tokio::test]
async fn what_was_allowed_is_not_stored_when_the_right_has_ended_on_its_way() {
    let served = Served::start("[[room]]\nname = \"lobby\"\npolicy = \"members\"\n");
    let (app, chat, eve) = (&served.app, &served.app.chat, author("g_eve", "Eve"));
    let watch = RightsWatch::new(Arc::clone(&app.authority));
    let w = Worker { app: Arc::clone(app), dispatcher: chat.dispatcher(), watch, detached: None };
    let target = served.post("lobby", &eve, "hello").await;
    let give =
        async || deeds::give(chat, &room(), ("g_ada", None), Role::Moderator, eve.clone()).await.unwrap();
    let take = async || deeds::take_back(chat, &room(), "g_ada", eve.clone()).await.unwrap();
    let allow = |action| {
        let caller = bearer(&served, &served.token("g_ada"));
        app.authority.decide(caller, &room(), action).unwrap()
    };
    let head = async || chat.overview(&room()).await.unwrap().head;
    let post = || Draft::post(author("g_ada", "Ada"), "x");
    give().await;
    let (posts, deletes) = (allow(Action::Post), allow(Action::Write));
    w.app.send(&room(), post(), (&posts, Action::Post)).await.unwrap();
    let before = head().await;
    take().await;
    // They were asked before, and the writer asks again.
    let refused = w.app.send(&room(), post(), (&posts, Action::Post)).await;
    assert!(matches!(refused, Err(SendError::NotAllowed)), "{refused:?}");
    let by = author("g_ada", "Ada");
    let refused = actions::moderate(&w, &room(), (&deletes, by.clone()), Moderation::Delete(target)).await;
    assert!(matches!(refused, Err(ActError::Denied(Denial::NotMember))), "{refused:?}");
    // Who may still write, and delete nothing of others any more.
    deeds::give(chat, &room(), ("g_ada", None), Role::Writer, eve.clone()).await.unwrap();
    let refused = actions::moderate(&w, &room(), (&deletes, by.clone()), Moderation::Delete(target)).await;
    assert!(matches!(refused, Err(ActError::Denied(Denial::NeedsRole(Action::Moderate)))), "{refused:?}");
    give().await;
    let (owns, posts) = (allow(Action::Moderate), allow(Action::Post));
    let refused = actions::moderate(&w, &room(), (&owns, by.clone()), Moderation::Purge).await;
    assert!(matches!(refused, Err(ActError::Denied(Denial::NeedsRole(Action::Own)))), "{refused:?}");
    // A ban until a time, and a session that was ended.
    bans::ban(chat, "g_ada", Some(Timestamp(Timestamp::now().0 + 60_000)), eve.clone()).await.unwrap();
    assert!(matches!(w.app.send(&room(), post(), (&posts, Action::Post)).await, Err(SendError::NotAllowed)));
    bans::unban(chat, "g_ada", eve.clone()).await.unwrap();
    w.app.send(&room(), post(), (&posts, Action::Post)).await.unwrap();
    let after = head().await;
    assert!(after > before);
    app.identity.rotate(Retire::Now, &eve).await.unwrap();
    assert!(matches!(w.app.send(&room(), post(), (&posts, Action::Post)).await, Err(SendError::NotAllowed)));
    assert_eq!(head().await, after);
    assert!(chat.message(&room(), target).await.unwrap().unwrap().content.is_some());
}
