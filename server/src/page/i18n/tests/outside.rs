//! No word is outside the catalogues: every screen and every frame is rendered in a language whose messages
//! are all in brackets, with people, rooms and texts that have no letters; then no letter is left outside of
//! brackets.

use std::collections::BTreeMap;

use html5gum::{Token, Tokenizer};
use hyper::StatusCode;
use millchat::{
    AnswerState, Author, AuthorKind, Encoder as _, Epoch, Event, EventId, HistoryPage, Item, Message, Opened,
    Opening, Presence, Query, QueryError, Reaction, ReadError, ResetReason, RoomName, SearchPage, SendError,
    Signal, Timestamp, UnfinishedAnswer, UnknownReaction, Value,
};

use super::super::catalogue::Language;
use super::super::expand::Text;
use super::super::message::{LocalizedMessage, Localizer};
use super::{language, places};
use crate::access::deeds::Member;
use crate::access::flags::Flag;
use crate::access::invitations::Invitation;
use crate::access::role::Role;
use crate::body::BodyError;
use crate::cross_site::CrossSite;
use crate::http::{Body, Malformed, Response};
use crate::identity::{Person, Via};
use crate::page::auth;
use crate::page::demo;
use crate::page::error::{self, Localize};
use crate::page::frame::{self, SseFormat, tests::elements_of, tests::read};
use crate::page::look::Look;
use crate::page::moderation_view::Flagged;
use crate::page::quote::QuotedMessages;
use crate::page::{composer, invitation, moderation_view, room_view, rows, search};
use crate::room_address::RoomAddress;
use crate::sanitize::TextError;
use crate::sign_in::Target;
use crate::sse::stream::SseFormat as _;

/// Words that are names, or the same in every language.
const NAMES: [&str; 2] = ["Millchat", "UTC"];
/// Attributes that people read or hear.
const SAID: [&str; 7] =
    ["aria-label", "aria-description", "aria-roledescription", "title", "placeholder", "alt", "label"];

fn bracketed() -> &'static Language {
    let bracket = |text: String| format!("⟦{text}⟧");
    let texts = language("en").texts.clone().into_iter().map(|(id, text)| {
        let text = match text {
            // An attribute that no person reads.
            text if id == "language-direction" => text,
            Text::Plain(text) => Text::Plain(bracket(text)),
            Text::Plural(texts) => {
                Text::Plural(texts.into_iter().map(|(k, text)| (k, bracket(text))).collect())
            }
        };
        (id, text)
    });
    Box::leak(Box::new(Language::new("en", texts.collect())))
}

/// The letters of what people read in this markup, outside of brackets.
fn outside(html: &str) -> Vec<String> {
    let mut text = String::new();
    let mut said = Vec::new();
    let mut of_language = false;
    for token in Tokenizer::new(html) {
        match token.unwrap() {
            Token::StartTag(tag) => {
                text.push(' ');
                // The list of languages has their own names.
                of_language =
                    tag.name.as_slice() == b"button" && tag.attributes.contains_key(b"lang".as_slice());
                for name in SAID {
                    let value = tag.attributes.get(name.as_bytes());
                    said.extend(value.map(|value| String::from_utf8_lossy(value).into_owned()));
                }
            }
            Token::String(piece) if !of_language => text.push_str(&String::from_utf8_lossy(&piece)),
            _ => {}
        }
    }
    said.push(text);
    said.iter().flat_map(|said| lettered(said)).collect()
}

