//! Both engines do this alike with the entries of a journal.

use millchat::cluster::{FollowError, JournalEntries, JournalEntry};

/// Largest entry, in bytes. A NATS server takes messages of 1 MiB if it is not told otherwise.
pub(super) const ENTRY_BYTES_MAX: usize = 512 * 1024;

/// The reading of a journal, an entry at a time.
pub(super) trait Tail: Send + 'static {
    /// Returns the entry after the last one, once it is there.
    fn next(&mut self) -> impl Future<Output = Result<JournalEntry, FollowError>> + Send;
}

/// Returns the entries of a tail, up to the first error.
pub(super) fn entries(tail: impl Tail) -> JournalEntries {
    Box::pin(futures_util::stream::unfold(Some(tail), async |tail| {
        let mut tail = tail?;
        let next = tail.next().await;
        let goes_on = next.is_ok();
        Some((next, goes_on.then_some(tail)))
    }))
}
