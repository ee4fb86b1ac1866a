//! A connection that is made again whenever it ends, for requests of one kind.

use std::sync::Arc;
use std::time::Duration;

use millchat::cluster::JournalError;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::Error;

use super::session::{Connector, Session, in_words};
use super::tables::{Names, Statements};

/// Shortest and longest pause between two tries to connect again.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Longest time for the preparation of the statements.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(2);

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The failure of a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no connection; nothing was sent.
    #[error("no server is connected")]
    NotSent,
    /// The server refused, no answer came in time, or the connection ended meanwhile.
    #[error("{0}")]
    Failed(String),
}

impl From<Failure> for JournalError {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

/// A connection, and what is prepared on it.
pub(super) struct Ready {
    pub session: Session,
    pub statements: Statements,
}

/// See the module. Requests on it are carried out one after the other.
#[derive(Clone)]
pub(super) struct Lane(watch::Receiver<Option<Arc<Ready>>>);

impl Lane {
    /// Connects, and keeps the connection until the lane is dropped.
    pub async fn open(connector: &Arc<Connector>, names: &Arc<Names>) -> Result<Self, AnyError> {
        let first = Ready::connect(connector, names).await?;
        let (sender, lane) = watch::channel(Some(Arc::new(first)));
        connector.runtime().spawn(keep(connector.clone(), names.clone(), sender));
        Ok(Self(lane))
    }

    /// Makes a request. A connection on which one fails is left: it may be to a server that hangs or takes no
    /// writes any more.
    pub async fn ask<T>(
        &self,
        limit: Duration,
        request: impl AsyncFnOnce(&Ready) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let ready = self.0.borrow().clone().filter(|ready| !ready.session.client.is_closed());
        let ready = ready.ok_or(Failure::NotSent)?;
        let why = match timeout(limit, request(&ready)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => in_words(&error),
            Err(_elapsed) => format!("nobody answered within {} s", limit.as_secs()),
        };
        ready.session.leave();
        Err(Failure::Failed(why))
    }
}

impl Ready {
    async fn connect(connector: &Arc<Connector>, names: &Names) -> Result<Self, AnyError> {
        let session = connector.connect().await?;
        // It may be another server than the one that was asked at the start, or have been restarted.
        let keeps =
            timeout(PREPARE_TIMEOUT, session.client.query_one("select current_setting('fsync')::bool", &[]));
        let keeps = keeps.await.map_err(|_elapsed| "the server does not tell its settings")?;
        if !keeps.map_err(|error| in_words(&error))?.get::<_, bool>(0) {
            return Err("the server has fsync = off".into());
        }
        // A server that hangs from now on does not end this.
        let statements = timeout(PREPARE_TIMEOUT, Statements::prepare(names, &session)).await;
        let statements = statements.map_err(|_elapsed| "the server does not prepare statements")?;
        Ok(Self { statements: statements.map_err(|error| in_words(&error))?, session })
    }
}

async fn keep(connector: Arc<Connector>, names: Arc<Names>, lane: watch::Sender<Option<Arc<Ready>>>) {
    let mut pause = PAUSE_MIN;
    loop {
        let ready = lane.borrow().clone();
        if let Some(ready) = ready {
            tokio::select! {
                () = ready.session.ended() => {}
                () = lane.closed() => return,
            }
            lane.send_replace(None);
        }
        let next = tokio::select! {
            next = Ready::connect(&connector, &names) => next,
            () = lane.closed() => return,
        };
        match next {
            Ok(next) => {
                pause = PAUSE_MIN;
                lane.send_replace(Some(Arc::new(next)));
            }
            Err(error) => {
                tracing::debug!(%error, "the journal's server is not connected");
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(PAUSE_MAX);
            }
        }
    }
}
