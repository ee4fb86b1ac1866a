//! Connections that follow 32 rooms each and read nothing: every room is occupied, and none is anybody
//! else's.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "many-rooms",
    sources: 1,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const CONNECTIONS: usize = 30;
/// The rooms that a connection can have.
const ROOMS_EACH: usize = 32;
const POSTERS: usize = 10;
const POSTS_PER_S: f64 = 6.0;
const TEXT_BYTES: usize = 65_000;
const RECEIVE_BUFFER_BYTES: u32 = 4096;
/// Time until a stream is read again, by a little.
const READ_EVERY: Duration = Duration::from_secs(5);

fn room(connection: usize, nth: usize) -> String {
    format!("greedy-many-{}", connection * ROOMS_EACH + nth)
}

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let prepared = Prepared::with_guests(&client, POSTERS, &room(0, 0)).await?;
    let text = "\"".repeat(TEXT_BYTES);
    let post = |number| requests::post(&room(0, number), &prepared.tokens[0], &text, None, None);
    send_all(&client, (0..CONNECTIONS * ROOMS_EACH).map(post).collect()).await?;
    Ok(prepared)
}

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let begin = prepared.begin_id();
    let readers = swarm(0..CONNECTIONS, |number, _| {
        let mut line = client.slow_line(number, RECEIVE_BUFFER_BYTES);
        let also: Vec<String> =
            (1..ROOMS_EACH).map(|nth| format!("also={}:{begin}", room(number, nth))).collect();
        let path = format!("/{}/messages?{}", room(number, 0), also.join("&"));
        let request = requests::stream(&path, Some(&begin));
        async move {
            loop {
                let Some(mut stream) = line.open(&request, RECEIVE_BUFFER_BYTES as usize).await else {
                    continue;
                };
                while matches!(stream.next(|_| {}).await, Ok(true)) {
                    tokio::time::sleep(READ_EVERY).await;
                }
                line.tally.outcome("ended by the server");
            }
        }
    });
    let posters = swarm(prepared.tokens.clone(), |number, token| {
        let mut line = client.line(number);
        async move {
            let (mut pace, text) = (pace(POSTS_PER_S), "\"".repeat(TEXT_BYTES));
            for nth in 0.. {
                pace.tick().await;
                let room = room(0, (nth * POSTERS + number) % (CONNECTIONS * ROOMS_EACH));
                line.exchange(&requests::post(&room, &token, &text, None, None)).await;
            }
        }
    });
    tokio::join!(readers, posters);
}
