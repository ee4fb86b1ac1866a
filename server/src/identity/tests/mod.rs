//! Tokens of all forms, held against keys, revocations and time.

mod api_tokens;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::{self, HeaderMap, HeaderValue};
use millchat::{Author, AuthorKind, Chat, NewValue, Replaces, Timestamp};
use serde_json::{Value, json};

use super::site::Sites;
use super::*;

const DAY: u64 = 24 * 60 * 60 * 1_000;
const YEAR: u64 = 365 * DAY;

fn identity() -> Identity {
    identity_by_tls(false)
}

fn identity_by_tls(by_tls: bool) -> Identity {
    Identity::new(Chat::open("memory:").unwrap(), Sites::default(), by_tls)
}

fn operator() -> Author {
    Author { id: "admin".into(), name: "admin".into(), kind: AuthorKind::User }
}

fn later(millis: u64) -> Timestamp {
    Timestamp(Timestamp::now().0 + millis)
}

fn signed_in(identity: &Identity) -> Person {
    let ada = Author { id: "u_4kqv6mzd2xw7yrbtfn3a".into(), name: "Ada".into(), kind: AuthorKind::User };
    let guest = Identity::new_guest("ada");
    let person = Person {
        author: ada,
        via: Via::Login("corp".into()),
        sub: Some("248289761001".into()),
        was: vec![guest.author.id.clone()],
        groups: ["staff".into(), "leads".into()].into(),
        ..guest
    };
    let verified = identity.verify(&identity.sign(&person)).unwrap();
    Person { expires_at: verified.expires_at, session: verified.session, ..person }
}

fn author(person: Result<Person, TokenError>) -> Result<Author, TokenError> {
    person.map(|person| person.author)
}

/// The claims of a token, and a token with others under the same MAC.
fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

fn with_claims(token: &str, claims: &Value) -> String {
    let mac = token.split_once('.').unwrap().1;
    format!("{}.{mac}", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A token as earlier releases signed it.
fn old_token(identity: &Identity, author: &Author, exp_seconds: u64) -> String {
    let key = blake3::derive_key("millchat 2026-11-23 author tokens v1", &identity.chat().signing_key());
    let kind = author.kind.as_str();
    let claims = json!({ "id": &*author.id, "name": &*author.name, "kind": kind, "exp": exp_seconds });
    let encoded = URL_SAFE_NO_PAD.encode(claims.to_string());
    let mac = URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&key, encoded.as_bytes()).as_bytes());
    format!("{encoded}.{mac}")
}

fn new_token() -> NewApiToken {
    let rooms = [("deploy-*".to_owned(), "writer".to_owned())].into();
    NewApiToken { name: "deploys".to_owned(), rooms, hook: None, expires_in: None, author: None }
}

#[tokio::test]
async fn a_token_gives_its_person_back_until_it_expires() {
    let identity = identity();
    let guest = Identity::new_guest("Ada \u{1f600}");
    let token = identity.sign(&guest);
    let verified = identity.verify(&token).unwrap();
    assert_eq!((&verified.author, &verified.via), (&guest.author, &Via::Guest));
    let end = verified.expires_at.unwrap();
    assert!(end.0.abs_diff(later(YEAR).0) < 60_000, "{end:?}");
    assert!(identity.verify_at(&token, Timestamp(end.0 - 1)).is_ok());
    assert_eq!(identity.verify_at(&token, end), Err(TokenError::OLD));
    assert!(verified.is_in_force(&identity, Timestamp(end.0 - 1)) && !verified.is_in_force(&identity, end));
    let user = signed_in(&identity);
    // Signed a moment later, it ends a moment later.
    let again = identity.verify(&identity.sign(&user)).unwrap();
    assert_eq!(Person { expires_at: user.expires_at, ..again }, user);
    let claims = claims(&identity.sign(&user));
    for (claim, expected) in [
        ("v", json!(2)),
        ("k", json!(1)),
        ("use", json!("session")),
        ("kind", json!("user")),
        ("by", json!("login:corp")),
        ("was", json!(user.was)),
        ("groups", json!(["staff", "leads"])),
    ] {
        assert_eq!(claims[claim], expected, "{claims}");
    }
    assert_eq!(claims["sid"].as_str().unwrap().len(), 20);
}

