//! A thread that serves readers of a chat over real sockets, with a backend that tells what it was asked to do.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millchat::{
    Author, AuthorKind, Body, Chat, Dispatcher, Draft, Epoch, Event, FrameKind, Item, Position, RoomName,
    StartFrom, Timestamp,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::access::authority::Authority;
use crate::access::decide::Caller;
use crate::access::denial::Denial;
use crate::access::guard::Guard;
use crate::access::rules::Rules;
use crate::access::table;
use crate::access::watch::RightsWatch;
use crate::detached::backend::{BATCH_MAX, Target, WriteBackend};
use crate::detached::lists::DetachedStreams;
use crate::detached::socket::Outgoing;
use crate::detached::{DetachedStream, StreamWriter};
use crate::drain::Drain;
use crate::http::EventStream as _;
use crate::identity::site::Sites;
use crate::identity::{Identity, Person, TokenError, Via};
use crate::metrics::Metrics;
use crate::sse::multi_room::MultiRoomStream;
use crate::sse::reader_stream::ReaderStream;
use crate::sse::stream::{SseFormat, Stream};
use crate::write_timeout::WriteTimeout;

/// It only turns a hang into a failure.
pub const PATIENCE: Duration = Duration::from_mins(2);
pub const HEARTBEAT_BYTES: &[u8] = b"*\n";
/// The bytes that stand for the head of an answer.
pub const HEAD: Bytes = Bytes::from_static(b"head\n");
/// The end of a stream whose reader may not read.
const DENIED_BYTES: &[u8] = b"denied\n";

struct Format;

impl SseFormat for Format {
    fn opening(&self, _: &millchat::Opened, out: &mut Vec<u8>) {
        out.extend_from_slice(b"open\n");
    }
    fn gap(&self, _: Position, _: millchat::GapReason, _: millchat::EventId, _: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"gap\n");
    }
    fn heartbeat(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEARTBEAT_BYTES);
    }
    fn denied(&self, _: &Denial, out: &mut Vec<u8>) {
        out.extend_from_slice(DENIED_BYTES);
    }
    fn nobody(&self, _: TokenError, _: &mut Vec<u8>) {}
}

/// A line for each event: its position, the one before, and its text. None for signals.
fn encode(_: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    let Item::Event(Event { position, prev, body, .. }) = item else { return };
    let text = match body {
        Body::Message { content, .. } => content.as_deref().unwrap_or("deleted"),
        _ => "other",
    };
    out.extend_from_slice(format!("{position} {prev} {text}\n").as_bytes());
}

/// A line that names a room.
pub fn mark(room: &RoomName, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("#{room}\n").as_bytes());
}

/// The submissions that were made: the number of readers, and if a list made it.
type Submissions = Rc<RefCell<Vec<(usize, bool)>>>;
/// Called after a list has handed these bytes to readers.
type After = Rc<RefCell<Option<Box<dyn FnMut(&[u8])>>>>;

/// Called after readers that are alone were handed something.
type AfterOthers = Rc<RefCell<Option<Box<dyn FnMut()>>>>;

/// A backend that tells.
struct Telling {
    backend: Box<dyn WriteBackend>,
    submissions: Submissions,
    after: After,
    after_others: AfterOthers,
}

impl WriteBackend for Telling {
    fn send(&mut self, batch: &mut [Outgoing]) {
        self.submissions.borrow_mut().push((batch.len(), false));
        self.backend.send(batch);
        if let Some(after) = &mut *self.after_others.borrow_mut() {
            after();
        }
    }

    fn send_to_all(
        &mut self,
        readers: &[Target],
        bytes: &Bytes,
        others: &mut Vec<(usize, io::Result<usize>)>,
    ) {
        assert!(readers.len() <= BATCH_MAX);
        self.submissions.borrow_mut().push((readers.len(), true));
        self.backend.send_to_all(readers, bytes, others);
        if let Some(after) = &mut *self.after.borrow_mut() {
            after(bytes);
        }
    }
}

/// A serving thread with its chat.
pub struct Served {
    pub chat: Chat,
    kind: FrameKind,
    dispatcher: Dispatcher,
    pub authority: Arc<Authority>,
    watch: Rc<RightsWatch>,
    pub drain: Arc<Drain>,
    metrics: Arc<Metrics>,
    streams: Rc<DetachedStreams>,
    pub submissions: Submissions,
    pub after: After,
    pub after_others: AfterOthers,
    listener: TcpListener,
}

