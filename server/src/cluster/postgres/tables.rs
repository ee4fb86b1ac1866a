//! The tables of a journal, and the statements on them.
//!
//! Each cluster has its own two: the entries, and one row with the number of the newest one. That row is what makes the
//! numbers dense. An append moves it on, and only if it is where the entry is to be; so it stays right also when entries
//! were erased, and two writers wait for each other at it.

use tokio_postgres::{Error, Statement};

use super::session::Session;
use super::settings::PostgresError;

/// Oldest release of the server, as it tells it in `server_version_num`.
const VERSION_MIN: i32 = 130_000;
/// Entries that [`Statements::forget`] deletes at a time.
pub(super) const FORGOTTEN_MAX: u64 = 64;
/// Entries that [`Statements::after`] returns at most …
const READ_ENTRIES_MAX: usize = 256;
/// … and bytes, apart from the last entry.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The names of a journal's tables.
pub(super) struct Names {
    /// The table of the entries, and the channel of its notifications.
    pub entries: String,
    /// The table with the newest number.
    head: String,
}

impl Names {
    pub fn of(cluster: [u8; 16]) -> Self {
        let entries = format!("millchat_journal_{:032x}", u128::from_be_bytes(cluster));
        Self { head: format!("{entries}_head"), entries }
    }

    /// Makes the tables if they are not there.
    pub async fn keep(&self, session: &Session) -> Result<(), PostgresError> {
        let refused = |source: Error| PostgresError::Tables {
            name: self.entries.clone(),
            source: source.into_source().unwrap_or_else(|| "the connection ended".into()),
        };
        check_server(session, refused).await?;
        let Self { entries, head } = self;
        let is_there =
            format!("select to_regclass('{entries}') is not null and to_regclass('{head}') is not null");
        let is_there: bool = session.client.query_one(&is_there, &[]).await.map_err(refused)?.get(0);
        if !is_there {
            // All of it is one transaction. Of two nodes that do this at a time, one waits. Entries are stored as
            // they are, beside the table if they are large: nothing is gained from making them short.
            let made = format!(
                "select pg_advisory_xact_lock(hashtext('{entries}')); \
                 create table if not exists {entries} (seq bigint primary key, \
                     at timestamptz not null default clock_timestamp(), bytes bytea not null); \
                 alter table {entries} alter column bytes set storage external; \
                 create table if not exists {head} (one boolean primary key default true check (one), \
                     newest bigint not null); \
                 insert into {head} (newest) select coalesce(max(seq), 0) from {entries} on conflict do nothing"
            );
            session.client.batch_execute(&made).await.map_err(refused)?;
        }
        let unlike = |what: String| PostgresError::Unlike { name: self.entries.clone(), what };
        let kinds = format!(
            "select bool_and(relkind = 'r' and relpersistence = 'p') from pg_class \
             where oid in ('{entries}'::regclass, '{head}'::regclass)"
        );
        let are_kept: bool = session.client.query_one(&kinds, &[]).await.map_err(refused)?.get(0);
        if !are_kept {
            return Err(unlike("they must be ordinary tables, and logged".to_owned()));
        }
        match Statements::prepare(self, session).await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some() => Err(unlike(super::session::in_words(&error))),
            Err(error) => Err(refused(error)),
        }
    }
}

/// Sees that the server keeps what it acknowledges.
async fn check_server(
    session: &Session,
    refused: impl Fn(Error) -> PostgresError,
) -> Result<(), PostgresError> {
    let asked = "select current_setting('server_version_num')::int, current_setting('server_version'), \
                 current_setting('fsync')::bool";
    let row = session.client.query_one(asked, &[]).await.map_err(refused)?;
    if row.get::<_, i32>(0) < VERSION_MIN {
        return Err(PostgresError::Version(row.get(1)));
    }
    if row.get(2) { Ok(()) } else { Err(PostgresError::NoSync) }
}

/// The statements of a session that changes the journal, and asks about it.
pub(super) struct Statements {
    /// Puts an entry (2) behind a number (1). Returns its number, or nothing if that is not the newest.
    pub append: Statement,
    /// Returns the oldest and the newest number.
    pub bounds: Statement,
    /// Deletes the entries of a list.
    pub erase: Statement,
    /// Deletes the oldest entries before a number, and says of how many.
    pub forget: Statement,
}

impl Statements {
    pub async fn prepare(names: &Names, session: &Session) -> Result<Self, Error> {
        let Names { entries, head } = names;
        let prepare = async |text: String| session.client.prepare(&text).await;
        Ok(Self {
            append: prepare(format!(
                "with moved as (update {head} set newest = newest + 1 where newest = $1 returning newest), \
                 stored as (insert into {entries} (seq, bytes) select newest, $2 from moved returning seq) \
                 select seq, pg_notify('{entries}', '') from stored"
            ))
            .await?,
            bounds: prepare(format!(
                "select coalesce((select min(seq) from {entries}), newest + 1), newest from {head}"
            ))
            .await?,
            erase: prepare(format!("delete from {entries} where seq = any($1)")).await?,
            forget: prepare(format!(
                "delete from {entries} where seq in \
                 (select seq from {entries} where seq < $1 order by seq limit {FORGOTTEN_MAX})"
            ))
            .await?,
        })
    }

    /// Prepares the reading of what comes after a number: for each entry the newest number, its own, its time in
    /// milliseconds and its bytes; one row with nothing but the newest number if there is none. All of it is of one
    /// moment.
    pub async fn after(names: &Names, session: &Session) -> Result<Statement, Error> {
        let Names { entries, head } = names;
        let text = format!(
            "select newest, seq, floor(extract(epoch from at) * 1000)::bigint, bytes from {head} left join lateral \
             (select seq, at, bytes, sum(octet_length(bytes)) over (order by seq rows between unbounded preceding \
                  and 1 preceding) as before \
              from (select seq, at, bytes from {entries} where seq > $1 order by seq limit {READ_ENTRIES_MAX}) oldest) \
             read on coalesce(before, 0) < {READ_BYTES_MAX} order by seq"
        );
        // A server that has restarted shows at once what it had committed and no standby has yet. This commit ends when
        // the standby has it, and so all before it.
        let begin = format!("listen {entries}; update {head} set newest = newest");
        session.client.batch_execute(&begin).await?;
        session.client.prepare(&text).await
    }
}
