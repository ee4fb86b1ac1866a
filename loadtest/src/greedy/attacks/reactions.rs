//! A message with a thousand reactions, of which one after the other is taken back and given again.

use std::io;
use std::sync::Arc;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests::{self, REACTIONS};

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "reactions",
    sources: 10,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-reactions";
/// With six kinds each they make 996 reactions; a message can have 1,000.
const GUESTS: usize = 166;
/// Toggles of each guest a second.
const TOGGLES_PER_S: f64 = 6.0;

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let mut prepared = Prepared::with_guests(&client, GUESTS, ROOM).await?;
    let post = requests::post(ROOM, &prepared.tokens[0], "like this", None, None);
    prepared.targets = vec![client.line(0).must(&post).await?.position];
    let reactions = prepared.tokens.iter().flat_map(|token| {
        REACTIONS.map(|reaction| requests::react(ROOM, token, prepared.targets[0], reaction, true))
    });
    send_all(&client, reactions.collect()).await?;
    Ok(prepared)
}

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let target = prepared.targets[0];
    swarm(prepared.tokens.clone(), |number, token| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(TOGGLES_PER_S);
            for nth in 0.. {
                pace.tick().await;
                let (reaction, on) = (REACTIONS[nth / 2 % REACTIONS.len()], !nth.is_multiple_of(2));
                line.exchange(&requests::react(ROOM, &token, target, reaction, on)).await;
            }
        }
    })
    .await;
}
