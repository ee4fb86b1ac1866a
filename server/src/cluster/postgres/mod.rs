//! The journal on Postgres: a table of entries, and a row with the number of the newest one, at the server that takes
//! writes.
//!
//! An append is one statement that moves this row on, if it is where the entry is to be, and stores the entry. So the
//! numbers are dense, also over what is erased. A follower listens, and reads behind what it has. What is read is on
//! disk, and at the synchronous standbys: the server shows nothing before, but for what it had committed before a restart.
//! So each connection of a follower begins with a commit, which waits for the standbys.
//!
//! This folder is the only place that names the client.

mod address;
mod lane;
mod session;
mod settings;
mod sweeper;
mod tables;
mod tail;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millchat::cluster::{AppendError, Journal, JournalEntries, JournalError, JournalFuture, Seq};
use tokio::time::{Instant, timeout};

use crate::cluster::entries::{ENTRY_BYTES_MAX, entries};
use crate::outgoing::Trust;
use lane::{Failure, Lane};
use session::Connector;
use sweeper::Sweeper;
use tables::{FORGOTTEN_MAX, Names};
use tail::Tail;

pub use address::{PostgresUrl, PostgresUrlError};
pub use settings::{PostgresError, PostgresSettings};

/// Longest time for a request and its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// No step of forgetting begins after this time: an hour's entries are forgotten in several turns.
const FORGET_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest time for making the tables.
const KEEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A journal on Postgres.
#[derive(Clone)]
pub struct Postgres {
    connector: Arc<Connector>,
    names: Arc<Names>,
    /// The connection for appends, for which nothing else is to be waited.
    appends: Lane,
    /// The one for all else.
    others: Lane,
    sweeper: Sweeper,
}

impl Postgres {
    /// Connects, and makes the tables if they are not there yet. Its tasks run where this is called.
    pub async fn connect(settings: PostgresSettings) -> Result<Self, PostgresError> {
        let PostgresSettings { url, cluster, password_file, ca_file } = settings;
        let trust = match ca_file {
            Some(_) if url.is_plain() => return Err(PostgresError::NoTls),
            Some(file) => Some(Trust::file(&file).map_err(PostgresError::Authorities)?),
            None => (!url.is_plain()).then(Trust::system),
        };
        let connector = Arc::new(Connector::new(url.servers(), trust.as_ref(), password_file)?);
        let names = Arc::new(Names::of(cluster));
        let session = connector.connect().await.map_err(PostgresError::Connect)?;
        let kept = timeout(KEEP_TIMEOUT, names.keep(&session)).await;
        kept.map_err(|elapsed| PostgresError::Connect(elapsed.into()))??;
        let appends = Lane::open(&connector, &names).await.map_err(PostgresError::Connect)?;
        let others = Lane::open(&connector, &names).await.map_err(PostgresError::Connect)?;
        let sweeper = Sweeper::start(connector.clone(), names.clone());
        Ok(Self { connector, names, appends, others, sweeper })
    }

    async fn append(self, after: Seq, entry: Bytes) -> Result<Seq, AppendError> {
        let after = signed(after);
        let stored = self.appends.ask(REQUEST_TIMEOUT, async |ready| {
            let row =
                ready.session.client.query_opt(&ready.statements.append, &[&after, &&entry[..]]).await?;
            Ok(row.map(|row| row.get::<_, i64>(0).cast_unsigned()))
        });
        match stored.await {
            Ok(Some(seq)) => Ok(seq),
            Ok(None) => {
                let (_, newest) = self.bounds().await.map_err(|error| AppendError::Unknown(error.0))?;
                Err(AppendError::Refused { newest })
            }
            Err(Failure::NotSent) => Err(AppendError::Unreachable),
            Err(failure) => Err(AppendError::Unknown(failure.to_string())),
        }
    }

    async fn bounds(self) -> Result<(Seq, Seq), JournalError> {
        let bounds = self.others.ask(REQUEST_TIMEOUT, async |ready| {
            let row = ready.session.client.query_one(&ready.statements.bounds, &[]).await?;
            Ok((row.get::<_, i64>(0).cast_unsigned(), row.get::<_, i64>(1).cast_unsigned()))
        });
        Ok(bounds.await?)
    }

    async fn erase(self, seqs: Vec<i64>) -> Result<(), JournalError> {
        let erased = self.others.ask(REQUEST_TIMEOUT, async |ready| {
            ready.session.client.execute(&ready.statements.erase, &[&seqs]).await
        });
        erased.await?;
        self.sweeper.sweep();
        Ok(())
    }

    async fn forget(self, before: Seq) -> Result<(), JournalError> {
        let (until, before) = (Instant::now() + FORGET_TIMEOUT, signed(before));
        loop {
            let step = self.others.ask(REQUEST_TIMEOUT, async |ready| {
                ready.session.client.execute(&ready.statements.forget, &[&before]).await
            });
            let count = step.await?;
            if count > 0 {
                self.sweeper.sweep();
            }
            if count < FORGOTTEN_MAX {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(JournalError("not all is forgotten yet".into()));
            }
        }
    }
}

/// Returns a number as the database has it. None is beyond.
fn signed(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

impl Journal for Postgres {
    fn entry_bytes_max(&self) -> usize {
        ENTRY_BYTES_MAX
    }

    fn append(&self, after: Seq, entry: Bytes) -> JournalFuture<Result<Seq, AppendError>> {
        Box::pin(self.clone().append(after, entry))
    }

    fn follow(&self, after: Seq) -> JournalEntries {
        entries(Tail::new(self.connector.clone(), self.names.clone(), after))
    }

    fn bounds(&self) -> JournalFuture<Result<(Seq, Seq), JournalError>> {
        Box::pin(self.clone().bounds())
    }

    fn erase(&self, seqs: &[Seq]) -> JournalFuture<Result<(), JournalError>> {
        Box::pin(self.clone().erase(seqs.iter().copied().map(signed).collect()))
    }

    fn forget(&self, before: Seq) -> JournalFuture<Result<(), JournalError>> {
        Box::pin(self.clone().forget(before))
    }
}
