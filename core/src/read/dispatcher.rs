//! Waking the readers of one runtime thread together.

use std::sync::Arc;

use crate::error::ReadError;
use crate::event::{Author, RoomName};
use crate::read::fair_queue::UNNAMED_CLIENT;
use crate::read::start::StartFrom;
use crate::read::subscription::{FrameSubscription, Subscription};
use crate::room::encoder::FrameKind;
use crate::room::fanout::WaitList;
use crate::shared::Shared;

/// Wakes the subscriptions that were made with it, together: one for each runtime thread.
///
/// Spawn [`Dispatcher::run`] on the thread whose subscriptions it wakes.
#[derive(Clone)]
pub struct Dispatcher {
    shared: Arc<Shared>,
    wait_list: Arc<WaitList>,
    client: u64,
}

impl Dispatcher {
    pub(crate) fn new(shared: Arc<Shared>, wait_list: Arc<WaitList>) -> Self {
        Self { shared, wait_list, client: UNNAMED_CLIENT }
    }

    /// Returns the same dispatcher for the subscriptions of one client: see [`crate::Chat::for_client`].
    #[must_use]
    pub fn for_client(&self, client: u64) -> Self {
        Self { client, ..self.clone() }
    }

    /// Wakes readers for as long as it is polled. Without it they sleep.
    pub fn run(&self) -> impl Future<Output = ()> + Send + 'static {
        let wait_list = self.wait_list.clone();
        async move {
            loop {
                wait_list.wake_notified().await;
            }
        }
    }

    /// Joins a room, as [`crate::Chat::subscribe`] does, to be woken by this dispatcher.
    pub async fn subscribe(
        &self,
        room: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
    ) -> Result<Subscription, ReadError> {
        Subscription::open(self.shared.clone(), &self.wait_list, room, from, reader, self.client).await
    }

    /// Joins a room, as [`crate::Chat::subscribe_frames`] does, to be woken by this dispatcher.
    pub async fn subscribe_frames(
        &self,
        kind: FrameKind,
        room: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
    ) -> Result<FrameSubscription, ReadError> {
        FrameSubscription::open(kind, self.shared.clone(), &self.wait_list, room, from, reader, self.client)
            .await
    }
}