#[tokio::test]
async fn the_token_of_a_panel_is_another_session_for_a_day_and_no_cookie() {
    let identity = identity();
    let user = signed_in(&identity);
    let token = identity.sign_for_panel(&user).unwrap();
    let in_panel = identity.verify(&token).unwrap();
    assert_eq!((&in_panel.author, &in_panel.was, &in_panel.via), (&user.author, &user.was, &user.via));
    let sid = |person: &Person| person.session.as_ref().unwrap().sid.clone();
    assert_ne!(sid(&in_panel), sid(&user));
    let end = in_panel.expires_at.unwrap();
    assert!(end.0.abs_diff(later(DAY).0) < 60_000, "{end:?}");
    assert_eq!(identity.verify_at(&token, end), Err(TokenError::OLD));
    assert_eq!(claims(&token)["use"], "panel");
    // It cannot be made to last: no cookie has it.
    let cookie = HeaderValue::from_str(&format!("{}={token}", cookie::name(false))).unwrap();
    let headers = HeaderMap::from_iter([(header::COOKIE, cookie)]);
    assert_eq!(identity.visitor(&headers), None);
    assert_eq!(identity.renewed_at(&headers, later(2 * DAY)), None);
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    assert_eq!(identity.renewed_bearer(&HeaderMap::from_iter([(header::AUTHORIZATION, bearer)])), None);
    // It ends with the session that it is from.
    let short = Person { expires_at: Some(later(60_000)), ..user.clone() };
    let end = identity.verify(&identity.sign_for_panel(&short).unwrap()).unwrap().expires_at;
    assert_eq!(end, short.expires_at);
    // The end of one is not the end of the other, and the end of all is the end of both.
    identity.sign_out(&in_panel, false).await.unwrap();
    assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))));
    assert!(identity.verify(&identity.sign(&user)).is_ok());
    let other = identity.sign_for_panel(&user).unwrap();
    assert!(identity.verify(&other).is_ok());
    identity.sign_out(&user, true).await.unwrap();
    assert!(matches!(identity.verify(&other), Err(TokenError::Revoked(_))));
    // A guest has none.
    assert_eq!(identity.sign_for_panel(&Identity::new_guest("Ada")), None);
}

#[tokio::test]
async fn a_token_that_was_touched_is_forged() {
    let identity = identity();
    let token = identity.sign(&Identity::new_guest("Ada"));
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let touched = String::from_utf8(bytes).unwrap();
        assert!(matches!(identity.verify(&touched), Err(TokenError::Forged(_))), "byte {at}");
    }
    for (claim, value) in [("kind", "user"), ("by", "login:corp"), ("id", "u_x"), ("use", "ticket")] {
        let mut changed = claims(&token);
        changed[claim] = value.into();
        assert_eq!(identity.verify(&with_claims(&token, &changed)), Err(TokenError::FOREIGN), "{claim}");
    }
    let long = format!("{}.{}", "x".repeat(100_000), token.split_once('.').unwrap().1);
    for other in ["x", ".", "x.y", &token[1..], &format!("{token}A"), &long] {
        assert!(matches!(identity.verify(other), Err(TokenError::Forged(_))), "{other:.20}");
    }
    assert_eq!(identity.verify(""), Err(TokenError::Missing));
    assert_eq!(self::identity().verify(&token), Err(TokenError::FOREIGN));
}

