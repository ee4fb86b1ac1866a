//! The limits that users can meet, in one file: errors print them and [the crate's front page](crate#limits)
//! lists them. Bounds of the crate's own loops and caches are beside what they bound.

use std::time::Duration;

/// Longest name of a room, in bytes.
pub const ROOM_NAME_BYTES_MAX: usize = 64;
/// Largest content of a message, in bytes.
pub const CONTENT_BYTES_MAX: usize = 65_536;
/// Longest id of an author, in bytes.
pub const AUTHOR_ID_BYTES_MAX: usize = 128;
/// Longest name of an author, in bytes.
pub const AUTHOR_NAME_BYTES_MAX: usize = 256;
/// Longest idempotency key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;

/// Most edits of a message: a delete rewrites all of them.
pub const EDITS_PER_MESSAGE_MAX: usize = 1_000;

/// Most reactions that a message may have, of all kinds and authors together.
pub const REACTIONS_PER_MESSAGE_MAX: usize = 1_000;
/// Most authors that a message in its latest state names per kind of reaction.
pub const REACTION_AUTHORS_MAX: usize = 50;

/// Most sends that may wait for the writer.
pub const QUEUE_SENDS_MAX: usize = 65_536;
/// Most bytes that waiting sends may hold.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most events in one commit.
pub const BATCH_EVENTS_MAX: usize = 8_192;
/// A batch is closed by the send that takes it past this many bytes.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An idempotency key is remembered for this long.
pub const KEY_AGE_MAX: Duration = Duration::from_hours(24);
/// Most idempotency keys that are remembered.
pub const KEYS_MAX: usize = 1_000_000;

/// Most events a ring holds, beside those of the newest commits.
pub const RING_EVENTS_MAX: usize = 512;
/// Most bytes a ring holds, events and frames together, beside those of the newest commits.
pub const RING_BYTES_MAX: usize = 512 * 1024;

/// Most reads of the log that may wait: pages, as many of subscriptions, and as many of sends.
pub const READS_MAX: usize = 65_536;
/// Most of them that one named client may have waiting.
pub const CLIENT_READS_MAX: usize = READS_MAX / 8;

/// Most events of history a join can ask for; more is clamped.
pub const HISTORY_MAX: usize = 1_000;
/// Events of history for a reader whose id was none of this log.
pub const HISTORY_DEFAULT: usize = 100;

/// Most messages of a page; more is clamped.
pub const PAGE_MESSAGES_MAX: usize = 1_000;
/// A page ends with the message that takes it past this many bytes of content and of those who reacted.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Longest query of a search, in bytes.
pub const QUERY_BYTES_MAX: usize = 512;
/// Most different terms of a query: words, and pairs of characters.
pub const QUERY_TERMS_MAX: usize = 32;
/// Most messages that one search returns; more is clamped.
pub const SEARCH_MESSAGES_MAX: usize = 100;

/// Most kinds of frame that a chat can have.
pub const FRAME_KINDS_MAX: usize = 4;
/// Most names that a presence signal holds.
pub const PRESENCE_NAMES_MAX: usize = 50;
/// Most names that a typing signal holds.
pub const TYPING_NAMES_MAX: usize = 10;

/// Most bytes that are shown of an answer that is still being written: the last ones.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Most unfinished answers that a room shows.
pub const ANSWERS_PER_ROOM_MAX: usize = 4;

/// Most authors that may be banned.
pub const BANS_MAX: usize = 100_000;
/// Most rooms that may be closed.
pub const CLOSED_ROOMS_MAX: usize = 100_000;
/// Most emptyings whose erasing is under way.
pub const PURGES_MAX: usize = 1_000;

/// Longest key of a kept value, in bytes.
pub const VALUE_KEY_BYTES_MAX: usize = 256;
/// Longest text of a kept value, in bytes.
pub const VALUE_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Most bytes that all kept values may take in memory, keys and texts and what is kept with each.
pub const VALUES_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of them that only values of vital kinds may take, if the embedder names any.
pub const VALUES_BYTES_RESERVED: usize = 16 * 1024 * 1024;

/// Shortest age that may be set.
pub const RETENTION_AGE_MIN: Duration = Duration::from_mins(1);
