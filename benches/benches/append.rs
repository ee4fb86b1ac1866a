//! Appends in the core: acknowledged durable messages a second, by 1 to 4,096 senders that each wait for
//! their answer.
//!
//! The alternatives store the same number of messages in batches of the same size as the core's: a loop of
//! one write and one `fdatasync` a batch, which is the limit of the disk; and `SQLite` and bare redb, one
//! transaction a batch. And the core itself, while it cuts its log all the time.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::Throughput;
use millchat::{Chat, RetentionPolicy, Stats};
use millchat_benches::fixtures::{self, draft};
use millchat_benches::paths::Scratch;
use millchat_benches::{Results, Unit, criterion_config};
use redb::{Database, TableDefinition};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

const ABOUT: &str = "Senders in one process, each a task that sends 200 bytes to one room, waits until they \
    are durable, and sends again. Beside the core, for as many messages in the batches that it had gathered \
    them to: a loop that writes the bytes of each batch's records to a file laid out beforehand and calls \
    fdatasync, which is the least that any log costs on this disk; and SQLite (WAL, synchronous=FULL) and bare \
    redb, the records of each batch in one table and one transaction. The core stands there twice: the second time \
    it keeps 16 MiB, so that each batch takes as much out of the log as it brings.";
const OURS: &str = "millchat";
const LIMIT: &str = "fdatasync loop";
const SQLITE: &str = "SQLite";
const REDB: &str = "redb";
const KEEPING: &str = "millchat, --keep-bytes";
const SENDERS: [usize; 4] = [1, 16, 256, 4_096];
/// Bytes of the file, which the loop writes again and again.
const FILE_BYTES: usize = 256 * 1024 * 1024;
/// Bytes that the core keeps that cuts its log.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;
/// Messages by each of [`WARMING`] senders after which it cuts.
const WARM: u64 = 64;
const WARMING: usize = 2_048;
const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// The goal with 4,096 senders, as a share of the disk's limit.
const SHARE_MIN: f64 = 0.5;
/// The goals of one sender as a share of redb, and of the core that cuts as a share of the one that does not.
const REDB_SHARE_MIN: f64 = 0.95;
const KEEPING_SHARE_MIN: f64 = 0.8;

fn main() {
    let mut criterion = criterion_config::criterion();
    let results = Results::new("append", "acknowledged durable messages a second in the core", ABOUT, OURS);
    let scratch = Scratch::new("append");
    let core = Core::new(&scratch.file("log.redb"), RetentionPolicy::default());
    let keeping = RetentionPolicy { bytes: Some(KEPT_BYTES), ..RetentionPolicy::default() };
    let keeping = Core::new(&scratch.file("keeping.redb"), keeping);
    keeping.rounds(WARMING, WARM);
    let redb = Redb::new(&scratch.file("bare.redb"));
    let disk = Disk::new(&scratch.file("bare"));
    let sqlite = Sqlite::new(&scratch.file("sqlite"));
    let mut group = criterion_config::group(&mut criterion, "append");
    for senders in SENDERS {
        let case = match senders {
            1 => "1 sender".into(),
            more => format!("{} senders", Unit::Count.show(more as f64)),
        };
        group.throughput(Throughput::Elements(senders as u64));
        let mut bench = |name: &str, rounds: &dyn Fn(u64) -> Duration| {
            group.bench_function(format!("{senders}/{name}"), |bencher| {
                bencher.iter_custom(|count| {
                    let elapsed = rounds(count);
                    results.rate(&case, "durable", name, count * senders as u64, elapsed);
                    elapsed
                });
            });
        };
        let shape = Cell::new(core.rounds(senders, 3).1);
        bench(OURS, &|count| {
            let (elapsed, seen) = core.rounds(senders, count);
            results.sample(&case, "in one commit", Unit::Count, OURS, seen.batch());
            results.sample(&case, "time of a commit", Unit::Nanoseconds, OURS, seen.commit_nanos());
            shape.set(seen);
            elapsed
        });
        bench(KEEPING, &|count| keeping.rounds(senders, count).0);
        bench(LIMIT, &|count| disk.write(shape.get(), count * senders as u64));
        bench(SQLITE, &|count| sqlite.insert(shape.get(), count * senders as u64));
        bench(REDB, &|count| redb.insert(shape.get(), count * senders as u64));
    }
    group.finish();
    results.goal(
        "acknowledged durable appends, 4,096 senders, of the disk's own limit for those bytes and batches",
        &format!("at least {:.0} %", SHARE_MIN * 100.0),
        |found| {
            let share = found.ratio("4,096 senders", "durable", LIMIT)?;
            Some((format!("{:.0} %", share * 100.0), share >= SHARE_MIN))
        },
    );
    for (what, case, of, least) in [
        ("one sender's, of one redb commit for each", "1 sender", REDB, REDB_SHARE_MIN),
        ("4,096 senders', of SQLite's in the same batches", "4,096 senders", SQLITE, 1.2),
    ] {
        results.goal(&format!("durable appends, {what}"), &format!("at least {least}"), |found| {
            let share = found.ratio(case, "durable", of)?;
            Some((format!("{share:.2}"), share >= least))
        });
    }
    let wanted = format!("at least {KEEPING_SHARE_MIN}");
    results.goal("durable appends, 4,096 senders, with --keep-bytes, of without", &wanted, |found| {
        let share = 1.0 / found.ratio("4,096 senders", "durable", KEEPING)?;
        Some((format!("{share:.2}"), share >= KEEPING_SHARE_MIN))
    });
    results.finish();
}

