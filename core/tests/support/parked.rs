//! A writer that a test parks, so that what is sent meanwhile makes one batch.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;

use millchat::log::Log;
use millchat::{Chat, Draft};
use parking_lot::Mutex;

use super::{Meddled, ada, room};

/// Parks the writer of a chat over a log that [`Parking::over`] made.
pub struct Parking {
    is_armed: Arc<AtomicBool>,
    begun: Arc<Mutex<Receiver<()>>>,
    go_on: Sender<()>,
}

impl Parking {
    /// Opens a chat over a log.
    pub fn over(log: Arc<dyn Log>) -> (Chat, Self) {
        let (begun, has_begun) = channel();
        let (go_on, goes_on) = channel();
        let (is_armed, goes_on) = (Arc::new(AtomicBool::new(false)), Mutex::new(goes_on));
        let armed = is_armed.clone();
        let before_commit = move || {
            if armed.swap(false, Ordering::AcqRel) {
                begun.send(()).unwrap();
                // An error: the test is over.
                let _ = goes_on.lock().recv();
            }
            Ok(())
        };
        let chat = Meddled { log, before_commit: Box::new(before_commit), ..Meddled::new() }.open();
        (chat, Self { is_armed, begun: Arc::new(Mutex::new(has_begun)), go_on })
    }

    /// Puts all sends of a future into the queue while the writer is busy with another one, and makes sure
    /// that one commit took them.
    pub async fn in_one_batch<T>(&self, chat: &Chat, sends: impl Future<Output = T>) -> T {
        let before = chat.stats().commits;
        self.is_armed.store(true, Ordering::Release);
        let plug = tokio::spawn({
            let chat = chat.clone();
            async move { chat.send(&room("plug"), Draft::post(ada(), "x")).await }
        });
        let begun = self.begun.clone();
        tokio::task::spawn_blocking(move || begun.lock().recv().unwrap()).await.unwrap();
        let mut sends = pin!(sends);
        // Each is in the queue once it was polled.
        let polled = poll_fn(|cx| Poll::Ready(sends.as_mut().poll(cx))).await;
        assert!(polled.is_pending(), "they wait for the writer");
        self.go_on.send(()).unwrap();
        let sent = sends.await;
        plug.await.unwrap().unwrap();
        assert_eq!(chat.stats().commits, before + 2, "they are one batch");
        sent
    }
}
