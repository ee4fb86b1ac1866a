//! The work of hyper for one request, done beside the wait for its answer.

use std::pin::Pin;

use tokio::select;

/// A connection that lives as long as its one exchange: it is not a task of its own, so that dropping the
/// answer closes it.
pub struct Exchange {
    /// `None` once it has ended.
    connection: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Exchange {
    /// Holds a connection.
    pub fn new(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { connection: Some(Box::pin(connection)) }
    }

    /// Waits for something of this connection.
    pub async fn beside<T>(&mut self, thing: impl Future<Output = T>) -> T {
        let mut thing = std::pin::pin!(thing);
        if let Some(connection) = &mut self.connection {
            select! {
                biased;
                done = &mut thing => return done,
                // What it says at its end, the thing says too.
                () = connection => self.connection = None,
            }
        }
        thing.await
    }
}
