//! Two posts of 64 KB a second before 5,000 readers of the page.

use std::sync::Arc;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "large-posts",
    sources: 51,
    restarted_with: None,
    prepare: |client| Box::pin(async move { Prepared::with_guests(&client, 1, ROOM).await }),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-large";
const READERS: usize = 5_000;
const POSTS_PER_S: f64 = 2.0;
const TEXT_BYTES: usize = 65_000;
/// Bytes of a stream that are read at once.
const BUFFER_BYTES: usize = 16 * 1024;

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let readers = swarm(0..READERS, |number, _| {
        let mut line = client.line(number);
        async move {
            let request = requests::patches(ROOM, None, 0);
            loop {
                let Some(mut stream) = line.open(&request, BUFFER_BYTES).await else { continue };
                while matches!(stream.next(|_| {}).await, Ok(true)) {}
                line.tally.outcome("ended by the server");
            }
        }
    });
    let poster = async {
        let (mut line, mut pace) = (client.line(0), pace(POSTS_PER_S));
        let text = "plain words, ".repeat(TEXT_BYTES / "plain words, ".len());
        loop {
            pace.tick().await;
            line.exchange(&requests::post(ROOM, &prepared.tokens[0], &text, None, None)).await;
        }
    };
    tokio::join!(readers, poster);
}
