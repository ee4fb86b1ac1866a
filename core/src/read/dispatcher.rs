//! Waking the readers of one runtime thread together.

use std::sync::Arc;

use crate::error::ReadError;
use crate::event::{Author, RoomName};
use crate::read::start::From;
use crate::read::subscription::{FrameSubscription, Subscription};
use crate::room::encoder::FrameKind;
use crate::room::fanout::Waiting;
use crate::shared::Shared;

/// Wakes the subscriptions that were made with it, together: one for each runtime thread.
///
/// Spawn [`Dispatcher::run`] on the thread whose subscriptions it wakes.
#[derive(Clone)]
pub struct Dispatcher {
    shared: Arc<Shared>,
    waiting: Arc<Waiting>,
}

impl Dispatcher {
    pub(crate) fn new(shared: Arc<Shared>, waiting: Arc<Waiting>) -> Self {
        Self { shared, waiting }
    }

    /// Wakes readers for as long as it is polled. Without it they sleep.
    pub fn run(&self) -> impl Future<Output = ()> + Send + 'static {
        let waiting = self.waiting.clone();
        async move {
            loop {
                waiting.wake_told().await;
            }
        }
    }

    /// Joins a room, as [`crate::Chat::subscribe`] does, to be woken by this dispatcher.
    pub async fn subscribe(
        &self,
        room: &RoomName,
        from: From,
        reader: Option<Author>,
    ) -> Result<Subscription, ReadError> {
        Subscription::open(self.shared.clone(), &self.waiting, room, from, reader).await
    }

    /// Joins a room, as [`crate::Chat::subscribe_frames`] does, to be woken by this dispatcher.
    pub async fn subscribe_frames(
        &self,
        kind: FrameKind,
        room: &RoomName,
        from: From,
        reader: Option<Author>,
    ) -> Result<FrameSubscription, ReadError> {
        FrameSubscription::open(kind, self.shared.clone(), &self.waiting, room, from, reader).await
    }
}
