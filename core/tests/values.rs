//! Kept values through the public face: set, replaced, removed, expired; counted, bounded, and kept.

mod support;

use std::path::Path;

use millchat::log::{Log, LogSnapshot, Piece};
use millchat::{
    Author, Chat, Draft, NewValue, Replaces, SendError, StartFrom, Timestamp, VALUE_TEXT_BYTES_MAX,
    VALUES_BYTES_MAX, VALUES_BYTES_RESERVED,
};
use parking_lot::Mutex;
use support::people::{author, event, opening};
use support::{Meddled, Parking, ada, room, until};

const HOUR_MS: i64 = 60 * 60 * 1_000;

fn open(path: &Path) -> Chat {
    Chat::open(path.to_str().unwrap()).unwrap()
}

fn new(text: &str) -> NewValue {
    NewValue { text: text.into(), until: None, by: None, replaces: Replaces::Any, limit: usize::MAX }
}

fn absent(text: &str) -> NewValue {
    NewValue { replaces: Replaces::Absent, ..new(text) }
}

/// A value that expires after a time, or has expired for so long.
fn expiring(text: &str, after_ms: i64) -> NewValue {
    let until = Timestamp::now().0.checked_add_signed(after_ms).map(Timestamp);
    NewValue { until, ..new(text) }
}

fn text(chat: &Chat, key: &str) -> Option<String> {
    chat.value(key).map(|value| value.text.to_string())
}

fn keys(chat: &Chat, prefix: &str) -> Vec<String> {
    chat.values(prefix).into_iter().map(|(key, _)| key.to_string()).collect()
}

/// The texts of a log's records, values among them.
fn texts(log: &dyn Log) -> Vec<Option<String>> {
    let records = log.scan(0).unwrap().into_iter();
    records.map(|record| record.value.and_then(|value| value.text).map(|text| text.to_string())).collect()
}

#[tokio::test]
async fn a_value_is_there_until_it_is_replaced_or_removed_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut chat = open(&path);
    let by = Some(author("mod"));
    let set = chat.set_value("role/lobby/ada", NewValue { by: by.clone(), ..new("writer") }).await.unwrap();
    assert_eq!((set.position, set.prev), (1, 0));
    for _ in 0..2 {
        let value = chat.value("role/lobby/ada").unwrap();
        assert_eq!((&*value.text, value.position, value.set_at), ("writer", 1, set.created_at));
        assert_eq!((value.until, &value.by), (None, &by));
        assert_eq!(chat.values_version(), 1);
        chat.close().await.unwrap();
        drop(chat);
        chat = open(&path);
    }
    chat.set_value("role/lobby/ada", new("moderator")).await.unwrap();
    chat.set_value("role/lobby/bob", new("reader")).await.unwrap();
    assert_eq!(text(&chat, "role/lobby/ada").as_deref(), Some("moderator"));
    chat.remove_value("role/lobby/ada", Some(ada())).await.unwrap();
    for _ in 0..2 {
        assert_eq!((text(&chat, "role/lobby/ada"), keys(&chat, "")), (None, vec!["role/lobby/bob".into()]));
        assert_eq!(chat.head(), 4);
        chat.close().await.unwrap();
        drop(chat);
        chat = open(&path);
    }
    let gone = chat.remove_value("role/lobby/ada", None).await.unwrap_err();
    assert!(matches!(gone, SendError::UnknownValue), "{gone}");
    assert_eq!(chat.head(), 4, "there was nothing to remove");
}

