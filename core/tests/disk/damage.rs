//! Pages that are damaged while the log is open: redb may panic over them, also in the middle of a
//! transaction. Where we can see to it that stays a panic that can be caught, for a second one while the
//! first unwinds ends the process without a word. Not all of it is in our hands: a table that redb fails to
//! open, after others were, panics in the drop of those. That takes damage of a particular kind, which these
//! rounds do not meet.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use millchat::log::{NewRecord, Record};
use millchat::testing::{StorageBackend, open_log_without_cache};
use millchat::{Body, Event, Position, RoomName, Timestamp};
use parking_lot::RwLock;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const PAGE_BYTES: usize = 4 * 1024;
const ROUNDS: u64 = 60;
const EVENTS: u64 = 600;

/// A disk whose bytes can be changed behind the back of redb.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<RwLock<Vec<u8>>>);

impl StorageBackend for Memory {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.read().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let bytes = self.0.read();
        let from = bytes.get(offset as usize..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.write().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write()[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn room(n: u64) -> RoomName {
    RoomName::new(&format!("room-{}", n % 7)).unwrap()
}

fn append(n: u64, body: Body) -> NewRecord {
    NewRecord::event(room(n), None, Timestamp(n), body)
}

fn post(n: u64) -> NewRecord {
    append(n, Body::Message { content: Some(text(n).into()), reply_to: None })
}

fn text(n: u64) -> String {
    format!("text {n} {}", "x".repeat(200))
}

/// Fails if an event has a text that was not sent for its place: posts hold their number, and edits one word.
fn assert_as_sent<'a>(events: impl IntoIterator<Item = &'a Event>) {
    for event in events {
        match &event.body {
            Body::Message { content: Some(content), .. } => {
                let n = event.created_at.0;
                assert!(**content == *text(n) && event.room == room(n), "{} reads {content}", event.position);
                assert!(
                    event.position > EVENTS || event.position == n + 1,
                    "{} reads {content}",
                    event.position
                );
            }
            Body::Edit { content, .. } => {
                assert!(content.as_deref().is_none_or(|content| content == "edited"), "{content:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn pages_damaged_under_an_open_log_are_errors_or_panics_that_can_be_caught() {
    let disk = Memory::default();
    let log = open_log_without_cache(disk.clone()).unwrap();
    for batch in 0..EVENTS / 20 {
        let batch: Vec<_> = (0..20).map(|n| post(batch * 20 + n)).collect();
        log.commit(&batch, 0).unwrap();
    }
    log.close().unwrap();
    let image = disk.0.read().clone();
    let pages = image.len() / PAGE_BYTES;
    let used: Vec<_> =
        (1..pages).filter(|page| image[page * PAGE_BYTES..][..PAGE_BYTES].iter().any(|&b| b != 0)).collect();
    let (mut panics, mut done, mut texts) = (0, 0, 0);
    for round in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(round);
        let disk = Memory(Arc::new(RwLock::new(image.clone())));
        let log = open_log_without_cache(disk.clone()).unwrap();
        {
            let mut bytes = disk.0.write();
            for _ in 0..random.random_range(1..used.len()) {
                let page = used[random.random_range(0..used.len())] * PAGE_BYTES;
                match round % 3 {
                    0 => bytes[page..page + PAGE_BYTES].fill(0),
                    1 => bytes[page + random.random_range(0..64)] ^= 1 << random.random_range(0..8),
                    _ => bytes[page + random.random_range(0..PAGE_BYTES)] ^= 1 << random.random_range(0..8),
                }
            }
        }
        let mut attempt = |what: &mut dyn FnMut() -> bool| match catch_unwind(AssertUnwindSafe(what)) {
            Ok(right) => done += usize::from(right),
            Err(_) => panics += 1,
        };
        let mut floor = 0;
        for n in 0..20 {
            let target: Position = random.random_range(1..=EVENTS);
            floor += 20;
            let change = match n % 3 {
                0 => append(target, Body::Delete { target }),
                1 => append(target, Body::Edit { target, content: Some("edited".into()) }),
                _ => post(n),
            };
            // What is read is what was sent: an answer that is wrong is not caught.
            let mut read = Vec::new();
            let mut keep = |events: &mut dyn Iterator<Item = Arc<Event>>| read.extend(events);
            attempt(&mut || {
                log.read_after(&room(n), target).map(|chain| keep(&mut chain.events.into_iter())).is_ok()
            });
            attempt(&mut || {
                log.read_before(&room(n), target, 50).map(|chain| keep(&mut chain.events.into_iter())).is_ok()
            });
            let event = |record: Record| record.event;
            attempt(&mut || {
                log.scan(target).map(|records| keep(&mut records.into_iter().filter_map(event))).is_ok()
            });
            assert_as_sent(read.iter().map(|event| &**event));
            texts += read.len();
            attempt(&mut || {
                // A batch of many is written another way than one of few.
                let batch = vec![change.clone(); if n % 4 < 2 { 1 } else { 40 }];
                log.commit(&batch, if n % 2 == 0 { floor } else { 0 }).is_ok()
            });
        }
        attempt(&mut || log.close().is_ok());
        attempt(&mut || open_log_without_cache(disk.clone()).is_ok());
    }
    println!("{done} done, {texts} texts as they were sent, {panics} panics");
    assert!(panics > 0 && done > 0 && texts > 0, "{done} done, {texts} texts, {panics} panics");
}
