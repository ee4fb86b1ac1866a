//! No wake-up is lost, at whatever moment an event is published.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use millchat::{Author, AuthorKind, Chat, Delivery, Draft, Epoch, Frames, Item, RoomName, StartFrom};

/// A waker that says on a channel that it was woken.
struct Told(std::sync::mpsc::Sender<()>);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        // The reader may not be listening any more.
        let _ = self.0.send(());
    }
}

fn told() -> (Waker, Receiver<()>) {
    let (sender, receiver) = channel();
    (Waker::from(Arc::new(Told(sender))), receiver)
}

/// The longest that a wake-up may take.
const PATIENCE: Duration = Duration::from_secs(20);
const ROUNDS: u32 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_falls_asleep_just_as_news_comes_is_woken() {
    let mut builder = Chat::builder();
    let kind = builder.encoder(|_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(event) = item {
            out.extend_from_slice(event.position.to_string().as_bytes());
        }
    });
    let chat = builder.open("memory:").unwrap();
    let room = RoomName::new("lobby").unwrap();
    let mut reader = chat.subscribe_frames(kind, &room, StartFrom::Last(0), None).await.unwrap();
    let mut poll = move |waker: &Waker| match reader.poll_next_unpin(&mut Context::from_waker(waker)) {
        Poll::Ready(delivery) => Some(delivery.unwrap().unwrap()),
        Poll::Pending => None,
    };
    while poll(Waker::noop()).is_some() {}
    let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
    // How long a send takes here, learned as the test goes: the reader looks at a random moment around it.
    let mut usual = Duration::from_micros(50);
    for round in 1..=ROUNDS {
        let started = Instant::now();
        let send = {
            let (chat, room, draft) = (chat.clone(), room.clone(), Draft::post(ada.clone(), "x"));
            tokio::spawn(async move {
                chat.send(&room, draft).await.unwrap();
                started.elapsed()
            })
        };
        let look = usual.mul_f64(rand::random_range(0.5..1.2));
        while started.elapsed() < look {
            std::hint::spin_loop();
        }
        let (waker, woken) = told();
        let mut got = poll(&waker);
        while got.is_none() {
            assert!(
                woken.recv_timeout(PATIENCE).is_ok(),
                "round {round}: the reader sleeps and nobody wakes it"
            );
            got = poll(&waker);
        }
        assert_eq!(got, Some(Delivery::Item(Frames { bytes: round.to_string().into(), events: 1 })));
        usual = (usual * 15 + send.await.unwrap()) / 16;
    }
}