#[tokio::test]
async fn values_are_listed_by_prefix_in_the_order_of_their_keys_and_by_pages() {
    let chat = Chat::open("memory:").unwrap();
    for key in ["role/b/2", "role/a/1", "role/a/2", "roles/a/1", "ban/a/1", "role/a/3"] {
        chat.set_value(key, new(key)).await.unwrap();
    }
    chat.set_value("role/a/25", expiring("gone", -1)).await.unwrap();
    assert_eq!(keys(&chat, "role/a/"), ["role/a/1", "role/a/2", "role/a/3"]);
    assert_eq!(keys(&chat, "role/"), ["role/a/1", "role/a/2", "role/a/3", "role/b/2"]);
    assert_eq!((keys(&chat, "").len(), keys(&chat, "x").len()), (6, 0));
    let page = |after: Option<&str>, count| {
        let page = chat.values_from("role/", after, count);
        page.into_iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), ["role/a/1", "role/a/2"]);
    assert_eq!(page(Some("role/a/2"), 2), ["role/a/3", "role/b/2"]);
    assert_eq!(page(Some("role/b/2"), 2), Vec::<String>::new());
    // A place outside the prefix leaves nothing out that has it.
    assert_eq!((page(Some("ban/a/1"), 1), page(Some("x"), 1)), (vec!["role/a/1".into()], vec![]));
}

