//! Replies to old messages, each to another one; and what the pages of those who see them then ask for.

use std::io;
use std::sync::Arc;

use rand::RngExt;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "old-replies",
    sources: 2,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-old";
const MESSAGES: usize = 10_000;
const REPLIERS: usize = 20;
const REPLIES_PER_S: f64 = 10.0;
/// Pages that show the room, and ask for every target that they do not have.
const PAGES: usize = 40;
const FETCHES_PER_S: f64 = 25.0;

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let mut prepared = Prepared::with_guests(&client, REPLIERS, ROOM).await?;
    let post = requests::post(ROOM, &prepared.tokens[0], &"an old message ".repeat(40), None, None);
    let receipts = send_all(&client, vec![post; MESSAGES]).await?;
    prepared.targets = receipts.into_iter().map(|receipt| receipt.position).collect();
    Ok(prepared)
}

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let repliers = swarm(prepared.tokens.clone(), |number, token| {
        let (mut line, prepared) = (client.line(number), Arc::clone(&prepared));
        async move {
            let mut pace = pace(REPLIES_PER_S);
            loop {
                pace.tick().await;
                let target = any(&prepared.targets);
                line.exchange(&requests::post(ROOM, &token, "indeed", Some(target), None)).await;
            }
        }
    });
    let pages = swarm(0..PAGES, |number, _| {
        let (mut line, prepared) = (client.line(number), Arc::clone(&prepared));
        async move {
            let mut pace = pace(FETCHES_PER_S);
            loop {
                pace.tick().await;
                let path = format!("/api/v1/rooms/{ROOM}/messages/{}", any(&prepared.targets));
                line.exchange(&requests::get(&path)).await;
            }
        }
    });
    tokio::join!(repliers, pages);
}

fn any(targets: &[u64]) -> u64 {
    targets[rand::rng().random_range(0..targets.len())]
}