#[tokio::test]
async fn no_token_passes_for_one_of_another_purpose() {
    let identity = identity();
    let session = identity.sign(&Identity::new_guest("Ada"));
    let mut about = claims(&session);
    for claim in ["v", "k", "use", "exp"] {
        about.as_object_mut().unwrap().remove(claim);
    }
    let ticket = identity.seal(Purpose::Ticket, later(DAY), &about).unwrap();
    let login = identity.seal(Purpose::Login, later(DAY), &about).unwrap();
    for (token, purpose) in
        [(&session, Purpose::Session), (&ticket, Purpose::Ticket), (&login, Purpose::Login)]
    {
        for other in [Purpose::Session, Purpose::Ticket, Purpose::Login] {
            let opened = identity.open::<Value>(other, token);
            assert_eq!(opened.is_ok(), other == purpose, "{purpose:?} as {other:?}: {opened:?}");
        }
        assert_eq!(identity.verify(token).is_ok(), purpose == Purpose::Session);
    }
    let over = identity.seal(Purpose::Ticket, Timestamp::now(), json!({})).unwrap();
    assert_eq!(identity.open::<Value>(Purpose::Ticket, &over), Err(TokenError::OLD));
    let long = json!({ "to": "x".repeat(3_072) });
    assert_eq!(identity.seal(Purpose::Login, later(DAY), long), None, "no token is longer than 3,072 bytes");
}

#[tokio::test]
async fn a_ticket_is_its_maker_for_a_day_at_most_and_no_longer_than_what_it_was_made_by() {
    let identity = identity();
    let ada = signed_in(&identity);
    let (ticket, end) = identity.ticket(&ada, "lobby").unwrap();
    let day = later(DAY).0;
    assert!((day - 10_000..=day).contains(&end.0), "{end:?}");
    let opened = identity.open_ticket(&ticket).unwrap();
    assert_eq!(&*opened.room, "lobby");
    let ticket_key = opened.person.ticket_key;
    assert_eq!(
        (opened.person, ticket_key),
        (Person { expires_at: Some(end), ticket_key, ..ada.clone() }, Some(1))
    );
    assert!(identity.open_ticket_at(&ticket, Timestamp(end.0 - 1)).is_ok());
    assert_eq!(identity.open_ticket_at(&ticket, end), Err(TokenError::OLD));
    assert!(matches!(identity.verify(&ticket), Err(TokenError::Forged(_))), "it is no bearer");
    let session = identity.sign(&ada);
    assert!(matches!(identity.open_ticket(&session), Err(TokenError::Forged(_))), "a session is no ticket");
    let soon = later(DAY / 24);
    let hour = Person { expires_at: Some(soon), ..ada.clone() };
    assert_eq!(identity.ticket(&hour, "lobby").unwrap().1, soon);
    let many: Vec<_> = (0..32).map(|n| format!("{n}{}", "g".repeat(200)).into()).collect();
    assert_eq!(identity.ticket(&Person { groups: many.into(), ..ada.clone() }, "lobby"), None);
    // Those of a site that is none any more, and of a program whose token was removed.
    for via in [Via::Site("shop".into()), Via::ApiToken("abcdefghijkl".into())] {
        let (ticket, _) = identity.ticket(&Person { via, ..ada.clone() }, "lobby").unwrap();
        assert!(identity.open_ticket(&ticket).is_err());
    }
    identity.sign_out(&ada, false).await.unwrap();
    assert!(matches!(identity.open_ticket(&ticket), Err(TokenError::Revoked(_))));
}

#[tokio::test]
async fn a_ticket_of_a_program_ends_with_its_own_key_too() {
    let identity = identity();
    let (_, token) = identity.add_api_token(new_token(), operator()).await.unwrap();
    let program = identity.verify(&token).unwrap();
    let (ticket, end) = identity.ticket(&program, "lobby").unwrap();
    let holder = identity.open_ticket(&ticket).unwrap().person;
    assert!(holder.is_in_force(&identity, Timestamp::now()));
    identity.rotate(Retire::After(Duration::from_hours(1)), &operator()).await.unwrap();
    assert!(holder.void_from(&identity).is_some_and(|void| void < end));
    identity.rotate(Retire::Now, &operator()).await.unwrap();
    assert!(!holder.is_in_force(&identity, Timestamp::now()));
    assert!(identity.open_ticket(&ticket).is_err());
    assert!(identity.verify(&token).is_ok(), "the program's own token is not of the key");
}

