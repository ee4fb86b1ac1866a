//! The guests, rooms and messages that an attack has prepared.

use std::io;
use std::sync::Arc;

use crate::greedy::attacks::client::{Client, Receipt};
use crate::greedy::attacks::swarm::swarm;
use crate::greedy::requests;

/// Connections over which an attack is prepared.
const LINES: usize = 32;

/// The things that an attack needs.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The epoch of the log.
    pub epoch: String,
    /// The tokens of its guests.
    pub tokens: Vec<String>,
    /// Positions of messages that it will use.
    pub targets: Vec<u64>,
}

impl Prepared {
    /// Makes this number of guests, and posts one message so that the room exists.
    pub async fn with_guests(client: &Client, guests: usize, room: &str) -> io::Result<Self> {
        let mut prepared = Self::default();
        let mut line = client.line(0);
        for _ in 0..guests {
            prepared.tokens.push(line.guest().await?);
        }
        let first = requests::post(room, &prepared.tokens[0], "the first message", None, None);
        prepared.epoch = line.must(&first).await?.epoch;
        Ok(prepared)
    }

    /// Returns the id of the place before all events.
    pub fn begin_id(&self) -> String {
        format!("{}-0", self.epoch)
    }
}

/// Sends requests over many connections at once. Returns the receipts in the order of the requests.
pub async fn send_all(client: &Arc<Client>, requests: Vec<Vec<u8>>) -> io::Result<Vec<Receipt>> {
    let mut parts: Vec<Vec<(usize, Vec<u8>)>> = (0..LINES).map(|_| Vec::new()).collect();
    for (index, request) in requests.into_iter().enumerate() {
        parts[index % LINES].push((index, request));
    }
    let results = swarm(parts, |number, part| {
        let client = Arc::clone(client);
        async move {
            let mut line = client.line(number);
            let mut receipts = Vec::with_capacity(part.len());
            for (index, request) in part {
                receipts.push((index, line.must(&request).await?));
            }
            Ok::<_, io::Error>(receipts)
        }
    })
    .await;
    let mut all = Vec::new();
    for receipts in results {
        all.extend(receipts?);
    }
    all.sort_unstable_by_key(|&(index, _)| index);
    Ok(all.into_iter().map(|(_, receipt)| receipt).collect())
}
