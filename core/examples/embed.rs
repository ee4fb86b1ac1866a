//! A chat in five lines: open, join, send, receive.

use futures_util::StreamExt as _;
use millchat::{Author, AuthorKind, Chat, Draft, RoomName, StartFrom};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
    let room = RoomName::new("lobby")?;

    let chat = Chat::open("embed.redb")?;
    let mut reader = chat.subscribe(&room, StartFrom::Last(10), None).await?;
    chat.send(&room, Draft::post(ada, "hello, durable world")).await?;
    while let Some(received) = reader.next().await {
        println!("{:?}", received?); // first how it opens, then the events, for ever
        if reader.position() == chat.head() {
            break;
        }
    }
    Ok(())
}
