//! Texts that are costly to render, posted and then paged.

use std::sync::Arc;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::swarm::{pace, swarm};
use crate::greedy::requests;

/// The attack.
pub const ATTACK: Attack = Attack {
    name: "costly-texts",
    sources: 1,
    restarted_with: None,
    prepare: |client| Box::pin(async move { Prepared::with_guests(&client, POSTERS, ROOM).await }),
    run: |client, prepared| Box::pin(run(client, prepared)),
};

const ROOM: &str = "greedy-costly";
const POSTERS: usize = 5;
const PAGERS: usize = 4;
const JOINERS: usize = 20;
/// Texts of each poster a second.
const POSTS_PER_S: f64 = 6.0;
/// Pages that each pager asks for a second, if it gets them.
const PAGES_PER_S: f64 = 2.0;
/// Bytes of a stream that are read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// Bytes of a stream after which a joiner has enough and joins again.
const JOIN_BYTES: usize = 1024 * 1024;

/// Returns the texts: each is as long as a message can be, and of another kind of depth or of markers.
fn texts() -> [String; 5] {
    let nested = format!("{}a\n{}", ">".repeat(32_000), "a\n".repeat(16_000));
    let lists = format!("{}a\n{}", "- ".repeat(16_000), "a\n".repeat(16_000));
    [
        nested,
        format!("**x**{}", "\"".repeat(65_000)),
        "*a _b ".repeat(10_000),
        format!("{}{}", "[".repeat(32_000), "](".repeat(16_000)),
        lists,
    ]
}

async fn run(client: Arc<Client>, prepared: Arc<Prepared>) {
    let texts = Arc::new(texts());
    let posters = swarm(prepared.tokens.clone(), |number, token| {
        let (mut line, texts) = (client.line(number), Arc::clone(&texts));
        async move {
            let mut pace = pace(POSTS_PER_S);
            // The first ones come at once: there is something to page.
            for nth in 0.. {
                if nth >= 4 {
                    pace.tick().await;
                }
                // The most costly of all come first.
                let text = &texts[if nth < 4 { 0 } else { nth % texts.len() }];
                line.exchange(&requests::post(ROOM, &token, text, None, None)).await;
            }
        }
    });
    let pagers = swarm(0..PAGERS, |number, _| {
        let mut line = client.line(number);
        async move {
            let mut pace = pace(PAGES_PER_S);
            loop {
                pace.tick().await;
                line.exchange(&requests::get(&format!("/{ROOM}"))).await;
            }
        }
    });
    let joiners = swarm(0..JOINERS, |number, _| {
        let (mut line, begin) = (client.line(number), prepared.begin_id());
        async move {
            loop {
                let request = requests::patches(ROOM, Some(&begin), 0);
                let Some(mut stream) = line.open(&request, BUFFER_BYTES).await else { continue };
                let mut left = JOIN_BYTES;
                while left > 0
                    && matches!(stream.next(|data| left = left.saturating_sub(data.len())).await, Ok(true))
                {
                }
            }
        }
    });
    tokio::join!(posters, pagers, joiners);
}