#[tokio::test]
async fn the_values_of_a_kind_are_counted() {
    let chat = Chat::open("memory:").unwrap();
    for key in ["role/b/2", "role/a/1", "role/a/1", "roles/a/1", "ban/a"] {
        chat.set_value(key, new(key)).await.unwrap();
    }
    let counts = || ["role", "roles", "ban", "role/a", "", "x"].map(|kind| chat.values_count(kind));
    assert_eq!(counts(), [2, 1, 1, 0, 0, 0]);
    chat.remove_value("ban/a", None).await.unwrap();
    assert_eq!(counts(), [2, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_and_stores_nothing() {
    let chat = Chat::open("memory:").unwrap();
    for key in ["", "no-kind", "/x", "kind/", "kind/\u{e9}", "kind/a b", &format!("k/{}", "x".repeat(255))] {
        let errors = [
            chat.set_value(key, new("x")).await.unwrap_err(),
            chat.remove_value(key, None).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, SendError::InvalidValue("key")), "{key}: {error}");
        }
    }
    let long = chat.set_value("k/x", new(&"x".repeat(VALUE_TEXT_BYTES_MAX + 1))).await.unwrap_err();
    assert!(matches!(long, SendError::InvalidValue("text")), "{long}");
    let nobody = Some(Author { id: "".into(), ..ada() });
    let unnamed = chat.set_value("k/x", NewValue { by: nobody, ..new("x") }).await.unwrap_err();
    assert!(matches!(unnamed, SendError::InvalidAuthor("id")), "{unnamed}");
    assert_eq!((chat.head(), chat.values_version()), (0, 0));
    chat.set_value("k/x", new(&"x".repeat(VALUE_TEXT_BYTES_MAX))).await.unwrap();
    chat.set_value(&format!("k/{}", "x".repeat(254)), new("")).await.unwrap();
}

#[tokio::test]
async fn a_value_replaces_only_what_it_may_replace() {
    let chat = Chat::open("memory:").unwrap();
    let at = |position| NewValue { replaces: Replaces::Position(position), ..new("x") };
    let refuses = async |value: NewValue| {
        let head = chat.head();
        let error = chat.set_value("k/x", value).await.unwrap_err();
        assert!(matches!(error, SendError::ValueChanged) && chat.head() == head, "{error}");
    };
    refuses(at(0)).await;
    let first = chat.set_value("k/x", absent("first")).await.unwrap();
    refuses(absent("second")).await;
    refuses(at(first.position + 1)).await;
    let second = chat.set_value("k/x", at(first.position)).await.unwrap();
    refuses(at(first.position)).await;
    chat.remove_value("k/x", None).await.unwrap();
    refuses(at(second.position)).await;
    chat.set_value("k/x", NewValue { until: Some(Timestamp(1)), ..absent("expired") }).await.unwrap();
    refuses(at(chat.head())).await;
    chat.set_value("k/x", absent("again")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_that_set_one_key_at_once_one_wins() {
    let chat = Chat::open("temp:").unwrap();
    let senders = (0..100).map(|n| {
        let chat = chat.clone();
        tokio::spawn(async move { (n, chat.set_value("invitation/x", absent(&n.to_string())).await) })
    });
    let mut won = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        match sender.await.unwrap() {
            (n, Ok(receipt)) => won.push((n, receipt)),
            (_, Err(error)) => assert!(matches!(error, SendError::ValueChanged), "{error}"),
        }
    }
    let [(n, receipt)] = &won[..] else { panic!("{} have won", won.len()) };
    let value = chat.value("invitation/x").unwrap();
    assert_eq!((&*value.text, value.position, chat.head()), (n.to_string().as_str(), receipt.position, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_batch_each_is_judged_by_what_came_before_it() {
    let (chat, parking) = Parking::over(millchat::log::open("memory:").unwrap());
    let first = chat.set_value("k/old", new("old")).await.unwrap();
    let one = |value: NewValue| NewValue { limit: 2, ..value };
    let answers = parking
        .in_one_batch(
            &chat,
            Box::pin(async {
                tokio::join!(
                    chat.set_value("k/x", absent("1")),
                    chat.set_value("k/x", absent("2")),
                    chat.remove_value("k/x", None),
                    chat.remove_value("k/x", None),
                    chat.set_value("k/x", absent("3")),
                    chat.set_value(
                        "k/old",
                        NewValue { replaces: Replaces::Position(first.position), ..new("4") }
                    ),
                    chat.set_value(
                        "k/old",
                        NewValue { replaces: Replaces::Position(first.position), ..new("5") }
                    ),
                    chat.set_value("l/1", one(new("6"))),
                    chat.set_value("l/2", one(new("7"))),
                    chat.set_value("l/3", one(new("8"))),
                )
            }),
        )
        .await;
    let (set, again, removed, removed_again, set_again, replaced, replaced_again, one, two, three) = answers;
    let positions = [set, removed, set_again, replaced, one, two].map(|receipt| receipt.unwrap().position);
    assert!(positions.is_sorted(), "{positions:?}");
    assert!(matches!(again, Err(SendError::ValueChanged)), "{again:?}");
    assert!(matches!(removed_again, Err(SendError::UnknownValue)), "{removed_again:?}");
    assert!(matches!(replaced_again, Err(SendError::ValueChanged)), "{replaced_again:?}");
    assert!(matches!(three, Err(SendError::TooMany(_))), "{three:?}");
    assert_eq!((text(&chat, "k/x").unwrap(), text(&chat, "k/old").unwrap()), ("3".into(), "4".into()));
}

#[tokio::test]
async fn a_kind_holds_as_many_as_it_may_and_those_that_expired_make_room() {
    let chat = Chat::open("memory:").unwrap();
    let limited = |value: NewValue| NewValue { limit: 3, ..value };
    for n in 0..3 {
        chat.set_value(&format!("k/{n}"), limited(new("x"))).await.unwrap();
    }
    let full = chat.set_value("k/more", limited(new("x"))).await.unwrap_err();
    assert!(matches!(full, SendError::TooMany("values of this kind")), "{full}");
    // Another kind has room, and what is there may be replaced.
    chat.set_value("kk/more", limited(new("x"))).await.unwrap();
    chat.set_value("k/0", limited(new("y"))).await.unwrap();
    chat.remove_value("k/1", None).await.unwrap();
    // So long ago that its row stays.
    chat.set_value("k/2", limited(expiring("z", -HOUR_MS))).await.unwrap();
    chat.set_value("k/more", limited(new("x"))).await.unwrap();
    chat.set_value("k/most", limited(new("x"))).await.unwrap();
    assert_eq!(keys(&chat, "k/"), ["k/0", "k/more", "k/most"]);
    chat.set_value("k/2", limited(absent("x"))).await.unwrap_err();
}

/// Sets large values until no more are taken. Returns how many were.
async fn fill(chat: &Chat) -> usize {
    let large = "x".repeat(VALUE_TEXT_BYTES_MAX);
    let mut stored = 0;
    for batch in (0..VALUES_BYTES_MAX / VALUE_TEXT_BYTES_MAX).collect::<Vec<_>>().chunks(512) {
        let sends = batch.iter().map(|n| {
            let (chat, large) = (chat.clone(), large.clone());
            async move { chat.set_value(&format!("k/{n}"), new(&large)).await }
        });
        for sent in futures_util::future::join_all(sends).await {
            match sent {
                Ok(_) => stored += 1,
                Err(error) => {
                    assert!(matches!(error, SendError::TooMany("bytes of kept values")), "{error}");
                    return stored;
                }
            }
        }
    }
    stored
}

#[tokio::test]
async fn a_vital_value_has_room_when_others_have_filled_the_rest() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().vital_values("revoked").open_log(log.clone()).unwrap();
    fill(&chat).await;
    let (_, bytes) = log.values().counts();
    assert!(bytes <= VALUES_BYTES_MAX - VALUES_BYTES_RESERVED, "{bytes}");
    chat.set_value("revoked/ada", new(&"x".repeat(VALUE_TEXT_BYTES_MAX))).await.unwrap();
    chat.set_value("other/ada", new(&"x".repeat(VALUE_TEXT_BYTES_MAX))).await.unwrap_err();
}

#[tokio::test]
async fn all_values_together_take_a_bounded_number_of_bytes() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let large = "x".repeat(VALUE_TEXT_BYTES_MAX);
    let (most, stored) = (VALUES_BYTES_MAX / VALUE_TEXT_BYTES_MAX, fill(&chat).await);
    let (count, bytes) = log.values().counts();
    assert!(stored > most * 9 / 10 && count >= stored, "{stored} of {most}");
    assert!(bytes <= VALUES_BYTES_MAX && bytes > VALUES_BYTES_MAX - 2 * VALUE_TEXT_BYTES_MAX, "{bytes}");
    // One that takes the place of another as large has room.
    chat.set_value("k/0", new(&large)).await.unwrap();
    chat.set_value("k/more", new(&large)).await.unwrap_err();
    chat.remove_value("k/0", None).await.unwrap();
    chat.set_value("k/more", new(&large)).await.unwrap();
}

#[tokio::test]
async fn a_value_that_expired_is_absent_at_once_and_its_row_goes_with_later_commits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    for n in 0..200 {
        chat.set_value(&format!("revoked/{n}"), expiring("x", -2)).await.unwrap();
    }
    assert_eq!((chat.value("revoked/1"), keys(&chat, "revoked/").len()), (None, 0));
    chat.set_value("revoked/still", expiring("x", 1_000_000)).await.unwrap();
    // When nobody sends, the rest goes too.
    until("only one row is left", async || log.values().counts().0 == 1).await;
    assert_eq!(log.values().counts().1, {
        let kept = chat.value("revoked/still").unwrap();
        256 + "revoked/still".len() + kept.text.len()
    });
    chat.close().await.unwrap();
    drop((chat, log));
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    assert_eq!(log.values().counts().0, 1);
    let chat = Chat::builder().open_log(log).unwrap();
    assert_eq!(keys(&chat, ""), ["revoked/still"]);
    // Its moment comes while nothing else happens.
    chat.set_value("revoked/soon", expiring("x", 300)).await.unwrap();
    assert!(chat.value("revoked/soon").is_some());
    until("it expires", async || chat.value("revoked/soon").is_none()).await;
}

#[tokio::test]
async fn what_expired_long_ago_keeps_its_row_while_the_clock_is_in_doubt() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    // As if the clock had leapt ahead by an hour.
    chat.set_value("revoked/old", expiring("x", -HOUR_MS)).await.unwrap();
    for n in 0..20 {
        chat.set_value(&format!("revoked/{n}"), expiring("x", -1)).await.unwrap();
    }
    assert_eq!((log.values().counts().0, keys(&chat, "").len()), (21, 0));
    assert_eq!((chat.value("revoked/old"), chat.value("revoked/1")), (None, None));
    let gone = chat.remove_value("revoked/old", None).await.unwrap_err();
    assert!(matches!(gone, SendError::UnknownValue), "{gone}");
}

/// Rounds in which a value is set and a message is sent.
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_seen_before_it_is_acknowledged_and_before_what_was_committed_later_is_published() {
    let chat = Chat::open("temp:").unwrap();
    let lobby = room("lobby");
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    opening(&mut reader).await;
    let seen = {
        let chat = chat.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let event = event(&mut reader).await;
                // Whoever sees the message of a round sees its value, which was sent before it.
                let (version, value) = (chat.values_version(), chat.value("k/round").unwrap());
                assert!(value.text.parse::<usize>().unwrap() >= round, "{value:?} at {round}");
                assert!(version >= event.position - 1, "{version} at {}", event.position);
            }
        })
    };
    for round in 0..ROUNDS {
        let before = chat.values_version();
        // Both are in the queue in this order; often they share a commit.
        let (kept, posted) = tokio::join!(
            chat.set_value("k/round", new(&round.to_string())),
            chat.send(&lobby, Draft::post(ada(), "x"))
        );
        let (kept, posted) = (kept.unwrap(), posted.unwrap());
        assert_eq!(kept.position + 1, posted.position);
        assert!(chat.values_version() == kept.position && kept.position > before);
    }
    seen.await.unwrap();
}

