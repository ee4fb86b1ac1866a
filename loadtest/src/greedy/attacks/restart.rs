//! A log with two million records without keys, restarted under senders of the page, who all have keys.

use std::sync::Arc;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "restart",
    sources: 2,
    restarted_with: Some(2_000_000),
    prepare: |client| Box::pin(async move { Prepared::with_guests(&client, SENDERS, ROOM).await }),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-restart";
const SENDERS: usize = 20;
const SENDS_PER_S: f64 = 10.0;

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    swarm(prepared.tokens.clone(), |number, token| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(SENDS_PER_S);
            loop {
                pace.tick().await;
                let key = format!("greedy-{:x}", rand::random::<u64>());
                line.exchange(&requests::post(ROOM, &token, "hello again", None, Some(&key))).await;
            }
        }
    })
    .await;
}
