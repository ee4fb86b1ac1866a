//! One connection to the server that takes writes, and the search for it.
//!
//! A server that hangs takes the connection and says nothing: so all of it, from the first packet to a session that is
//! set up, has one limit for each server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, NoTls, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Error, Socket};

use super::settings::PostgresError;
use super::tls::MakeTls;
use crate::outgoing::Trust;

/// Longest time for a connection to one server, with its handshakes and the session's settings.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The settings of a session. What is committed is on disk, and at the synchronous standbys: `remote_apply` asks for
/// more than that. A statement that waits for a lock ends before its asker does. The tables are always read by
/// their keys: a plan that was made while they were small would read all of them. A server that uses a plan again need
/// not make it again.
const SET_UP: &str = "select set_config('synchronous_commit', \
     case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false); \
     set statement_timeout = '4s'; set default_transaction_isolation = 'read committed'; \
     set enable_seqscan = off; set enable_bitmapscan = off; set jit = off; \
     set plan_cache_mode = force_generic_plan";

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The way to the servers.
pub(super) struct Connector {
    servers: Vec<Config>,
    /// Unset, no TLS is spoken.
    tls: Option<MakeTls>,
    password_file: Option<PathBuf>,
    /// The runtime of the connections: nodes poll the journal on threads of their own.
    runtime: Handle,
    /// The server that took the last connection.
    last: AtomicUsize,
}

/// A connection, with a task that serves it. It ends with this value.
pub(super) struct Session {
    pub client: Client,
    driver: JoinHandle<()>,
    signs: Arc<Signs>,
}

/// The things of which a connection tells unasked.
#[derive(Default)]
struct Signs {
    notified: Notify,
    ended: Notify,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Waits for a notification since the last call.
    pub async fn notified(&self) {
        self.signs.notified.notified().await;
    }

    /// Waits for the end of the connection, or for [`Session::leave`]. For one that waits.
    pub async fn ended(&self) {
        self.signs.ended.notified().await;
    }

    /// Says that the connection is of no use any more.
    pub fn leave(&self) {
        self.signs.ended.notify_one();
    }
}

impl Connector {
    pub fn new(
        servers: Vec<Config>,
        trust: Option<&Trust>,
        password_file: Option<PathBuf>,
    ) -> Result<Self, PostgresError> {
        let tls = trust.map(|trust| MakeTls(trust.connector()));
        let connector =
            Self { servers, tls, password_file, runtime: Handle::current(), last: AtomicUsize::new(0) };
        connector.password()?;
        Ok(connector)
    }

    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Reads the password. It is read for each connection, so that it can be changed while nodes run.
    fn password(&self) -> Result<Option<String>, PostgresError> {
        let Some(file) = &self.password_file else { return Ok(None) };
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(source) => Err(PostgresError::Password { file: file.clone(), source }),
        }
    }

    /// Connects to the first server that takes writes, beginning with the one that did last.
    pub async fn connect(self: &Arc<Self>) -> Result<Session, AnyError> {
        let connector = self.clone();
        // Whoever waits may be polled where there is no input and output.
        self.runtime.spawn(async move { connector.look().await }).await?
    }

    async fn look(&self) -> Result<Session, AnyError> {
        let password = self.password()?;
        // Only a hint: servers are tried in turn from here.
        let last = self.last.load(Ordering::Relaxed);
        let mut failed = Vec::new();
        for nth in (0..self.servers.len()).map(|nth| (last + nth) % self.servers.len()) {
            let mut config = self.servers[nth].clone();
            if let Some(password) = &password {
                config.password(password);
            }
            let session = async {
                match &self.tls {
                    Some(tls) => start(&config, tls.clone()).await,
                    None => start(&config, NoTls).await,
                }
            };
            match timeout(CONNECT_TIMEOUT, session).await {
                Ok(Ok(session)) => {
                    self.last.store(nth, Ordering::Relaxed);
                    return Ok(session);
                }
                Ok(Err(error)) => failed.push(in_words(&error)),
                Err(_elapsed) => {
                    failed.push(format!("nobody answered within {} s", CONNECT_TIMEOUT.as_secs()));
                }
            }
        }
        Err(failed.join("; ").into())
    }
}

async fn start<T>(config: &Config, tls: T) -> Result<Session, Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: TlsConnect<Socket>,
{
    let (client, mut connection) = config.connect(tls).await?;
    let signs = Arc::new(Signs::default());
    let to_tell = signs.clone();
    let driver = tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(_) = message {
                to_tell.notified.notify_one();
            }
        }
        // Whoever waits for an answer is told by the end of this.
        drop(connection);
        to_tell.ended.notify_one();
    });
    let session = Session { client, driver, signs };
    session.client.batch_execute(SET_UP).await?;
    Ok(session)
}

/// Returns an error with its cause, in one sentence.
pub(super) fn in_words(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