pub fn ada() -> Author {
    Author { id: "g_ada".into(), name: "Ada".into(), kind: AuthorKind::Guest }
}

impl Served {
    async fn start(writer: StreamWriter) -> Rc<Self> {
        let mut builder = Chat::builder();
        let kind = builder.encoder(encode);
        let chat = builder.open("memory:").unwrap();
        let identity = Arc::new(Identity::new(chat.clone(), Sites::default(), false));
        let authority = Arc::new(Authority::new(chat.clone(), identity, Rules::default()));
        let watch = RightsWatch::new(Arc::clone(&authority));
        let dispatcher = chat.dispatcher();
        let (drain, metrics) = <(Arc<Drain>, Arc<Metrics>)>::default();
        let (submissions, after, after_others) = <(Submissions, After, AfterOthers)>::default();
        let telling = Telling {
            backend: writer.backend().unwrap(),
            submissions: Rc::clone(&submissions),
            after: Rc::clone(&after),
            after_others: Rc::clone(&after_others),
        };
        let streams = DetachedStreams::new(Box::new(telling));
        spawn_local(dispatcher.run());
        spawn_local(Rc::clone(&watch).run(Arc::clone(&drain)));
        spawn_local(Rc::clone(&streams).run());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Rc::new(Self {
            chat,
            kind,
            dispatcher,
            authority,
            watch,
            drain,
            metrics,
            streams,
            submissions,
            after,
            after_others,
            listener,
        })
    }

    /// A reader of a room whose credential ends at a time; gives its end of the connection and the task that serves it.
    pub async fn reader(
        self: &Rc<Self>,
        room: &RoomName,
        from: StartFrom,
        end: Option<Timestamp>,
        buffer: Option<u32>,
    ) -> (TcpStream, JoinHandle<()>) {
        self.reader_from(std::future::ready(()), room, from, (end, buffer)).await
    }

    /// The same; it is served from a moment on.
    pub async fn reader_from(
        self: &Rc<Self>,
        begin: impl Future<Output = ()> + 'static,
        room: &RoomName,
        from: StartFrom,
        (end, buffer): (Option<Timestamp>, Option<u32>),
    ) -> (TcpStream, JoinHandle<()>) {
        let mut stream = Box::new(self.stream(room, from, end).await);
        let stream = |asked| {
            stream.obey(asked);
            DetachedStream::new(HEAD, ReaderStream::One(stream))
        };
        self.connect(begin, stream, buffer).await
    }

    /// A reader of several rooms.
    pub async fn reader_of_several(
        self: &Rc<Self>,
        rooms: &[RoomName],
        buffer: Option<u32>,
    ) -> (TcpStream, JoinHandle<()>) {
        let rooms: Vec<_> = rooms.iter().map(|room| (room.clone(), StartFrom::Last(0))).collect();
        self.reader_of_several_from(&rooms, buffer).await
    }

    /// The same, each room from a place.
    pub async fn reader_of_several_from(
        self: &Rc<Self>,
        rooms: &[(RoomName, StartFrom)],
        buffer: Option<u32>,
    ) -> (TcpStream, JoinHandle<()>) {
        let mut streams = Box::new(self.streams_of(rooms).await);
        let streams = |asked| {
            streams.obey(asked);
            DetachedStream::new(HEAD, ReaderStream::Several(streams))
        };
        self.connect(std::future::ready(()), streams, buffer).await
    }

    /// The streams of several rooms.
    pub async fn streams_of(&self, rooms: &[(RoomName, StartFrom)]) -> MultiRoomStream {
        let mut streams = Vec::new();
        for (room, from) in rooms {
            streams.push((room.clone(), self.stream(room, *from, None).await));
        }
        MultiRoomStream::new(streams, Vec::new(), mark)
    }

    async fn stream(&self, room: &RoomName, from: StartFrom, end: Option<Timestamp>) -> Stream {
        let subscription = self.dispatcher.subscribe_frames(self.kind, room, from, None).await.unwrap();
        let caller = Caller::of(Ok(Person::new(ada(), Via::Guest, end)));
        let allowed = self.authority.decide(caller, room, table::Action::Read).unwrap();
        let guard = Guard::new(&self.watch, allowed, room.clone());
        Stream::new((&self.metrics, &self.drain), subscription, guard, Format)
    }