#[tokio::test]
async fn a_value_of_a_quiet_kind_leaves_the_version_as_it_is() {
    let chat = Chat::builder().quiet_values("flag").open("memory:").unwrap();
    let role = chat.set_value("role/a", new("reader")).await.unwrap();
    let flag = chat.set_value("flag/a", new("spam")).await.unwrap();
    assert!(flag.position > role.position && chat.values_version() == role.position);
    chat.remove_value("flag/a", None).await.unwrap();
    assert_eq!(chat.values_version(), role.position);
    // A kind whose name only begins so is none of them.
    let flags = chat.set_value("flags/a", new("x")).await.unwrap();
    assert_eq!(chat.values_version(), flags.position);
}

#[tokio::test]
async fn a_value_outlives_its_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let set = chat.set_value(".key/1", new("a secret")).await.unwrap();
    chat.send(&room("lobby"), Draft::post(ada(), "x")).await.unwrap();
    // As retention does it when nobody sends.
    log.commit(&[], 3).unwrap();
    assert!(log.record(set.position).unwrap().is_none());
    chat.close().await.unwrap();
    drop((chat, log));
    let chat = open(&path);
    let value = chat.value(".key/1").unwrap();
    assert_eq!((&*value.text, value.position, value.set_at), ("a secret", set.position, set.created_at));
    let after = NewValue { replaces: Replaces::Position(set.position), ..new("another") };
    chat.set_value(".key/1", after).await.unwrap();
}

