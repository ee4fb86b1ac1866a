use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::event::{Author, AuthorKind, Timestamp};
use crate::log::contract::{Log as _, Lookups as _};
use crate::reaction::Reaction;

/// Messages that are there before the batch.
const BEFORE: u64 = 20;

fn record(n: usize, payload: Payload) -> NewRecord {
    let author = Author { id: format!("a{}", n % 3).into(), name: "A".into(), kind: AuthorKind::Guest };
    let key = n.is_multiple_of(2).then(|| (n as u128).to_le_bytes());
    NewRecord { payload, author: Some(author), created_at: Timestamp(n as u64), key, content_hash: key }
}

fn event(n: usize, body: Body) -> NewRecord {
    record(n, Payload::Event { room: RoomName::new("lobby").unwrap(), body })
}

fn post(n: usize) -> NewRecord {
    event(n, Body::Message { content: Some(format!("text {n}").into()), reply_to: None })
}

/// The records that such numbers make: about messages that are there, also ones of the batch itself.
fn batch_of(numbers: &[(u8, Index)]) -> Vec<NewRecord> {
    let mut messages: Vec<Position> = (1..=BEFORE).collect();
    let mut batch = Vec::new();
    for (n, (kind, which)) in numbers.iter().enumerate() {
        let at = BEFORE + n as u64 + 1;
        let (nth, content) = (which.index(messages.len().max(1)), Some(format!("text {n}").into()));
        let (key, text): (Arc<str>, Arc<str>) =
            (format!(".k/{}", n % 2).into(), format!("secret {n}").into());
        batch.push(match (kind, messages.get(nth).copied()) {
            // One message has most of the edits, so that some deletes leave theirs to later commits.
            (0..4, Some(_)) => event(n, Body::Edit { target: messages[nth / 8], content }),
            (4, Some(_)) => event(n, Body::Delete { target: messages.remove(nth) }),
            (5..8, Some(target)) => {
                let reaction = Reaction::ALL[n % 2];
                event(n, Body::Reaction { target, reaction, on: *kind > 5, count: 1 })
            }
            (8, _) => record(n, Payload::SetValue { key, text, until: None }),
            (9, _) => record(n, Payload::RemoveValue(key)),
            (10, _) => record(n, Payload::Ban("a1".into())),
            (11, _) => record(n, Payload::Unban("a1".into())),
            (12, _) => event(n, Body::Close),
            (13, _) if n.is_multiple_of(8) => {
                messages.clear();
                event(n, Body::Purge)
            }
            _ => {
                messages.push(at);
                post(n)
            }
        });
    }
    batch
}

/// Makes a log of these batches, and erases what is to be erased.
fn log_of<'a>(batches: impl Iterator<Item = &'a [NewRecord]>) -> RedbLog {
    let log = RedbLog::in_memory().unwrap();
    let before: Vec<_> = (0..BEFORE as usize).map(post).collect();
    log.commit(&before, 0).unwrap();
    batches.for_each(|batch| assert_eq!(log.commit(batch, 0).unwrap().len(), batch.len()));
    while log.moderation.counts().is_erasing() {
        log.commit(&[], 0).unwrap();
    }
    log
}

/// All that a log has, one line for each thing.
fn contents(log: &RedbLog) -> Vec<String> {
    let mut all = vec![format!("{} bytes", log.live_bytes())];
    for position in 1..=log.head() {
        all.push(format!("{:?}", log.raw(position).unwrap()));
        all.push(format!("{:?} {:?}", log.counts(position).unwrap(), log.reactions(position).unwrap()));
        let edit = log.last_edit(position).unwrap().map(|edit| edit.position);
        let delete = log.delete_of(position).unwrap().map(|delete| delete.position);
        all.push(format!("edit {edit:?}, delete {delete:?}"));
    }
    let value = |key| log.values().get(key, || Timestamp(0)).map(|value| (value.text, value.position));
    all.push(format!("{:?}", [".k/0", ".k/1"].map(value)));
    all.push(format!("{:?}", log.moderation().counts()));
    let derived = log.derived.read();
    all.push(format!("{:?} {:?}", derived.heads().collect::<Vec<_>>(), derived.keys()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_stores_what_its_records_store_one_by_one(
        numbers in proptest::collection::vec((0u8..20, any::<Index>()), RUN_RECORDS_MIN..200)
    ) {
        let batch = batch_of(&numbers);
        let (together, alone) = (log_of(batch.chunks(batch.len())), log_of(batch.chunks(1)));
        for (together, alone) in contents(&together).into_iter().zip(contents(&alone)) {
            prop_assert_eq!(together, alone);
        }
    }
}
