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
            runtime.block_on(run(&app, &webhooks));
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

/// Runs them while this node leads: of many nodes, one answers, and sends each message. A single node leads.
async fn run(app: &Arc<App>, settings: &[Webhook]) {
    let mut leadership = app.chat.leadership();
    loop {
        tokio::select! {
            () = app.drain.wait() => return,
            leads = leadership.wait_for(|leads| *leads) => if leads.is_err() { return },
        }
        let bots = Bots::start(app, &app.bots, settings);
        let webhooks = Webhooks::start(app, settings);
        tokio::select! {
            () = app.drain.wait() => {
                // No half answer is stored.
                drop(bots);
                return webhooks.join().await;
            }
            // The next leader goes on from the places that are kept in the log.
            _ = leadership.wait_for(|leads| !*leads) => {}
        }
    }
}