#[tokio::test]
async fn tokens_of_earlier_releases_stay_good_and_are_renewed_with_the_same_id() {
    let identity = identity();
    let ada = Identity::new_guest("Ada").author;
    let exp = later(YEAR - DAY).0 / 1_000;
    let token = old_token(&identity, &ada, exp);
    let person = identity.verify(&token).unwrap();
    assert_eq!((&person.author, person.expires_at), (&ada, Some(Timestamp(exp * 1_000))));
    assert_eq!(identity.verify_at(&token, Timestamp(exp * 1_000)), Err(TokenError::OLD));
    let renewed = renewed(&identity, &token, Timestamp::now()).expect("its key is an old one");
    let person = identity.verify(&renewed).unwrap();
    assert_eq!((person.author, claims(&renewed)["v"].clone()), (ada.clone(), json!(2)));
    // Its session began when it was made.
    assert_eq!(person.session.unwrap().auth, Timestamp(exp * 1_000 - YEAR));
    identity.rotate(Retire::Now, &operator()).await.unwrap();
    assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))));
}

/// The token that a page gives instead of this one.
fn renewed(identity: &Identity, token: &str, now: Timestamp) -> Option<String> {
    let mut headers = HeaderMap::new();
    let name = if identity.is_by_tls() { "__Host-millchat" } else { "millchat" };
    headers.insert(header::COOKIE, format!("{name}={token}").parse().unwrap());
    let cookie = identity.renewed_at(&headers, now)?;
    Some(cookie.to_str().unwrap().split([';', '=']).nth(1).unwrap().to_owned())
}

#[tokio::test]
async fn a_cookie_is_renewed_when_its_token_is_some_days_old() {
    for by_tls in [false, true] {
        let identity = identity_by_tls(by_tls);
        let now = Timestamp::now().0;
        let at = |millis: u64| Timestamp(now + millis);
        let guest = Identity::new_guest("Ada");
        let token = identity.sign(&guest);
        assert_eq!(renewed(&identity, &token, at(0)), None);
        assert_eq!(renewed(&identity, &token, at(7 * DAY - 60_000)), None);
        let new = renewed(&identity, &token, at(7 * DAY + 60_000)).unwrap();
        let (old, renewed_claims) = (claims(&token), claims(&new));
        assert_eq!((&old["sid"], &old["auth"]), (&renewed_claims["sid"], &renewed_claims["auth"]));
        assert_eq!(author(identity.verify(&new)), Ok(guest.author));
        assert_eq!(renewed(&identity, &token, at(YEAR + 60_000)), None, "it is void");
        // Over and over, by somebody who comes each 300 days.
        let mut token = token;
        for times in 1..=4 {
            token = renewed(&identity, &token, at(times * 300 * DAY)).unwrap();
        }
        let user = identity.sign(&signed_in(&identity));
        assert_eq!(renewed(&identity, &user, at(DAY - 60_000)), None);
        let mut user = renewed(&identity, &user, at(DAY + 60_000)).unwrap();
        // 30 days without a visit end a session, and so do 90 days after the sign-in.
        assert_eq!(identity.verify_at(&user, at(31 * DAY + 120_000)), Err(TokenError::OLD));
        for visit in 1..=4 {
            user = renewed(&identity, &user, at(visit * 20 * DAY)).unwrap();
        }
        assert!(identity.verify_at(&user, at(90 * DAY - 60_000)).is_ok());
        assert_eq!(identity.verify_at(&user, at(90 * DAY + 60_000)), Err(TokenError::OLD));
    }
}

