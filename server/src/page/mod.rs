//! The page: what people see, and the routes that their browser uses.
//!
//! Server-rendered by maud, kept live by Datastar: the first HTML holds the newest messages, and the stream
//! goes on from the position it was rendered at. A handler is in the file of its resource: [`room`],
//! [`stream`], [`history`], [`search`], [`messages`], [`moderation`], [`invitation`], [`name`], [`new_room`],
//! [`auth`], [`choose_language`], [`assets`], [`loader`]; what things look like is in the others. Writing
//! needs the cookie of a session, or in a panel ([`panel`]) a bearer token, and is refused to pages of other
//! sites.

mod answering;
mod assets;
pub mod auth;
mod avatar;
mod choose_language;
mod composer;
mod demo;
pub mod denied;
pub mod desk;
mod dialogs;
mod embedded;
pub mod error;
pub mod form;
mod frame;
mod gzip;
mod height;
mod history;
pub mod i18n;
mod invitation;
pub mod layout;
mod loader;
pub mod look;
pub mod markdown;
mod messages;
mod moderation;
mod moderation_view;
mod name;
mod new_room;
pub mod panel;
mod patch;
mod people;
mod quote;
mod reactions;
mod renewal;
mod room;
mod room_view;
pub mod routes;
mod rows;
mod search;
mod stream;

pub use frame::encoder;
pub use renewal::renewed_cookies;
