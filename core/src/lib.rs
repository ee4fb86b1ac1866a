//! The core of Millchat: a durable live chat that never loses a message.
//!
//! **The log is the truth. A room is a chain through the log. A subscriber is a cursor on that chain.**
//!
//! Every event is appended once to one totally ordered log and gets a position, and the position of the event
//! before it in its room. It is shown to nobody before it is durable. Joining is setting a cursor, so there
//! is no moment between a snapshot and a subscription in which a message could be missed; a slow reader falls
//! off the ring in memory, reads on from the log, and slows nobody.
//!
//! ```
//! # use millchat::{Author, AuthorKind, Chat, Draft, StartFrom, RoomName};
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let chat = Chat::open("temp:")?;
//! let lobby = RoomName::new("lobby")?;
//! let mut reader = chat.subscribe(&lobby, StartFrom::Last(100), None).await?;
//! let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
//! let receipt = chat.send(&lobby, Draft::post(ada, "hello")).await?; // durable from here on
//! # let _ = (&mut reader, receipt); Ok(()) })
//! # .map_err(|error: Box<dyn std::error::Error>| error)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it is not
//!
//! It knows no HTTP, no HTML, no accounts and no rights beyond "the author of the message": the embedder
//! brings those. It is one process per log file.
//!
//! # Limits
//!
//! | what | limit |
//! |---|---|
//! | content of a message | 65,536 bytes |
//! | name of a room | 1 to 64 of `A-Z a-z 0-9 _ -` |
//! | sends that wait for the disk | 65,536, or 64 MiB |
//! | events of one commit | 8,192, or about 8 MiB, or 8,192 units of other work |
//! | events of a room kept in memory | 512, or 512 KiB; and those of the newest commit |
//! | reads of the log that wait | 65,536, of one named client 8,192 |
//! | idempotency keys | 24 hours, or 1,000,000 |
//! | history a join can ask for | 1,000 events |
//! | page of history | 1,000 messages, or about 1 MiB |
//! | a search | 512 bytes, 32 different terms, 100 messages |
//! | the work of one search | 2,048 packs of the index (large ones count more), 2,048 events, 256 KiB of text |
//! | edits of a message | 1,000 |
//! | reactions to a message | 1,000, each kind once per author |
//! | kinds of frame | 4 |
//! | unfinished answers that a room shows | 4, each with the last 4,096 bytes |
//! | closed rooms, banned authors | 100,000 each |
//! | purges of rooms at a time | 1,000 |
//! | key of a kept value | 256 bytes of visible ASCII, `kind/rest` |
//! | text of a kept value | 4,096 bytes |
//! | all kept values | 128 MiB of memory; of each kind as many as the embedder says |

mod answer;
mod cause;
mod chat;
pub mod cluster;
mod counters;
mod currentness;
mod error;
mod event;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod limits;
pub mod log;
mod message;
#[cfg(loom)]
#[path = "../../verify/loom/src/models/mod.rs"]
pub mod models;
mod neighbours;
mod packer;
mod people;
mod reaction;
mod read;
mod room;
mod search;
mod shared;
mod snapshot;
mod sync;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod value;
mod values;
mod wire;
mod writer;

pub use answer::{AnswerState, UnfinishedAnswer};
pub use cause::Cause;
pub use chat::{Ban, Builder, Chat, Overview};
pub use counters::{Histogram, Stats};
pub use error::{ReadError, SendError};
pub use event::{
    Action, Author, AuthorKind, Body, Draft, Epoch, Event, EventId, InvalidEventId, InvalidRoomName,
    Position, Receipt, RoomName, Timestamp,
};
pub use limits::{
    ANSWER_BYTES_MAX, ANSWERS_PER_ROOM_MAX, AUTHOR_ID_BYTES_MAX, AUTHOR_NAME_BYTES_MAX, BANS_MAX,
    CLOSED_ROOMS_MAX, CONTENT_BYTES_MAX, FRAME_KINDS_MAX, HISTORY_DEFAULT, HISTORY_MAX, KEY_BYTES_MAX,
    PAGE_MESSAGES_MAX, PRESENCE_NAMES_MAX, PURGES_MAX, QUERY_BYTES_MAX, QUERY_TERMS_MAX,
    REACTION_AUTHORS_MAX, REACTIONS_PER_MESSAGE_MAX, RETENTION_AGE_MIN, ROOM_NAME_BYTES_MAX,
    SEARCH_MESSAGES_MAX, TYPING_NAMES_MAX, VALUE_KEY_BYTES_MAX, VALUE_TEXT_BYTES_MAX, VALUES_BYTES_MAX,
    VALUES_BYTES_RESERVED,
};
pub use log::{OpenError, RoomHead};
pub use message::{Message, Reacted, Reactions};
pub use neighbours::{SIGNALS_BYTES_MAX, StoppedAnswer, UnreadableSignals};
pub use reaction::{Reaction, UnknownReaction};
pub use read::cursor::Delivery;
pub use read::dispatcher::Dispatcher;
pub use read::follow::{Followed, Follower};
pub use read::form::Received;
pub use read::history::{HistoryPage, HistoryRange};
pub use read::opening::{GapReason, Opened, Opening, ResetReason};
pub use read::search::SearchPage;
pub use read::start::StartFrom;
pub use read::subscription::{FrameGroup, FramePlace, FrameSource, FrameSubscription, Subscription};
pub use room::encoder::{Encoder, FrameKind, Frames, Item, Presence, Signal};
pub use room::redactions::RedactionMark;
pub use search::{Query, QueryError};
pub use snapshot::Snapshot;
pub use value::{NewValue, Replaces, Value, is_value_key};
pub use writer::{Connections, Inbound, RetentionPolicy};