/// The batches in which the core stored messages.
#[derive(Debug, Clone, Copy)]
struct Shape {
    messages: u64,
    commits: u64,
    /// Bytes of the messages' records.
    bytes: u64,
    /// Seconds that the commits took.
    seconds: f64,
}

impl Shape {
    fn between(before: &Stats, after: &Stats) -> Self {
        Self {
            messages: after.events - before.events,
            commits: after.commits - before.commits,
            bytes: after.live_bytes.saturating_sub(before.live_bytes),
            seconds: after.commit_seconds.sum - before.commit_seconds.sum,
        }
    }

    fn commit_nanos(self) -> f64 {
        self.seconds * 1e9 / self.commits as f64
    }

    /// Messages of a batch.
    fn batch(self) -> f64 {
        self.messages as f64 / self.commits as f64
    }

    /// Bytes of a message's record.
    fn record(self) -> usize {
        (self.bytes / self.messages) as usize
    }

    /// Returns the number of batches for this number of messages, and the messages of each.
    fn batches(self, messages: u64) -> (u64, usize) {
        let batches = (messages * self.commits / self.messages).max(1);
        (batches, (messages / batches) as usize)
    }
}

struct Core {
    runtime: Runtime,
    chat: Chat,
}

impl Core {
    fn new(log: &Path, policy: RetentionPolicy) -> Self {
        let chat = Chat::builder().retention(policy).open(&log.to_string_lossy()).expect("a log can be made");
        Self { runtime: fixtures::runtime(), chat }
    }

    /// Lets every sender send this number of messages, one after the other.
    fn rounds(&self, senders: usize, messages: u64) -> (Duration, Shape) {
        let (room, draft) = (fixtures::room(0), draft());
        let (before, tasks) = (self.chat.stats(), LocalSet::new());
        let begun = Instant::now();
        for _ in 0..senders {
            let (chat, room, draft) = (self.chat.clone(), room.clone(), draft.clone());
            tasks.spawn_local(async move {
                for _ in 0..messages {
                    chat.send(&room, draft.clone()).await.expect("the log takes every message");
                }
            });
        }
        self.runtime.block_on(tasks);
        (begun.elapsed(), Shape::between(&before, &self.chat.stats()))
    }
}

struct Disk {
    file: File,
    /// The offset of the next batch.
    at: Cell<usize>,
    bytes: Vec<u8>,
}

impl Disk {
    fn new(path: &Path) -> Self {
        let file = OpenOptions::new().create_new(true).write(true).open(path).expect("a file can be made");
        let bytes = vec![b'x'; 8 * 1024 * 1024];
        for at in (0..FILE_BYTES).step_by(bytes.len()) {
            file.write_all_at(&bytes, at as u64).expect("the disk takes bytes");
        }
        file.sync_all().expect("the disk keeps bytes");
        Self { file, at: Cell::new(0), bytes }
    }

    fn write(&self, shape: Shape, messages: u64) -> Duration {
        let (batches, batch) = shape.batches(messages);
        let bytes = &self.bytes[..batch * shape.record()];
        let begun = Instant::now();
        for _ in 0..batches {
            let at = if self.at.get() + bytes.len() > FILE_BYTES { 0 } else { self.at.get() };
            self.file.write_all_at(bytes, at as u64).expect("the disk takes bytes");
            self.file.sync_data().expect("the disk keeps bytes");
            self.at.set(at + bytes.len());
        }
        begun.elapsed()
    }
}

struct Sqlite(Connection);

impl Sqlite {
    fn new(path: &Path) -> Self {
        let connection = Connection::open(path).expect("a database can be made");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE log (position INTEGER PRIMARY KEY, record BLOB NOT NULL);",
            )
            .expect("a table can be made");
        Self(connection)
    }

    fn insert(&self, shape: Shape, messages: u64) -> Duration {
        let (batches, batch) = shape.batches(messages);
        let record = vec![b'x'; shape.record()];
        let begun = Instant::now();
        let mut insert =
            self.0.prepare_cached("INSERT INTO log (record) VALUES (?1)").expect("the table is there");
        for _ in 0..batches {
            let transaction = self.0.unchecked_transaction().expect("nobody else writes");
            for _ in 0..batch {
                insert.execute(params![record]).expect("the table takes rows");
            }
            transaction.commit().expect("the disk keeps bytes");
        }
        begun.elapsed()
    }
}

struct Redb {
    database: Database,
    /// The key of the next record.
    at: Cell<u64>,
}

impl Redb {
    fn new(path: &Path) -> Self {
        Self { database: Database::create(path).expect("a database can be made"), at: Cell::new(0) }
    }

    fn insert(&self, shape: Shape, messages: u64) -> Duration {
        let (batches, batch) = shape.batches(messages);
        let record = vec![b'x'; shape.record()];
        let begun = Instant::now();
        for _ in 0..batches {
            let transaction = self.database.begin_write().expect("nobody else writes");
            let mut table = transaction.open_table(TABLE).expect("a table can be made");
            for _ in 0..batch {
                table.insert(self.at.get(), record.as_slice()).expect("the table takes rows");
                self.at.set(self.at.get() + 1);
            }
            drop(table);
            transaction.commit().expect("the disk keeps bytes");
        }
        begun.elapsed()
    }
}
