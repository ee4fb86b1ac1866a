//! The place of a webhook in the log: up to there everything is done. It is kept in the log by the webhook's id.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use millchat::{Chat, NewValue, Position, Replaces, SendError};

/// The kind of the kept values. They are secret only so that no export has them: in the log that is made of one, the
/// positions are others.
pub const KIND: &str = ".webhook";
/// Most places that are kept, with those of webhooks that the settings have no more.
const PLACES_MAX: usize = 1_000;
/// Positions after which a place is kept though nothing was sent: a start reads no more than these again.
const MOVED_MIN: u64 = 4_096;

/// A webhook's place.
pub struct Place {
    chat: Chat,
    key: String,
    /// Up to here everything is done. Read for the metrics by other threads, and guards nothing: relaxed.
    position: Arc<AtomicU64>,
    /// The place that is kept. Written by the one task that keeps it: relaxed, as the next.
    kept: AtomicU64,
    /// Something was sent since then.
    is_due: AtomicBool,
}

impl Place {
    /// Reads the place that the log keeps. A new webhook begins at the head, and so does one whose place is
    /// beyond it: that is of another log.
    pub fn read(chat: &Chat, id: &str) -> Self {
        let (key, head) = (format!("{KIND}/{id}"), chat.head());
        let kept = chat.value(&key).and_then(|value| value.text.parse::<Position>().ok());
        let position = kept.map_or(head, |kept| kept.min(head));
        Self {
            chat: chat.clone(),
            key,
            position: Arc::new(AtomicU64::new(position)),
            kept: AtomicU64::new(kept.unwrap_or(0)),
            is_due: AtomicBool::new(kept != Some(position)),
        }
    }

    /// Returns the position up to which everything is done.
    pub fn position(&self) -> Position {
        self.position.load(Ordering::Relaxed)
    }

    /// Returns the same, as it will be.
    pub fn shared(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }

    /// Everything up to there is done, and nothing of it was for the receiver.
    pub fn pass(&self, position: Position) {
        self.position.store(position, Ordering::Relaxed);
        if position.saturating_sub(self.kept.load(Ordering::Relaxed)) >= MOVED_MIN {
            self.is_due.store(true, Ordering::Relaxed);
        }
    }

    /// The message there is done.
    pub fn finish(&self, position: Position) {
        self.position.store(position, Ordering::Relaxed);
        self.is_due.store(true, Ordering::Relaxed);
    }

    /// Keeps the place in the log, unless it is there already or nothing was done that would be done again.
    pub async fn keep(&self) -> Result<(), SendError> {
        if !self.is_due.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let position = self.position();
        let (until, by, replaces) = (None, None, Replaces::Any);
        let value = NewValue { text: position.to_string(), until, by, replaces, limit: PLACES_MAX };
        let kept = self.chat.set_value(&self.key, value).await;
        match kept {
            Ok(_) => self.kept.store(position, Ordering::Relaxed),
            Err(_) => self.is_due.store(true, Ordering::Relaxed),
        }
        kept.map(|_| ())
    }
}
