//! Joins that ask for the longest history there is, in both dialects, one after the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "longest-history",
    sources: 1,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, _| Box::pin(run(client)),
};

const ROOM: &str = "greedy-history";
/// The most that a join can ask for.
const HISTORY: u32 = 1_000;
const JOINERS: usize = 50;
/// Joins of each joiner a second, if it gets them.
const JOINS_PER_S: f64 = 10.0;
/// Silence after which a joiner has everything.
const SILENCE: Duration = Duration::from_millis(50);
/// Bytes of a stream that are read at once.
const BUFFER_BYTES: usize = 64 * 1024;

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let prepared = Prepared::with_guests(&client, 1, ROOM).await?;
    let text = "*words* of a history ".repeat(50);
    let post = requests::post(ROOM, &prepared.tokens[0], &text, None, None);
    send_all(&client, vec![post; HISTORY as usize]).await?;
    Ok(prepared)
}

async fn run(client: Arc<Client>) {
    swarm(0..JOINERS, |number, _| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(JOINS_PER_S);
            let request = if number.is_multiple_of(2) {
                requests::events(ROOM, None, HISTORY)
            } else {
                requests::patches(ROOM, None, HISTORY)
            };
            loop {
                pace.tick().await;
                let Some(mut stream) = line.open(&request, BUFFER_BYTES).await else { continue };
                // The first piece may take its time.
                let mut more = matches!(stream.next(|_| {}).await, Ok(true));
                while more {
                    more = matches!(timeout(SILENCE, stream.next(|_| {})).await, Ok(Ok(true)));
                }
            }
        }
    })
    .await;
}
