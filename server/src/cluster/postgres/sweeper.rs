//! Vacuum behind deletes: until then, the bytes of what was deleted stay where they were.
//!
//! It reads much of the table, so many deletes have one of it. It has a connection of its own, since nobody is to wait
//! behind it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::session::{Connector, in_words};
use super::tables::Names;

/// Shortest time between two of them.
const VACUUM_EVERY: Duration = Duration::from_secs(10);
/// Longest time for one.
const VACUUM_TIMEOUT: Duration = Duration::from_mins(1);

/// See the module. It ends when it is dropped.
#[derive(Clone)]
pub(super) struct Sweeper(mpsc::Sender<()>);

impl Sweeper {
    pub fn start(connector: Arc<Connector>, names: Arc<Names>) -> Self {
        let (sender, mut wanted) = mpsc::channel(1);
        connector.runtime().clone().spawn(async move {
            while wanted.recv().await.is_some() {
                while let Err(error) = vacuum(&connector, &names).await {
                    tracing::debug!(%error, "the journal was not swept");
                    tokio::time::sleep(VACUUM_EVERY).await;
                    if wanted.is_closed() {
                        return;
                    }
                }
                tokio::time::sleep(VACUUM_EVERY).await;
            }
        });
        Self(sender)
    }

    /// Says that something was deleted.
    pub fn sweep(&self) {
        // One that waits to be taken does for all before it.
        let _ = self.0.try_send(());
    }
}

async fn vacuum(connector: &Arc<Connector>, names: &Names) -> Result<(), String> {
    let session = connector.connect().await.map_err(|error| error.to_string())?;
    let sweeping = async {
        session.client.batch_execute("set statement_timeout = '60s'").await?;
        session.client.batch_execute(&format!("vacuum {}", names.entries)).await
    };
    match tokio::time::timeout(VACUUM_TIMEOUT, sweeping).await {
        Ok(swept) => swept.map_err(|error| in_words(&error)),
        Err(_elapsed) => Err(format!("it was not done within {VACUUM_TIMEOUT:?}")),
    }
}
