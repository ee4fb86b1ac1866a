//! Polls of a room that people use, over and over.

use std::sync::Arc;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::innocents::people;
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "room-polls",
    sources: 4,
    restarted_with: None,
    prepare: |_| Box::pin(async { Ok(Prepared::default()) }),
    run: |client, _| Box::pin(run(client)),
};

const WORKERS: usize = 80;
/// Polls of each worker a second.
const POLLS_PER_S: f64 = 100.0;

async fn run(client: Arc<Client>) {
    swarm(0..WORKERS, |number, _| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(POLLS_PER_S);
            let request = requests::get(&format!("/api/v1/rooms/{}", people::room(number)));
            loop {
                pace.tick().await;
                line.exchange(&request).await;
            }
        }
    })
    .await;
}
