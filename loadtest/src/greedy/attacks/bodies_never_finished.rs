//! Bodies that stop one byte before their end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::client::exchange::read_answer;
use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::{Client, Line};
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "bodies-never-finished",
    sources: 2,
    restarted_with: None,
    prepare: |client| Box::pin(async move { Prepared::with_guests(&client, GUESTS, ROOM).await }),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-bodies";
const CONNECTIONS: usize = 198;
/// As many as the first bodies need, within the allowance of an author.
const GUESTS: usize = 20;
/// Bodies of each connection a second, if the server ends them.
const BODIES_PER_S: f64 = 1.0;
/// The largest body of a message that the server reads.
const MESSAGE_BYTES: usize = 524_288;
/// The connections that hold bodies of that size: together just less than the server has room for.
const LARGE: usize = 125;
/// The largest body of a form that needs no token.
const FORM_BYTES: usize = 4_096;
/// The bodies of the others: they fill what room is left, down to the size of an ordinary message.
const SMALL_BYTES: [usize; 7] = [131_072, 32_768, 8_192, FORM_BYTES, 512, 128, 64];
/// Time after which they begin: the large ones must be there first.
const SMALL_AFTER: Duration = Duration::from_secs(1);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    swarm(0..CONNECTIONS, |number, _| {
        let (mut line, token) = (client.line(number), prepared.tokens[number / 2 % GUESTS].clone());
        async move {
            let bytes = match number.checked_sub(LARGE) {
                None => MESSAGE_BYTES,
                Some(nth) => SMALL_BYTES[nth % SMALL_BYTES.len()],
            };
            let path = if bytes == FORM_BYTES {
                format!("/{ROOM}/language")
            } else {
                format!("/api/v1/rooms/{ROOM}/messages")
            };
            let mut request = requests::request("POST", &path, &token, None, &"a".repeat(bytes));
            request.pop();
            if number >= LARGE {
                tokio::time::sleep(SMALL_AFTER).await;
            }
            let mut pace = pace(BODIES_PER_S);
            loop {
                pace.tick().await;
                match begin(&mut line, &request).await {
                    Ok(()) => {}
                    Err(error) => line.failed(&error).await,
                }
            }
        }
    })
    .await;
}

/// Sends a request without its end, and waits until the server has had enough.
async fn begin(line: &mut Line, request: &[u8]) -> io::Result<()> {
    let Some(mut socket) = line.connect().await else { return Ok(()) };
    line.tally.request(request.len());
    socket.write_all(request).await?;
    let answer = read_answer(&mut socket, ANSWER_BYTES_MAX).await?;
    line.tally.answer(&answer);
    Ok(())
}
