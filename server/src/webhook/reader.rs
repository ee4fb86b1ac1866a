//! The reader of one webhook: it follows the log from its place, and sends what is for its receiver in order.

use std::sync::Arc;
use std::time::Duration;

use millchat::{Position, RoomName};

use super::deliver::{End, READ_WAIT, Sender};
use super::place::Place;
use super::settings::Webhook;
use crate::app::App;

/// Time between two looks if the place is to be kept.
const KEPT_EVERY: Duration = Duration::from_secs(5);

/// A webhook at work.
pub struct Reader {
    sender: Sender,
    place: Place,
}

impl Reader {
    /// Puts it together. `others` are the names of the other programs.
    pub fn new<'a>(app: Arc<App>, webhook: Webhook, others: impl IntoIterator<Item = &'a str>) -> Self {
        let place = Place::read(&app.chat, &webhook.id);
        Self { sender: Sender::new(app, webhook, others), place }
    }

    /// Returns its place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Sends until the server ends or the receiver wants no more; then keeps the place.
    pub async fn run(self) {
        tokio::select! {
            () = self.follow() => {}
            () = self.keep_place() => {}
            () = self.sender.app.drain.wait() => {}
        }
        self.keep().await;
    }

    async fn follow(&self) {
        let mut log = self.sender.app.chat.follow(self.place.position());
        'parts: while let Some(read) = log.next().await {
            let part = match read {
                Ok(part) => part,
                Err(error) => {
                    self.sender.tell(log.position(), &error);
                    tokio::time::sleep(READ_WAIT).await;
                    continue;
                }
            };
            if part.lost > 0 {
                self.lose(part.lost, part.position);
            }
            // Only where they are: nothing is queued, and each is read again when it is its turn.
            let due = part.events.iter().filter(|event| self.sender.filter.takes(event));
            let due: Vec<(RoomName, Position)> =
                due.map(|event| (event.room.clone(), event.position)).collect();
            drop(part.events);
            for (room, position) in due {
                let Some(end) = self.sender.deliver(&room, position).await else {
                    // What is before it was sent or is lost too, and is counted. The next part counts on from here.
                    self.lose(1, position);
                    self.place.pass(position);
                    log = self.sender.app.chat.follow(position);
                    continue 'parts;
                };
                self.finish(position, end);
                if end == End::Gone {
                    return;
                }
            }
            self.place.pass(part.position);
        }
    }

    /// Counts what can no longer be sent, each once.
    fn lose(&self, lost: u64, up_to: Position) {
        let webhook = &self.sender.webhook.id;
        tracing::warn!(webhook, lost, up_to, "a webhook missed what is no longer kept, or is damaged");
        self.sender.app.metrics.webhook_lost(webhook, lost);
    }

    /// Says what became of a message. Its place is done with, unless the receiver wants no more.
    fn finish(&self, position: Position, end: End) {
        let webhook = &self.sender.webhook.id;
        self.sender.app.metrics.webhook_delivered(webhook, end.name());
        match end {
            End::Delivered | End::Withdrawn => {}
            End::Refused => tracing::warn!(webhook, position, "a webhook's receiver does not take a message"),
            End::Expired => tracing::warn!(webhook, position, "a webhook's message is given up after a day"),
            End::Gone => {
                tracing::warn!(
                    webhook,
                    position,
                    "a webhook's receiver answers 410: it gets no more until a restart"
                );
                return;
            }
        }
        self.place.finish(position);
    }

    /// Keeps the place every few seconds, for ever.
    async fn keep_place(&self) {
        loop {
            self.keep().await;
            tokio::time::sleep(KEPT_EVERY).await;
        }
    }

    async fn keep(&self) {
        if let Err(error) = self.place.keep().await {
            self.sender.tell(self.place.position(), &error);
        }
    }
}