fn lettered(said: &str) -> Vec<String> {
    let mut depth = 0;
    let mut left = String::new();
    for c in said.chars() {
        match c {
            '⟦' => depth += 1,
            '⟧' => depth -= 1,
            c if depth == 0 => left.push(c),
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{said}");
    let words =
        left.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty() && !NAMES.contains(word));
    words.map(str::to_owned).collect()
}

fn somebody() -> Author {
    Author { id: "0000".into(), name: "42".into(), kind: AuthorKind::Bot }
}

fn message(position: u64, content: Option<&str>) -> Message {
    Message {
        position,
        prev: position - 1,
        room: RoomName::new("---").unwrap(),
        author: Some(somebody()),
        content: content.map(Into::into),
        created_at: Timestamp(0),
        edited_at: content.map(|_| Timestamp(1)),
        deleted_by: content.is_none().then(|| Author { id: "1111".into(), ..somebody() }),
        reply_to: (position > 1).then_some(position - 1),
        reactions: Vec::new(),
    }
}

fn crowd(count: usize) -> Presence {
    Presence { count, authors: vec![somebody(); count.min(50)] }
}

fn text_of(response: &Response) -> String {
    let Body::Full(Some(bytes)) = response.body() else { panic!("a page") };
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every screen of a room: nobody there, a visitor, a writer, closed, cut by retention.
fn rooms(language: &'static Language) -> Vec<String> {
    let name = RoomName::new("---").unwrap();
    let me = somebody();
    let kinds =
        [message(1, Some("1")), message(2, None), message(3, Some("3")), message(4, None), message(5, None)];
    let mut screens = Vec::new();
    for (messages, me, closed, older) in [
        (Vec::new(), None, false, None),
        (kinds.to_vec(), Some(&me), false, None),
        (kinds[1..].to_vec(), Some(&me), true, None),
        (kinds.to_vec(), None, true, Some(1)),
    ] {
        let history = HistoryPage { messages, floor: 1, head: 9, older, newer: None };
        let place = EventId { epoch: Epoch(1), position: 9 };
        for count in [0, 1, 50] {
            let presence = crowd(count);
            let (room, history, presence) = (&name, &history, &presence);
            let quoted = &QuotedMessages::default();
            let look = Look::default();
            let mut view = room_view::View {
                language,
                room,
                look: None,
                reader: composer::Reader { me, was: &[], has_logins: true, is_signed_in: true },
                history,
                quoted,
                place,
                presence,
                bots: &[somebody()],
                closed,
                role: Some(Role::Moderator),
                title: None,
                origin: None,
                is_open: true,
                may_open_private: me.is_some(),
            };
            screens.push(room_view::document(&view, false));
            view.look = Some(&look);
            screens.push(room_view::document(&view, false));
        }
    }
    screens
}

/// Every page of a search: not begun, refused, with nothing found, and with something.
fn searches(language: &'static Language) -> Vec<String> {
    let room = RoomName::new("---").unwrap();
    let at = RoomAddress::page(&room);
    let query = Query::parse("1").unwrap();
    let page =
        |messages: &[Message], older| SearchPage { messages: messages.to_vec(), floor: 1, head: 9, older };
    let pages = [page(&[], None), page(&[], Some(3)), page(&[message(1, Some("1"))], Some(1))];
    let refused = QueryError::Empty;
    let shown = pages.iter().map(|page| Some(Ok((&query, page))));
    let shown = shown.chain([None, Some(Err(&refused as &dyn Localize))]);
    let document = |shown| search::document(&search::View { language, at, title: None, typed: "1", shown });
    shown.map(document).collect()
}

/// The page of moderation, empty and full, and the form for an invitation.
fn moderations(language: &'static Language) -> Vec<String> {
    let room = &RoomName::new("---").unwrap();
    let kept = |text: &str, until| Value {
        text: text.into(),
        position: 1,
        set_at: Timestamp(0),
        until,
        by: Some(somebody()),
    };
    let (value, id) = (kept("1", Some(Timestamp(1))), std::sync::Arc::<str>::from("0000"));
    let mut screens = vec![invitation::form(language, room, None).into_string()];
    screens.push(invitation::form(language, room, Some(&somebody())).into_string());
    for is_full in [false, true] {
        let flags = [Flag { position: 1, value: kept("1", None) }];
        let flagged = Flagged::of(message(1, Some("1")), &flags).unwrap();
        let members =
            Role::GIVEN.map(|role| Member { author_id: id.clone(), name: None, role, value: value.clone() });
        let invited = |uses| Invitation { id: id.clone(), role: Role::Writer, uses, value: value.clone() };
        screens.push(moderation_view::document(&moderation_view::View {
            language,
            room,
            title: None,
            role: Some(Role::Owner),
            closed: is_full,
            flagged: if is_full { vec![flagged] } else { Vec::new() },
            bans: if is_full {
                vec![(id.clone(), value.clone()), (id.clone(), kept("", None))]
            } else {
                Vec::new()
            },
            members: if is_full { members.into() } else { Vec::new() },
            invitations: if is_full { vec![invited(1), invited(2)] } else { Vec::new() },
            made: is_full.then(|| moderation_view::made(language, "")),
        }));
    }
    screens
}

/// The pages of signing in, as a stranger, a guest and a user see them.
fn sign_in_screens() -> Vec<String> {
    let language = bracketed();
    let target = Target::of(Some("/---"));
    let guest = Person::new(somebody(), Via::Guest, None);
    let user = Author { kind: AuthorKind::User, ..somebody() };
    let user = Person::new(user, Via::Login("1".into()), Some(Timestamp(0)));
    let mut screens = Vec::new();
    for me in [None, Some(&guest), Some(&user)] {
        let choice = auth::screens::Choice { me, logins: &[("1", "---")], target: &target };
        screens.push(auth::screens::choice(language, &choice).into_string());
        let asking = auth::screens::Asking { number: "1".into(), room: RoomName::new("1").unwrap() };
        for asking in [None, Some(&asking)] {
            let name = me.map(|me| &*me.author.name);
            screens.push(auth::screens::done(language, name, asking).into_string());
        }
    }
    screens.push(auth::screens::leaving(language, "/---"));
    for failed in auth::screens::Failed::ALL {
        let page = auth::screens::failure(language, failed, Some(("1", &target)));
        screens.push(text_of(&page));
    }
    screens
}

/// Every error that people can meet.
fn refusals() -> Vec<LocalizedMessage> {
    let send = [
        SendError::QueueFull { sends: 1, bytes: 1 },
        SendError::TooLarge { bytes: 1 },
        SendError::NoText,
        SendError::InvalidKey { bytes: 1 },
        SendError::InvalidAuthor("id"),
        SendError::RoomClosed,
        SendError::Banned,
        SendError::TooMany("bans"),
        SendError::KeyReused,
        SendError::UnknownTarget(1),
        SendError::TargetDeleted(1),
        SendError::TooManyEdits(1),
        SendError::NotAuthor(1),
        SendError::TooManyReactions(1),
        SendError::DiskFull { free: 1, needed: 2 },
        SendError::Unavailable("x".into()),
        SendError::Unknown("x".into()),
    ];
    let text = [
        TextError::NameInvisible,
        TextError::NameTooLong { graphemes: 41, bytes: 41 },
        TextError::NameLikeTag,
        TextError::ContentInvisible,
        TextError::ContentTooLong { bytes: 65_537 },
    ];
    let body = [BodyError::TooLarge { limit: 1 }, BodyError::Slow, BodyError::Broken, BodyError::Busy];
    let query =
        [QueryError::Empty, QueryError::TooLong { bytes: 513 }, QueryError::TooManyTerms { terms: 33 }];
    let read = [ReadError::Busy, ReadError::Failed, ReadError::NotCurrent, ReadError::Closed];
    let all = send
        .iter()
        .map(Localize::localize)
        .chain(text.iter().map(Localize::localize))
        .chain(body.iter().map(Localize::localize))
        .chain(query.iter().map(Localize::localize));
    let all = all.chain(read.iter().map(Localize::localize)).chain([
        Malformed::Host.localize(),
        CrossSite::Other.localize(),
        CrossSite::Hidden.localize(),
        CrossSite::NotHost { origin: "1".into(), host: "2".into() }.localize(),
        CrossSite::NotPublic { origin: "1".into(), public: "2".into() }.localize(),
        UnknownReaction.localize(),
    ]);
    all.chain(
        ["no-page", "no-file", "no-name", "name-of-account", "wrong-type", "wrong-message"]
            .map(LocalizedMessage::of),
    )
    .collect()
}

#[test]
fn no_word_of_a_screen_stands_outside_the_catalogues() {
    let language = bracketed();
    for screen in rooms(language) {
        assert_eq!(outside(&screen), Vec::<String>::new(), "{screen}");
        assert!(screen.matches('⟦').count() > 30, "there is something to find");
    }
    for screen in searches(language) {
        assert_eq!(outside(&screen), Vec::<String>::new(), "{screen}");
    }
    for screen in moderations(language) {
        assert_eq!(outside(&screen), Vec::<String>::new(), "{screen}");
    }
    // The line to put into a page is code.
    let demo = demo::page(language, None, "-").into_string();
    let (before, line) = demo.split_once("<code>").unwrap();
    let (_, behind) = line.split_once("</code>").unwrap();
    assert_eq!(outside(&format!("{before}{behind}")), Vec::<String>::new(), "{demo}");
    for screen in sign_in_screens() {
        assert_eq!(outside(&screen), Vec::<String>::new(), "{screen}");
    }
    for why in refusals() {
        for status in [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::SERVICE_UNAVAILABLE] {
            for screen in [
                error::page(language, status, &why),
                error::missing(language, &why, &[RoomName::new("-").unwrap()]),
                error::shown(language, Some(&Look::default()), error::page(language, status, &why)),
            ] {
                let screen = text_of(&screen);
                assert_eq!(outside(&screen), Vec::<String>::new(), "{screen}");
            }
        }
        let refused = composer::Refused { typed: "1", why: &why };
        let author = somebody();
        let reader = composer::Reader { me: Some(&author), has_logins: true, was: &[], is_signed_in: true };
        let room = RoomName::new("---").unwrap();
        let at = RoomAddress::page(&room);
        let foot = composer::composer(language, at, reader, Some(refused)).into_string();
        assert_eq!(outside(&foot), Vec::<String>::new(), "{foot}");
    }
    let hole = rows::hole(Localizer::For(language), (1, 2)).into_string();
    assert_eq!(outside(&hole), Vec::<String>::new());
}

/// Every frame of the stream.
fn frames() -> Vec<Vec<u8>> {
    let of_event = |author: Option<Author>, body| Event {
        position: 7,
        prev: 5,
        room: RoomName::new("---").unwrap(),
        author,
        created_at: Timestamp(0),
        body,
    };
    let mut events = Vec::new();
    for author in [Some(somebody()), None] {
        for body in [
            millchat::Body::Message { content: Some("1".into()), reply_to: Some(3) },
            millchat::Body::Message { content: None, reply_to: None },
            millchat::Body::Edit { target: 3, content: Some("1".into()) },
            millchat::Body::Delete { target: 3 },
            millchat::Body::Reaction { target: 3, reaction: Reaction::Heart, on: true, count: 2 },
            millchat::Body::Reaction { target: 3, reaction: Reaction::Heart, on: false, count: 0 },
            millchat::Body::Close,
            millchat::Body::Open,
            millchat::Body::Purge,
        ] {
            events.push(of_event(author.clone(), body));
        }
    }
    let mut all = Vec::new();
    let mut framed = |item: Item<'_>| {
        let mut out = Vec::new();
        frame::encoder().encode(Epoch(1), item, &mut out);
        all.push(out);
    };
    for event in &events {
        framed(Item::Event(event));
    }
    for count in [0, 1, 50] {
        framed(Item::Signal(&Signal::Presence(crowd(count))));
    }
    framed(Item::Signal(&Signal::Typing(vec![somebody()])));
    let reasons = ["absent", "busy", "limit", "model", "late", "broke", "empty", "spent"];
    let failed = reasons.map(|reason| AnswerState::Failed(reason.into()));
    for state in [AnswerState::Waiting, AnswerState::Thinking, AnswerState::Writing].into_iter().chain(failed)
    {
        let answer = UnfinishedAnswer::new(somebody(), 3, state).with_text("1");
        framed(Item::Signal(&Signal::Answers(vec![answer])));
    }
    let place = EventId { epoch: Epoch(1), position: 41 };
    for opening in [Opening::Start, Opening::Gap { from: 3, to: 41 }, Opening::Reset(ResetReason::Epoch)] {
        let mut out = Vec::new();
        SseFormat.opening(&Opened { opening, id: place, head: 50, floor: 42, is_closed: true }, &mut out);
        all.push(out);
    }
    all
}

#[test]
fn a_frame_holds_no_language_and_names_messages_that_there_are() {
    let mut named = 0;
    for bytes in frames() {
        for patch in read(&bytes) {
            let html = elements_of(&patch);
            assert_eq!(outside(&html), Vec::<String>::new(), "{html}");
            for token in Tokenizer::new(&html) {
                let Token::StartTag(tag) = token.unwrap() else { continue };
                let Some(id) = tag.attributes.get(b"data-l10n".as_slice()) else { continue };
                let id = String::from_utf8_lossy(id);
                let text =
                    language("en").texts.get(&*id).unwrap_or_else(|| panic!("{id} is in no catalogue"));
                let args = tag.attributes.get(b"data-l10n-args".as_slice());
                let args = args.map_or("{}".into(), |args| String::from_utf8_lossy(args));
                let args: BTreeMap<String, serde_json::Value> = serde_json::from_str(&args).unwrap();
                assert!(places(text).into_iter().all(|place| args.contains_key(place)), "{id} with {args:?}");
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named} messages");
}

#[test]
fn a_word_in_a_template_or_an_attribute_would_be_seen() {
    assert_eq!(outside("<p>⟦said⟧ <b title=\"here\">and</b> 7</p>"), ["here", "and"]);
    assert_eq!(outside("<button lang=de>Deutsch</button><i>Millchat 09:30 UTC</i>"), Vec::<String>::new());
}
