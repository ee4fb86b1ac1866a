//! The surroundings of every handler: the chat, the kinds of frame, the identities of people.
//!
//! [`App`] is one per process and shared by all threads. [`Worker`] is one per runtime thread: it adds the
//! thread's dispatcher, by which the subscriptions of its connections are woken.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use hyper::header::HeaderValue;
use millchat::{
    Author, Chat, Dispatcher, Draft, FrameKind, FrameSubscription, ReadError, Receipt, RoomName, SendError,
    StartFrom,
};
use tokio::sync::Semaphore;

use crate::access::authority::{Allowed, Authority};
use crate::access::table::Action;
use crate::access::watch::RightsWatch;
use crate::avatars::Avatars;
use crate::bot::settings::Bot;
use crate::byte_budget::ByteBudget;
use crate::client_ip::{Client, client};
use crate::detached::DetachedStreams;
use crate::drafts::Drafts;
use crate::drain::Drain;
use crate::framing::Framing;
use crate::identity::Identity;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::public_url::PublicUrl;
use crate::refusal_log::RefusalLog;
use crate::sign_in::Logins;
use crate::tls::{CertificateSource, Tls};
use crate::turns::Turns;

/// The process-wide half of a handler's surroundings.
pub struct App {
    /// The log, the rooms and the readers.
    pub chat: Chat,
    /// The encoder of each kind of reader.
    pub frames: Frames,
    /// Signs and checks tokens.
    pub identity: Arc<Identity>,
    /// Decides who may do what.
    pub authority: Arc<Authority>,
    /// Held while a room is begun whose first event is not like any other, until that is stored.
    pub beginnings: Arc<tokio::sync::Mutex<()>>,
    /// The bots that are built in.
    pub bots: Vec<Bot>,
    /// The answers that bots are writing.
    pub drafts: Drafts,
    /// Raised when the process is to end.
    pub drain: Arc<Drain>,
    /// The figures of `/metrics`.
    pub metrics: Arc<Metrics>,
    /// The limits of one author or address.
    pub limits: Limits,
    /// The log lines of those who were refused.
    pub refused: RefusalLog,
    /// Turns at work that is shared by address.
    pub turns: Turns,
    /// The memory for bodies that are being read.
    pub reading: Arc<ByteBudget>,
    /// The memory for answers that wait to be taken.
    pub unsent: Arc<ByteBudget>,
    /// True if the operator has a listener of their own: then the public one knows none.
    pub has_admin_listener: bool,
    /// The public address, if it is not the one where the server listens.
    pub public_url: Option<PublicUrl>,
    /// The sites that may show rooms in a frame. A reload stores others.
    pub framing: ArcSwap<Framing>,
    /// True if there is a page that stands for a site with the panel.
    pub has_demo: bool,
    /// The server's side of TLS, if the public listener speaks it.
    pub tls: Option<Arc<Tls>>,
    /// The place that its certificate comes from.
    pub certificate_source: Option<CertificateSource>,
    /// Connections that may be open, with the requests that share one by HTTP/2.
    pub connections: Arc<Semaphore>,
    /// The header by which browsers come by TLS only from now on.
    pub hsts: Option<HeaderValue>,
    /// The providers at which people sign in.
    pub logins: Logins,
    /// The pictures of those who did.
    pub avatars: Avatars,
}

impl App {
    /// Sends what somebody was allowed, if it still is when it is stored, and counts how it went.
    pub async fn send(
        &self,
        room: &RoomName,
        draft: Draft,
        (by, action): (&Allowed, Action),
    ) -> Result<Receipt, SendError> {
        let started = Instant::now();
        let (authority, by, of) = (Arc::clone(&self.authority), by.clone(), room.clone());
        let is_allowed = move || authority.still_allows(&by, &of, action).is_ok();
        let sent = self.chat.send_if(room, draft, is_allowed).await;
        self.metrics.sent(sent.as_ref().err(), started.elapsed());
        sent
    }

    /// Returns true if people can sign in.
    pub fn has_logins(&self) -> bool {
        !self.logins.is_empty()
    }
}

/// The frame kinds that the server registered with the chat.
#[derive(Debug, Clone, Copy)]
pub struct Frames {
    /// Frames of the API's stream.
    pub json: FrameKind,
    /// Frames of the page's stream.
    pub html: FrameKind,
}

/// The per-thread half: what a handler gets.
pub struct Worker {
    /// The process-wide half.
    pub app: Arc<App>,
    /// Wakes the subscriptions that were made on this thread; its `run` is spawned here too.
    pub dispatcher: Dispatcher,
    /// Wakes the thread's streams when what they were allowed by has changed; its `run` is spawned here too.
    pub watch: Rc<RightsWatch>,
    /// The streams that left hyper; `None` when none may.
    pub detached: Option<Rc<DetachedStreams>>,
}

impl Worker {
    /// Joins a room, for frames of a kind; the subscription is woken on this thread and must stay on it. The
    /// clients take turns at reads of the log.
    pub async fn subscribe(
        &self,
        kind: FrameKind,
        room: &RoomName,
        from: StartFrom,
        (reader, client): (Option<Author>, Client),
    ) -> Result<FrameSubscription, ReadError> {
        let dispatcher = self.dispatcher.for_client(client.number());
        dispatcher.subscribe_frames(kind, room, from, reader).await
    }

    /// Returns the chat for the reads of a request: its client takes turns with the others at the log.
    pub fn chat_for<B>(&self, req: &hyper::Request<B>) -> Chat {
        self.app.chat.for_client(client(req).number())
    }
}
