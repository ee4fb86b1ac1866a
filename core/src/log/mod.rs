//! The log: one totally ordered sequence of records, and rooms as chains through it.
//!
//! [`Log`] is the seam between the chat and its storage, and its documentation is the contract of both. The
//! storage may be embedded (redb, here) or replicated.

mod check;
mod contract;
mod derived;
mod error;
pub(crate) mod finish;
mod moderation;
mod open;
pub(crate) mod price;
pub(crate) mod record;
pub(crate) mod redb;
pub(crate) mod role;
mod snapshot;
mod values;

pub use check::{Checked, Finding};
pub use contract::{
    Chain, ChainPoint, Committed, Counts, FinishedEntry, Found, Log, LogCopy, Lookups, NewRecord, Payload,
    READ_BYTES_MAX, READ_EVENTS_MAX, RecordAge, RoomHead, StoredKey,
};
pub use error::{CommitError, CopyError, LogError, NewLogError, OpenError};
pub use moderation::{ModerationCounts, ModerationState};
pub(crate) use open::open_as;
pub use open::{begin, open, place};
pub use record::{BanRecord, Hash, RawRecord, Record, ValueRecord};
pub use redb::{COPY_CHUNK_BYTES_MAX, CopyReceiver, NewLog, check, open_stopped};
pub use snapshot::{LogSnapshot, Piece};
pub use values::ValuesState;
pub(crate) use values::value_bytes;
