//! All webhooks of the settings, from the start to the end of the server.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::reader::Reader;
use super::settings::Webhook;
use crate::app::App;

/// Longest time that the end waits for the places to be kept.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// The webhooks at work. They end with the server's drain.
pub struct Webhooks(JoinSet<()>);

impl Webhooks {
    /// Starts them, on the runtime of whoever calls.
    pub fn start(app: &Arc<App>, webhooks: &[Webhook]) -> Self {
        let reader = |webhook: &Webhook| {
            let others = webhooks.iter().filter(|other| other.id != webhook.id);
            Reader::new(Arc::clone(app), webhook.clone(), others.map(|other| &*other.name))
        };
        let readers: Vec<Reader> = webhooks.iter().map(reader).collect();
        let places = webhooks.iter().zip(&readers);
        let places = places.map(|(webhook, reader)| (webhook.id.clone(), reader.place().shared()));
        app.metrics.watch_webhooks(places.collect());
        Self(readers.into_iter().map(Reader::run).collect())
    }

    /// Waits until all have ended, for a moment.
    pub async fn join(self) {
        if tokio::time::timeout(END_TIMEOUT, self.0.join_all()).await.is_err() {
            tracing::warn!(
                "the places of webhooks are not kept; some messages are sent again at the next start"
            );
        }
    }
}
