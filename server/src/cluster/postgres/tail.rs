//! Following the journal: reading behind the last entry, whenever the server says that there is more.
//!
//! An entry and the number before which it may not be seen are committed together. So a read sees all entries up to the
//! newest number that it sees, apart from those that were deleted: a hole is a hole for ever.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millchat::Timestamp;
use millchat::cluster::{FollowError, JournalEntry, Seq};
use tokio::time::timeout;
use tokio_postgres::{Row, Statement};

use super::session::{Connector, Session, in_words};
use super::tables::{Names, Statements};
use crate::cluster::entries;

/// Without a notification there is a look after this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest time for a read and its answer.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// A follower.
pub(super) struct Tail {
    connector: Arc<Connector>,
    names: Arc<Names>,
    /// The newest entry that was passed on or is in `read`.
    last: Seq,
    /// Entries that were read, in order. Bounded by the statement.
    read: VecDeque<JournalEntry>,
    /// The end of the reading, behind `read`.
    end: Option<FollowError>,
    reader: Option<Reader>,
}

/// A connection that listens.
struct Reader {
    session: Session,
    after: Statement,
    /// The last read may have left something out.
    has_more: bool,
}

impl Tail {
    pub fn new(connector: Arc<Connector>, names: Arc<Names>, after: Seq) -> Self {
        Self { connector, names, last: after, read: VecDeque::new(), end: None, reader: None }
    }
}

impl entries::Tail for Tail {
    async fn next(&mut self) -> Result<JournalEntry, FollowError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Ok(entry);
            }
            if let Some(end) = self.end.take() {
                return Err(end);
            }
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => none.insert(Reader::connect(&self.connector, &self.names).await?),
            };
            if !reader.has_more {
                let _ = timeout(LOOK_EVERY, reader.session.notified()).await;
            }
            let rows = reader.read(self.last).await?;
            self.take(&rows);
        }
    }
}

impl Tail {
    /// Takes the rows of a read, of which the first and every one has the newest number.
    fn take(&mut self, rows: &[Row]) {
        let Some(newest) = rows.first().map(|row| number(row, 0)) else {
            self.end = Some(FollowError::Unreachable("the journal has no newest number".into()));
            return;
        };
        if newest < self.last {
            self.end = Some(FollowError::WentBack { newest });
            return;
        }
        let before = self.last;
        for row in rows.iter().filter(|row| row.get::<_, Option<i64>>(1).is_some()) {
            let seq = number(row, 1);
            if seq != self.last + 1 {
                self.end = Some(FollowError::Missing { from: self.last + 1, to: seq - 1 });
                return;
            }
            let bytes = Bytes::copy_from_slice(row.get(3));
            self.read.push_back(JournalEntry { seq, at: Timestamp(number(row, 2)), bytes });
            self.last = seq;
        }
        // Nothing was read, and there is something: all of it is gone.
        if self.last == before && newest > before {
            self.end = Some(FollowError::Missing { from: before + 1, to: newest });
        }
        if let Some(reader) = &mut self.reader {
            reader.has_more = self.last < newest;
        }
    }
}

impl Reader {
    async fn connect(connector: &Arc<Connector>, names: &Names) -> Result<Self, FollowError> {
        let session =
            connector.connect().await.map_err(|error| FollowError::Unreachable(error.to_string()))?;
        let after = in_time(Statements::after(names, &session)).await?;
        Ok(Self { session, after, has_more: true })
    }

    async fn read(&self, after: Seq) -> Result<Vec<Row>, FollowError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        in_time(self.session.client.query(&self.after, &[&after])).await
    }
}

async fn in_time<T>(
    request: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, FollowError> {
    let why = match timeout(READ_TIMEOUT, request).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => in_words(&error),
        Err(_elapsed) => format!("nobody answered within {} s", READ_TIMEOUT.as_secs()),
    };
    Err(FollowError::Unreachable(why))
}

fn number(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).cast_unsigned()
}
