//! A chat in a server of your own: one hyper route that streams a room as server-sent events.
//!
//! `cargo run -p millchat --example hyper_server`, then `curl -N http://127.0.0.1:8081/`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::body::{Body, Frame};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use millchat::{
    Author, AuthorKind, Chat, Delivery, Draft, Epoch, Event, FrameSubscription, Item, RoomName, StartFrom,
};

/// The stream of one reader: a subscription as a response body.
struct Stream(FrameSubscription);

impl Body for Stream {
    type Data = Bytes;
    type Error = millchat::ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(delivery) = ready!(self.0.poll_next_unpin(cx)) else { return Poll::Ready(None) };
        let bytes = match delivery? {
            Delivery::Opening(opened) => format!("event: start\nid: {}\ndata: {{}}\n\n", opened.id).into(),
            Delivery::Item(frames) => frames.bytes,
            Delivery::Gap { from, to, .. } => {
                format!("event: gap\nid: {}-{to}\ndata: {from}\n\n", self.0.epoch()).into()
            }
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

/// Encodes each event once for all readers.
fn encode(epoch: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    if let Item::Event(Event {
        position, body: millchat::Body::Message { content: Some(content), .. }, ..
    }) = item
    {
        let data = content.replace('\n', "\ndata: ");
        out.extend_from_slice(format!("id: {epoch}-{position}\ndata: {data}\n\n").as_bytes());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Chat::builder();
    let kind = builder.encoder(encode);
    let chat = builder.open("temp:")?;
    let room = RoomName::new("lobby")?;

    let ticker = (chat.clone(), room.clone());
    tokio::spawn(async move {
        let author = Author { id: "clock".into(), name: "Clock".into(), kind: AuthorKind::Bot };
        for second in 0.. {
            let draft = Draft::post(author.clone(), format!("second {second}"));
            if let Err(error) = ticker.0.send(&ticker.1, draft).await {
                return eprintln!("{error}");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
    println!("curl -N http://{}/", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        let (chat, room) = (chat.clone(), room.clone());
        let service = service_fn(move |_request| {
            let (chat, room) = (chat.clone(), room.clone());
            async move {
                let response = match chat.subscribe_frames(kind, &room, StartFrom::Last(10), None).await {
                    Ok(subscription) => hyper::Response::builder()
                        .header("content-type", "text/event-stream")
                        .body(http_body_util::Either::Left(Stream(subscription))),
                    Err(error) => hyper::Response::builder()
                        .status(503)
                        .body(http_body_util::Either::Right(error.to_string())),
                };
                Ok::<_, Infallible>(response.expect("the parts are constant and valid"))
            }
        });
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            if let Err(error) = connection.serve_connection(TokioIo::new(socket), service).await {
                eprintln!("{error}");
            }
        });
    }
}
