//! Messages with a thousand edits each, which are then deleted; and more edits meanwhile.

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
    name: "edits",
    sources: 2,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-edits";
/// Guests, each with one message that will be deleted.
const GUESTS: usize = 16;
/// The most edits that a message can have.
const EDITS: usize = 1_000;
/// Deletes that come at once.
const DELETES_AT_ONCE: usize = 4;
/// Time between those and the next.
const DELETES_EVERY: Duration = Duration::from_secs(2);
/// Edits of each guest a second.
const EDITS_PER_S: f64 = 10.0;
const TEXT_BYTES: usize = 2_000;

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let mut prepared = Prepared::with_guests(&client, GUESTS, ROOM).await?;
    let post = |token: &String| requests::post(ROOM, token, "first", None, None);
    let posts = prepared.tokens.iter().map(post).collect();
    let receipts = send_all(&client, posts).await?;
    prepared.targets = receipts.into_iter().map(|receipt| receipt.position).collect();
    // One edit of each message in turn, so that they share the commits.
    let text = "x".repeat(TEXT_BYTES);
    let edit = |number: usize| {
        let guest = number % GUESTS;
        requests::edit(ROOM, &prepared.tokens[guest], prepared.targets[guest], &format!("{number} {text}"))
    };
    send_all(&client, (0..GUESTS * EDITS).map(edit).collect()).await?;
    Ok(prepared)
}

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let editors = swarm(prepared.tokens.clone(), |number, token| {
        let mut line = client.line(number);
        async move {
            let (mut pace, text) = (pace(EDITS_PER_S), "y".repeat(TEXT_BYTES));
            loop {
                pace.tick().await;
                let Some(receipt) = line.receipt(&requests::post(ROOM, &token, "new", None, None)).await
                else {
                    continue;
                };
                for nth in 0..EDITS {
                    pace.tick().await;
                    let text = format!("{nth} {text}");
                    line.exchange(&requests::edit(ROOM, &token, receipt.position, &text)).await;
                }
            }
        }
    });
    let deleters = swarm(0..DELETES_AT_ONCE, |number, _| {
        let (mut line, prepared) = (client.line(number), Arc::clone(&prepared));
        async move {
            for index in (number..GUESTS).step_by(DELETES_AT_ONCE) {
                let (token, target) = (&prepared.tokens[index], prepared.targets[index]);
                line.exchange(&requests::delete(ROOM, token, target)).await;
                tokio::time::sleep(DELETES_EVERY).await;
            }
        }
    });
    tokio::join!(editors, deleters);
}