#[tokio::test]
async fn a_rotation_signs_with_a_new_key_and_retires_the_older_ones() {
    let identity = identity();
    let guest = Identity::new_guest("Ada");
    let first = identity.sign(&guest);
    let day = Duration::from_hours(24);
    let rotated = identity.rotate(Retire::After(day), &operator()).await.unwrap();
    assert_eq!(rotated.key, 2);
    assert!(rotated.older_void_from.0.abs_diff(later(DAY).0) < 60_000);
    let second = renewed(&identity, &first, Timestamp::now()).expect("a token of an old key is renewed");
    assert_eq!(claims(&second)["k"], 2);
    let person = identity.verify(&first).unwrap();
    let end = rotated.older_void_from;
    assert!(identity.verify_at(&first, Timestamp(end.0 - 1)).is_ok());
    assert!(matches!(identity.verify_at(&first, end), Err(TokenError::Revoked(_))));
    assert!(person.is_in_force(&identity, Timestamp(end.0 - 1)) && !person.is_in_force(&identity, end));
    assert!(identity.verify_at(&second, Timestamp(end.0 + 1)).is_ok());
    // A later rotation may retire it sooner, and not later.
    identity.rotate(Retire::After(30 * day), &operator()).await.unwrap();
    assert!(matches!(identity.verify_at(&first, end), Err(TokenError::Revoked(_))));
    identity.rotate(Retire::After(Duration::from_hours(1)), &operator()).await.unwrap();
    assert!(matches!(identity.verify_at(&first, later(DAY / 2)), Err(TokenError::Revoked(_))));
    // There are four keys, and the next one must wait or retire them all.
    let full = identity.rotate(Retire::After(day), &operator()).await.unwrap_err();
    assert!(full.to_string().contains("4 keys") && full.to_string().contains("now"), "{full}");
    let third = identity.sign(&guest);
    assert_eq!(identity.rotate(Retire::Now, &operator()).await.unwrap().key, 5);
    for token in [&first, &second, &third] {
        assert!(matches!(identity.verify(token), Err(TokenError::Revoked(_))));
    }
    assert_eq!(author(identity.verify(&identity.sign(&guest))), Ok(guest.author));
    assert_eq!(identity.kept_keys(), [".key/5"], "no copy of the log has a key that is void");
}

#[tokio::test]
async fn two_rotations_at_once_make_two_keys() {
    let identity = identity();
    let (by, retire) = (operator(), Retire::default());
    let (one, other) = tokio::join!(identity.rotate(retire, &by), identity.rotate(retire, &by));
    let mut keys = [one.unwrap().key, other.unwrap().key];
    keys.sort_unstable();
    assert_eq!(keys, [2, 3]);
}

#[tokio::test]
async fn a_session_that_is_signed_out_is_void_renewed_or_not_and_others_are_not() {
    let identity = identity();
    let (here, there) = (signed_in(&identity), signed_in(&identity));
    let token = identity.sign(&here);
    let other = renewed(&identity, &token, later(2 * DAY)).unwrap();
    identity.sign_out(&here, false).await.unwrap();
    for token in [&token, &other] {
        assert!(matches!(identity.verify(token), Err(TokenError::Revoked(_))));
    }
    assert!(!here.is_in_force(&identity, Timestamp::now()));
    assert_eq!(renewed(&identity, &token, later(2 * DAY)), None);
    assert!(there.is_in_force(&identity, Timestamp::now()));
    let token = identity.sign(&there);
    assert!(identity.verify(&token).is_ok());
    identity.sign_out(&there, true).await.unwrap();
    assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))));
    assert_eq!(identity.counts().revocations, 2);
}

#[tokio::test]
async fn a_session_that_began_by_a_clock_that_was_set_back_ends_and_the_next_one_is_good() {
    let identity = identity();
    let sign_in = async || {
        let new = NewUser { login: "corp".into(), sub: "1".into(), name: "Ada".into(), groups: Vec::new() };
        identity.begin_user(&HeaderMap::new(), new).await.unwrap().0
    };
    let mut ahead = sign_in().await;
    ahead.session.as_mut().unwrap().auth = later(DAY);
    let token = identity.sign(&ahead);
    assert!(identity.verify(&token).is_ok());
    identity.sign_out(&ahead, true).await.unwrap();
    assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))));
    identity.end_sessions(&ahead.author.id, operator()).await.unwrap();
    assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))), "a later one takes nothing back");
    assert!(identity.verify(&identity.sign(&sign_in().await)).is_ok());
}

#[tokio::test]
async fn a_revocation_is_kept_as_long_as_its_session_could_last() {
    let identity = identity();
    let here = signed_in(&identity);
    identity.sign_out(&here, false).await.unwrap();
    let [(_, revoked)] = &identity.chat().values("revoked/")[..] else { panic!("there is one") };
    let auth = here.session.as_ref().unwrap().auth.0;
    assert_eq!(revoked.until, Some(Timestamp(auth + 90 * DAY)));
    // Another setting lets it last no longer than its revocation.
    let short = Lifetimes { sign_in_again: Duration::from_hours(24), ..Lifetimes::default() };
    let token = identity.sign(&signed_in(&identity));
    let identity = identity.with_lifetimes(short);
    assert!(identity.verify_at(&token, later(DAY - 60_000)).is_ok());
    assert!(matches!(identity.verify_at(&token, later(DAY)), Err(TokenError::Expired(_))));
}