#[tokio::test]
async fn the_text_of_a_secret_that_is_replaced_removed_or_expired_is_erased_and_no_other() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    for key in [".key/1", "open/1"] {
        chat.set_value(key, new("first")).await.unwrap();
        chat.set_value(key, new("second")).await.unwrap();
        chat.remove_value(key, None).await.unwrap();
        chat.set_value(key, expiring("third", -1)).await.unwrap();
    }
    chat.set_value(".key/2", new("last")).await.unwrap();
    until("the expired rows are gone", async || log.values().counts().0 == 1).await;
    let open = [Some("first".to_owned()), Some("second".to_owned()), None, Some("third".to_owned())];
    assert_eq!(texts(&*log), [&vec![None; 4], &open[..], &[Some("last".to_owned())]].concat());
}

/// Copies a log as a backup does, and gives back its texts by key.
fn copied(log: &dyn Log, to: &Path, mut meanwhile: impl FnMut()) -> Vec<(String, String)> {
    let mut copy = LogSnapshot::begin(log);
    let mut new = millchat::log::NewLog::create(to, Some(log.signing_key()), copy.floor()).unwrap();
    while let Some(piece) = copy.next(log).unwrap() {
        match piece {
            Piece::Records(records) => records.into_iter().for_each(|it| new.append(it).unwrap()),
            Piece::InForce(records) => records.iter().for_each(|it| new.put_in_force(it).unwrap()),
            Piece::Floor(floor) => new.raise_floor(floor).unwrap(),
            other => panic!("{other:?}"),
        }
        meanwhile();
    }
    new.finish(copy.head()).unwrap();
    let mut found = Vec::new();
    millchat::log::check(to, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, Vec::<String>::new());
    let log = millchat::log::open(to.to_str().unwrap()).unwrap();
    let chat = Chat::builder().open_log(log).unwrap();
    let values = chat.values("").into_iter();
    values.map(|(key, value)| (key.to_string(), value.text.to_string())).collect()
}

