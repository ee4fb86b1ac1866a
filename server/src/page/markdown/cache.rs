//! Texts that were rendered once: a row of a page and the frame of the same message share the work.
//!
//! The key is the hash of the text, so the cache knows nothing of messages, and a text that was edited or
//! deleted is simply not asked for again.

use std::sync::{Arc, LazyLock};

use maud::Markup;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Bytes of all texts that are kept, rendered.
const CACHE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A shorter text is rendered again: that costs about as much as to look for it.
pub const CACHED_BYTES_MIN: usize = 512;
/// Bytes that an entry takes beside its markup.
const ENTRY_BYTES: u64 = 128;
/// The cache makes room for this many entries at the start.
const ENTRIES_ESTIMATE: usize = 1_024;

/// A text as people see it.
#[derive(Debug)]
pub struct Rendered {
    /// The markup.
    pub markup: Markup,
    /// True if its text is still what was typed.
    pub as_typed: bool,
    /// True if it has lists or quotes, whose side is that of their language and not of the page's.
    pub has_sides: bool,
}

type Key = [u8; blake3::OUT_LEN];

/// Weighs an entry by the bytes that it takes.
#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Rendered>> for ByBytes {
    fn weight(&self, _key: &Key, rendered: &Arc<Rendered>) -> u64 {
        rendered.markup.0.len() as u64 + ENTRY_BYTES
    }
}

static CACHE: LazyLock<Cache<Key, Arc<Rendered>, ByBytes>> =
    LazyLock::new(|| Cache::with_weighter(ENTRIES_ESTIMATE, CACHE_BYTES_MAX, ByBytes));

/// Returns the text as it was rendered before, or renders it.
pub fn rendered(content: &str, render: impl FnOnce(&str) -> Rendered) -> Arc<Rendered> {
    if content.len() < CACHED_BYTES_MIN {
        return Arc::new(render(content));
    }
    let key = *blake3::hash(content.as_bytes()).as_bytes();
    if let Some(found) = CACHE.get(&key) {
        return found;
    }
    let mut made = render(content);
    // It is kept for long, and its length is what it is weighed by.
    made.markup.0.shrink_to_fit();
    let made = Arc::new(made);
    CACHE.insert(key, Arc::clone(&made));
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_rendered_once_and_a_short_one_is_not_kept() {
        for (content, times) in [("x".repeat(CACHED_BYTES_MIN), 1), ("x".repeat(CACHED_BYTES_MIN - 1), 3)] {
            let mut count = 0;
            for _ in 0..3 {
                let found = rendered(&content, |text| {
                    count += 1;
                    Rendered { markup: maud::PreEscaped(text.to_owned()), as_typed: true, has_sides: false }
                });
                assert_eq!(found.markup.0, content);
            }
            assert_eq!(count, times);
        }
    }

    #[test]
    fn what_is_kept_has_a_bound_in_bytes() {
        let bytes = 1024 * 1024;
        for n in 0..64 {
            rendered(&format!("{n}{}", "y".repeat(600)), |_| Rendered {
                markup: maud::PreEscaped("z".repeat(bytes)),
                as_typed: true,
                has_sides: false,
            });
        }
        assert!(CACHE.weight() <= CACHE_BYTES_MAX && CACHE.len() < 64, "{} bytes", CACHE.weight());
    }
}
