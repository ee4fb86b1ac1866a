//! Random rooms, by the million if the server lets them in: looked at, opened as pages, and joined.

use std::sync::Arc;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::{Client, Line};
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "random-rooms",
    sources: 4,
    restarted_with: None,
    prepare: |_| Box::pin(async { Ok(Prepared::default()) }),
    run: |client, _| Box::pin(run(client)),
};

const WORKERS: usize = 40;
/// Rooms of each worker a second.
const ROOMS_PER_S: f64 = 50.0;
/// Bytes of a stream that are read at once.
const BUFFER_BYTES: usize = 4 * 1024;

async fn run(client: Arc<Client>) {
    swarm(0..WORKERS, |number, _| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(ROOMS_PER_S);
            loop {
                pace.tick().await;
                look_at(&mut line, rand::random()).await;
            }
        }
    })
    .await;
}

async fn look_at(line: &mut Line, number: u64) {
    let room = format!("greedy-{number:x}");
    match number % 4 {
        0 => {
            // Whoever joins leaves at once.
            line.open(&requests::events(&room, None, 0), BUFFER_BYTES).await;
        }
        1 => {
            line.exchange(&requests::get(&format!("/{room}"))).await;
        }
        2 => {
            line.exchange(&requests::get(&format!("/api/v1/rooms/{room}/messages"))).await;
        }
        _ => {
            line.exchange(&requests::get(&format!("/api/v1/rooms/{room}"))).await;
        }
    }
}