fn pair(key: &str, text: &str) -> (String, String) {
    (key.to_owned(), text.to_owned())
}

#[tokio::test]
async fn a_copy_has_the_values_in_force_also_when_they_change_while_it_is_made() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    for key in [".key/1", ".key/2", "k/1", "k/2", "k/3"] {
        chat.set_value(key, new("old")).await.unwrap();
    }
    chat.set_value("k/1", new("newer")).await.unwrap();
    chat.set_value(".key/1", new("newer")).await.unwrap();
    chat.remove_value("k/2", None).await.unwrap();
    // The records of the first five are trimmed.
    log.commit(&[], 6).unwrap();
    chat.set_value(".key/3", new("old")).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let to = |name: &str| directory.path().join(name);
    let all = [(".key/1", "newer"), (".key/2", "old"), (".key/3", "old"), ("k/1", "newer"), ("k/3", "old")];
    let all = all.map(|(key, text)| pair(key, text)).to_vec();
    assert_eq!(copied(&*log, &to("as it is"), || ()), all);

    // A secret is replaced, and so erased from its record, before the copy has come to that record.
    let (to, from, handle) = (to("while it changes"), log.clone(), tokio::runtime::Handle::current());
    let copy = move || {
        let mut pieces = 0;
        copied(&*from, &to, || {
            pieces += 1;
            if pieces == 1 {
                handle.block_on(change(&chat));
            }
        })
    };
    let copied = tokio::task::spawn_blocking(copy).await.unwrap();
    let copied: Vec<_> = copied.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(copied, [".key/1", ".key/2", ".key/3", "k/1", "k/3"]);
}

/// Replaces a secret, and sets this many other values: a copy under way does not come to its end.
async fn change(chat: &Chat) {
    chat.set_value(".key/3", new("replaced")).await.unwrap();
    for _ in 0..600 {
        chat.set_value("k/3", new("x")).await.unwrap();
    }
}

#[tokio::test]
async fn no_draft_is_stored_behind_the_acknowledgement_of_a_value_that_forbids_it() {
    let (reached, mut commits) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let before_commit = move || {
        let _ = reached.send(());
        // Once the other end is dropped, nothing is parked.
        let _ = gone.lock().recv();
        Ok(())
    };
    let chat = Meddled { before_commit: Box::new(before_commit), ..Meddled::new() }.open();
    let go = go;
    let lobby = room("lobby");
    let is_allowed = {
        let chat = chat.clone();
        move || chat.value("banned/ada").is_none()
    };
    let ban = tokio::spawn({
        let chat = chat.clone();
        async move { chat.set_value("banned/ada", new("x")).await }
    });
    commits.recv().await.unwrap();
    assert!(is_allowed(), "it is on its way to the disk");
    let draft = || Draft { key: Some("k".into()), ..Draft::post(ada(), "x") };
    let sent = tokio::spawn({
        let (chat, lobby, is_allowed) = (chat.clone(), lobby.clone(), is_allowed.clone());
        async move { chat.send_if(&lobby, draft(), is_allowed).await }
    });
    until("it waits for the writer", async || chat.stats().queued == 1).await;
    drop(go);
    ban.await.unwrap().unwrap();
    let refused = sent.await.unwrap();
    assert!(matches!(refused, Err(SendError::NotAllowed)), "{refused:?}");
    assert_eq!(chat.overview(&lobby).await.unwrap().head, 0);
    chat.remove_value("banned/ada", None).await.unwrap();
    let stored = chat.send_if(&lobby, draft(), is_allowed).await.unwrap();
    // What was sent when it was allowed keeps its receipt.
    assert_eq!(chat.send_if(&lobby, draft(), || false).await.unwrap(), stored);
    // One that panics forbids, and the writer goes on.
    let refused = chat.send_if(&lobby, Draft::post(ada(), "y"), || panic!("of an embedder")).await;
    assert!(matches!(refused, Err(SendError::NotAllowed)), "{refused:?}");
    chat.send(&lobby, Draft::post(ada(), "z")).await.unwrap();
}
