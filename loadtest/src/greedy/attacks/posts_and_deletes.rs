//! Posts and deletes in turn, while many readers are behind: each delete invalidates what they were about to
//! read. Every other writer does it in a room of the innocents.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::innocents::people;
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "posts-and-deletes",
    sources: 1,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-deletes";
const MESSAGES: usize = 2_000;
const WRITERS: usize = 10;
/// Posts and deletes of each writer a second, together.
const WRITES_PER_S: f64 = 10.0;
const READERS: usize = 80;
/// A reader takes this many bytes, this often: it stays behind.
const READ_BYTES: usize = 4 * 1024;
const READ_EVERY: Duration = Duration::from_millis(100);

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let prepared = Prepared::with_guests(&client, WRITERS, ROOM).await?;
    let text = "*words* of a history ".repeat(50);
    let post = requests::post(ROOM, &prepared.tokens[0], &text, None, None);
    send_all(&client, vec![post; MESSAGES]).await?;
    Ok(prepared)
}

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let begin = prepared.begin_id();
    let readers = swarm(0..READERS, |number, _| {
        let mut line = client.slow_line(number, u32::try_from(READ_BYTES).expect("it is small"));
        let request = if number.is_multiple_of(2) {
            requests::events(ROOM, Some(&begin), 0)
        } else {
            requests::patches(ROOM, Some(&begin), 0)
        };
        async move {
            loop {
                let Some(mut stream) = line.open(&request, READ_BYTES).await else { continue };
                while matches!(stream.next(|_| {}).await, Ok(true)) {
                    tokio::time::sleep(READ_EVERY).await;
                }
                line.tally.outcome("ended by the server");
            }
        }
    });
    let writers = swarm(prepared.tokens.clone(), |number, token| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(WRITES_PER_S);
            let room = if number.is_multiple_of(2) { ROOM.to_owned() } else { people::room(number) };
            loop {
                pace.tick().await;
                let post = requests::post(&room, &token, "soon to be deleted", None, None);
                let Some(receipt) = line.receipt(&post).await else { continue };
                pace.tick().await;
                line.exchange(&requests::delete(&room, &token, receipt.position)).await;
            }
        }
    });
    tokio::join!(readers, writers);
}
