//! Visitors: people who join a room, and people who open its page. Each comes at its time and alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat_testkit::sse::{Blocks, Fields};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::exchange::exchange;
use crate::greedy::book::Kind;
use crate::greedy::innocents::people::{Shared, VISITS_PER_S, room, source};
use crate::greedy::requests;
use crate::greedy::wire::{OpenStream, StreamError, connect};

/// The groups of source addresses.
const JOIN_GROUP: u8 = 2;
const PAGE_GROUP: u8 = 3;
/// Time after which a visitor gives up.
const VISIT_MAX: Duration = Duration::from_secs(30);
/// Largest page, in bytes.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a stream that are read at once.
const BUFFER_BYTES: usize = 16 * 1024;
/// Events of history that a visitor asks for.
const HISTORY: u32 = 20;

/// Joins the rooms in turn, for ever.
pub async fn join(shared: Arc<Shared>) {
    on_schedule(|number, due| {
        let shared = Arc::clone(&shared);
        async move { note(&shared, Kind::Join, due, join_once(&shared, number)).await }
    })
    .await;
}

/// Opens the pages of the rooms in turn, for ever.
pub async fn open_pages(shared: Arc<Shared>) {
    on_schedule(|number, due| {
        let shared = Arc::clone(&shared);
        async move { note(&shared, Kind::Page, due, open_once(&shared, number)).await }
    })
    .await;
}

async fn on_schedule<F>(visit: impl Fn(usize, Instant) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut visits = JoinSet::new();
    let period = Duration::from_secs_f64(1.0 / VISITS_PER_S);
    let mut due = Instant::now();
    for number in 0.. {
        tokio::time::sleep_until(due.into()).await;
        visits.spawn(visit(number, due));
        while visits.try_join_next().is_some() {}
        due += period;
    }
}

async fn note(shared: &Shared, kind: Kind, due: Instant, visit: impl Future<Output = Result<(), String>>) {
    let id = shared.book.begin(kind, due);
    let result = timeout(VISIT_MAX, visit).await.unwrap_or_else(|_elapsed| Err("no answer".to_owned()));
    shared.book.end(id, result);
}

async fn join_once(shared: &Shared, number: usize) -> Result<(), String> {
    let socket = connect(source(JOIN_GROUP, number), shared.server, None).await.map_err(words)?;
    let room = room(number);
    let request = if (number / 10).is_multiple_of(2) {
        requests::events(&room, None, HISTORY)
    } else {
        requests::patches(&room, None, HISTORY)
    };
    let mut stream = OpenStream::open(socket, &request, BUFFER_BYTES).await.map_err(|error| match error {
        StreamError::Status(status, _) => status.to_string(),
        StreamError::Io(error) => words(error),
    })?;
    let (mut blocks, mut joined) = (Blocks::default(), false);
    while !joined {
        let next = stream.next(|data| {
            let fed = blocks.feed(data, |block| joined |= Fields::parse(block).data.is_some());
            joined |= fed.is_err();
        });
        if !next.await.map_err(words)? {
            return Err("closed".to_owned());
        }
    }
    Ok(())
}

async fn open_once(shared: &Shared, number: usize) -> Result<(), String> {
    let mut socket = connect(source(PAGE_GROUP, number), shared.server, None).await.map_err(words)?;
    let request = requests::get(&format!("/{}", room(number)));
    let answer = exchange(&mut socket, &request, PAGE_BYTES_MAX).await.map_err(words)?;
    if answer.status == 200 { Ok(()) } else { Err(answer.status.to_string()) }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn words(error: std::io::Error) -> String {
    error.kind().to_string()
}
