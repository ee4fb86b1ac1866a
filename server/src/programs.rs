//! The thread of the programs of the settings, bots and webhooks. What they do, for example to look through long texts
//! for mentions, holds up nobody whose connection is to be accepted or served.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;

use crate::app::App;
use crate::bot::Bots;
use crate::webhook::Webhooks;
use crate::webhook::settings::Webhook;

/// The programs at work. There is no thread if there are none.
pub struct Programs {
    ended: Option<oneshot::Receiver<()>>,
}

impl Programs {
    /// Starts them. They end with the server's drain.
    pub fn start(app: &Arc<App>, webhooks: &[Webhook]) -> io::Result<Self> {
        if app.bots.is_empty() && webhooks.is_empty() {
            return Ok(Self { ended: None });
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (app, webhooks) = (Arc::clone(app), webhooks.to_vec());
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("millchat-programs".into()).spawn(move || {
            runtime.block_on(async {
                let bots = Bots::start(&app, &app.bots, &webhooks);
                let webhooks = Webhooks::start(&app, &webhooks);
                app.drain.wait().await;
                // No half answer is stored.
                drop(bots);
                webhooks.join().await;
            });
            let _ = end.send(());
        })?;
        Ok(Self { ended: Some(ended) })
    }

    /// Waits until all have ended: webhooks keep their places.
    pub async fn join(self) {
        if let Some(ended) = self.ended {
            let _ = ended.await;
        }
    }
}