#[tokio::test]
async fn one_user_who_signs_out_again_and_again_fills_a_small_part_of_the_list() {
    let identity = identity();
    let (here, other) = (identity.sign(&signed_in(&identity)), signed_in(&identity));
    let other = Author { id: "u_other".into(), ..other.author };
    let other = Person { author: other, ..signed_in(&identity) };
    for number in 0..=revocation::SESSIONS_OF_AUTHOR_MAX {
        assert!(identity.verify(&here).is_ok(), "after {number}");
        let there = signed_in(&identity);
        identity.sign_out(&there, false).await.unwrap();
        let token = identity.sign(&there);
        assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))), "{number}");
    }
    assert!(matches!(identity.verify(&here), Err(TokenError::Revoked(_))), "all of theirs have ended");
    assert!(identity.verify(&identity.sign(&other)).is_ok());
    assert_eq!(identity.counts().revocations, revocation::SESSIONS_OF_AUTHOR_MAX + 1);
}

#[tokio::test]
async fn a_session_that_an_earlier_build_has_revoked_stays_so() {
    let identity = identity();
    let here = signed_in(&identity);
    let key = format!("revoked/sid/{}", here.session.as_ref().unwrap().sid);
    let by = Some(operator());
    let value = NewValue { text: "{}".into(), until: None, by, replaces: Replaces::Any, limit: 10 };
    identity.chat().set_value(&key, value).await.unwrap();
    assert!(matches!(identity.verify(&identity.sign(&here)), Err(TokenError::Revoked(_))));
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_key_good_that_a_removed_one_had_retired() {
    let identity = identity();
    let token = identity.sign(&Identity::new_guest("Ada"));
    let first = identity.rotate(Retire::After(Duration::ZERO), &operator()).await.unwrap().older_void_from;
    while Timestamp::now() <= first {
        tokio::task::yield_now().await;
    }
    identity.rotate(Retire::After(Duration::ZERO), &operator()).await.unwrap();
    assert_eq!(identity.kept_keys(), [".key/3"]);
    assert!(identity.verify_at(&token, Timestamp(first.0 - 1)).is_ok());
    assert!(matches!(identity.verify_at(&token, first), Err(TokenError::Revoked(_))));
}

#[tokio::test]
async fn a_guest_who_signs_out_fills_no_list_and_the_operator_ends_their_sessions() {
    let identity = identity();
    let guest = Identity::new_guest("Ada");
    let token = identity.sign(&guest);
    for everywhere in [false, true] {
        identity.sign_out(&identity.verify(&token).unwrap(), everywhere).await.unwrap();
    }
    assert_eq!(identity.counts().revocations, 0);
    identity.end_sessions(&guest.author.id, operator()).await.unwrap();
    assert!(matches!(identity.verify(&token), Err(TokenError::Revoked(_))));
    // What was signed later, for the same session, is as void as it.
    assert!(matches!(identity.verify(&identity.sign(&guest)), Err(TokenError::Revoked(_))));
    let old = old_token(&identity, &guest.author, later(YEAR).0 / 1_000 - 1);
    assert!(matches!(identity.verify(&old), Err(TokenError::Revoked(_))));
    // Somebody else is not concerned, nor is a session that begins later.
    assert!(identity.verify(&identity.sign(&Identity::new_guest("Ada"))).is_ok());
    let mut again = guest.clone();
    again.session.as_mut().unwrap().auth = later(1);
    assert!(identity.verify(&identity.sign(&again)).is_ok());
}

#[tokio::test]
async fn a_token_is_found_beside_what_is_foreign() {
    let identity = identity();
    let ada = Identity::new_guest("Ada");
    let token = identity.sign(&ada);
    let ada = ada.author;
    for (lines, expected) in [
        (&["Bearer TOKEN"][..], Ok(&ada)),
        (&["bearer   TOKEN "], Ok(&ada)),
        (&["BEARER\tTOKEN"], Ok(&ada)),
        (&["Basic Z\u{fc}rich", "Bearer TOKEN"], Ok(&ada)),
        (&["Bearer f\u{fc}r", "Bearer TOKEN"], Ok(&ada)),
        (&["Bearer TOKEN", "Bearer x"], Ok(&ada)),
        (&["Bearer TOKEN\u{fc}"], Err(TokenError::FOREIGN)),
        (&["Basic TOKEN"], Err(TokenError::Missing)),
        (&["BearerTOKEN"], Err(TokenError::Missing)),
        (&["Bearer"], Err(TokenError::Missing)),
        (&["\u{fc}"], Err(TokenError::Missing)),
        (&[], Err(TokenError::Missing)),
    ] {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = line.replace("TOKEN", &token);
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        assert_eq!(author(identity.bearer(&headers)), expected.cloned(), "{lines:?}");
    }
}

#[tokio::test]
async fn of_many_credentials_in_one_request_a_few_are_looked_at() {
    let identity = identity();
    let token = identity.sign(&Identity::new_guest("Ada"));
    for (planted, is_found) in [(0, true), (1, true), (2, false), (160, false)] {
        let mut headers = HeaderMap::new();
        for _ in 0..planted {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
        }
        headers.append(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        assert_eq!(identity.bearer(&headers).is_ok(), is_found, "behind {planted}");
    }
    for (planted, is_found) in [(0, true), (7, true), (8, false), (1_000, false)] {
        let line = format!("{}millchat={token}", "millchat=planted; ".repeat(planted));
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, line.parse().unwrap());
        assert_eq!(identity.visitor(&headers).is_some(), is_found, "behind {planted}");
        assert_eq!(identity.before(&headers, Timestamp::now()).is_some(), is_found, "behind {planted}");
    }
}

#[tokio::test]
async fn who_has_a_token_of_a_retired_key_is_nobody_that_a_user_was() {
    let identity = identity();
    let token = identity.sign(&Identity::new_guest("Ada"));
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, format!("millchat={token}").parse().unwrap());
    let rotated = identity.rotate(Retire::After(Duration::from_hours(1)), &operator()).await.unwrap();
    let end = rotated.older_void_from;
    assert!(identity.before(&headers, Timestamp(end.0 - 1)).is_some());
    assert_eq!(identity.before(&headers, end), None);
}

