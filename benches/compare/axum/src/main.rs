//! The obvious first version: a chat over server-sent events in axum, a broadcast channel for each room, no history.
//!
//!   GET /rooms/ROOM    the stream
//!   POST /rooms/ROOM   a message to all readers

use std::collections::HashMap;
use std::convert::Infallible;
use std::env;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, Sender};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

/// Messages that a room holds for its slowest reader; tokio rounds up to a power of two. A reader that is further
/// behind loses the oldest.
const HELD_MAX: usize = 32_768;

/// The lock is held for one look-up.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<HashMap<String, Sender<Arc<str>>>>>);

impl Rooms {
    fn room(&self, name: String) -> Sender<Arc<str>> {
        let mut rooms = self.0.lock().expect("nothing panics while it is held");
        rooms.entry(name).or_insert_with(|| broadcast::channel(HELD_MAX).0).clone()
    }
}

async fn read(
    State(rooms): State<Rooms>,
    Path(name): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = BroadcastStream::new(rooms.room(name).subscribe());
    // An error says how many messages were lost; the stream goes on after them.
    Sse::new(messages.filter_map(Result::ok).map(|message| Ok(Event::default().data(message))))
}

async fn send(State(rooms): State<Rooms>, Path(name): Path<String>, content: String) -> StatusCode {
    // It fails when nobody reads the room.
    let _ = rooms.room(name).send(content.into());
    StatusCode::CREATED
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = env::args().nth(1).expect("use: compare-axum HOST:PORT");
    let app = Router::new().route("/rooms/{name}", get(read).post(send)).with_state(Rooms::default());
    let listener = TcpListener::bind(address).await?.tap_io(|connection| {
        // As axum's documentation advises for small writes.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, app).await
}