    /// Connects a reader to a stream, which is made with what asks it and is served from a moment on.
    pub async fn connect(
        self: &Rc<Self>,
        begin: impl Future<Output = ()> + 'static,
        stream: impl FnOnce(Rc<Cell<bool>>) -> DetachedStream,
        buffer: Option<u32>,
    ) -> (TcpStream, JoinHandle<()>) {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let address = self.listener.local_addr().unwrap();
        let (theirs, ours) = tokio::join!(socket.connect(address), self.listener.accept());
        let (theirs, ours) = (theirs.unwrap(), ours.unwrap().0);
        if let Some(bytes) = buffer {
            socket2::SockRef::from(&ours).set_send_buffer_size(bytes as usize).unwrap();
        }
        let socket = WriteTimeout::new(ours, Gauge::default(), Counter::default());
        socket.state().streaming.set(true);
        let stream = stream(Rc::clone(&socket.state().asked));
        let served = Rc::clone(self);
        let task = spawn_local(async move {
            begin.await;
            let mut reader = stream.reader(&served.streams, (socket, None));
            poll_fn(|cx| reader.poll(cx)).await;
        });
        (theirs, task)
    }

    /// As many readers of a room who are in its list, with the bytes of their opening read.
    pub async fn listed(self: &Rc<Self>, room: &RoomName, count: usize) -> Vec<(TcpStream, JoinHandle<()>)> {
        let expected = self.streams.served() + count;
        let mut readers = Vec::new();
        for _ in 0..count {
            readers.push(self.reader(room, StartFrom::Last(0), None, None).await);
        }
        let position = self.post(room, "first").await;
        for (socket, _) in &mut readers {
            read_to(socket, position).await;
        }
        // Those who got it by themselves join behind it.
        self.all_join(expected).await;
        self.submissions.borrow_mut().clear();
        readers
    }

    /// Returns the number of places in lists that readers have.
    pub fn places(&self) -> usize {
        self.streams.served()
    }

    /// Returns the number of lists that were begun.
    pub fn begun(&self) -> usize {
        self.streams.begun.get()
    }

    /// Returns the number of lists.
    pub fn lists(&self) -> usize {
        self.streams.lists()
    }

    /// Waits until the lists have so many places that are taken.
    pub async fn all_join(&self, expected: usize) {
        let all_join = async {
            while self.streams.served() < expected {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, all_join).await.expect("all are in the list");
    }

    pub async fn post(&self, room: &RoomName, text: &str) -> Position {
        self.chat.send(room, Draft::post(ada(), text)).await.unwrap().position
    }
}

/// Returns the position of the event of a line, the one before, and its text; `None` of what a stream says besides.
pub fn event(line: &str) -> Option<(Position, Position, &str)> {
    let mut words = line.splitn(3, ' ');
    let Some(Ok(position)) = words.next().map(str::parse) else {
        assert!(matches!(line, "head" | "open" | "" | "*") || line.starts_with("retry:"), "{line:.40}");
        return None;
    };
    Some((position, words.next().unwrap().parse().unwrap(), words.next().unwrap()))
}

/// Reads up to the line of an event; returns all lines.
pub async fn read_to(socket: &mut TcpStream, position: Position) -> String {
    let begin = format!("{position} ");
    let is_there = |text: &str| text.lines().any(|line| line.starts_with(&begin)) && text.ends_with('\n');
    read_until(socket, is_there).await
}

pub async fn read_until(socket: &mut TcpStream, is_enough: impl Fn(&str) -> bool) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while !is_enough(std::str::from_utf8(&bytes).unwrap()) {
            assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "it ended");
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the bytes come");
    String::from_utf8(bytes).unwrap()
}

/// Runs a check with either backend.
pub async fn by_each_backend(check: impl AsyncFn(Rc<Served>)) {
    for writer in [StreamWriter::Write, StreamWriter::Uring] {
        let local = LocalSet::new();
        local.run_until(async { check(Served::start(writer).await).await }).await;
    }
}