#[tokio::test]
async fn a_cookie_that_is_renewed_while_its_key_is_retired_is_as_void() {
    let identity = identity();
    let token = identity.sign(&Identity::new_guest("Ada"));
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, format!("millchat={token}").parse().unwrap());
    let before = identity.derived();
    identity.rotate(Retire::Now, &operator()).await.unwrap();
    let renewed = identity.renewed_by(&before, &headers, later(8 * DAY)).unwrap();
    let renewed = renewed.to_str().unwrap().split([';', '=']).nth(1).unwrap();
    assert!(matches!(identity.verify(renewed), Err(TokenError::Revoked(_))));
}

#[tokio::test]
async fn a_planted_cookie_does_not_hide_the_genuine_one() {
    let (identity, other) = (identity(), identity());
    let ada = Identity::new_guest("Ada");
    let token = identity.sign(&ada);
    let stranger = other.sign(&Identity::new_guest("Mallory"));
    for line in [
        format!("millchat={token}"),
        format!("millchat=planted; millchat={stranger}; millchat={token}; millchat="),
        format!("city=Z\u{fc}rich; millchat={token}"),
        format!("millchat=\u{fc}; \u{1f36a}=x;;=; millchat={token};b\u{e4}r"),
    ] {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark"));
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"latin1=\xfc; x").unwrap());
        headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        let visitor = identity.visitor(&headers).map(|person| person.author);
        assert_eq!(visitor.as_ref(), Some(&ada.author), "{line}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, format!("millchat={stranger}").parse().unwrap());
    assert_eq!(identity.visitor(&headers), None);
}
