//! All bots of the settings, from the start to the end of the server.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::seat::Seat;
use super::settings::Bot;
use crate::app::App;
use crate::webhook::settings::Webhook;

/// The bots at work. Dropped, they end where they are: no half answer is stored.
pub struct Bots {
    _seats: JoinSet<()>,
}

impl Bots {
    /// Starts them, on the runtime of whoever calls. At the longer name of a webhook a bot is not meant.
    pub fn start(app: &Arc<App>, bots: &[Bot], webhooks: &[Webhook]) -> Self {
        let seat = |bot: &Bot| {
            let others = bots.iter().filter(|other| other.id != bot.id).map(|other| &*other.author.name);
            Seat::new(
                Arc::clone(app),
                bot.clone(),
                others.chain(webhooks.iter().map(|webhook| &*webhook.name)),
            )
        };
        Self { _seats: bots.iter().map(seat).map(Seat::run).collect() }
    }
}
