//! All innocents together, as tasks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::greedy::book::Book;
use crate::greedy::innocents::people::{READERS, Shared};
use crate::greedy::innocents::{readers, senders, visitors};

/// Nobody waits longer than this when the server is idle.
const SETTLED: Duration = Duration::from_millis(300);
/// Time that the innocents may take to join.
const JOIN_MAX: Duration = Duration::from_secs(30);

/// The running innocents; their connections end when this is dropped.
pub struct Crowd {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Crowd {
    /// Lets the innocents in, and waits until all readers have joined. `tokens` are those of the senders.
    pub async fn begin(server: SocketAddr, tokens: &[String]) -> Result<Self, String> {
        let shared = Arc::new(Shared { server, book: Book::new(), open: AtomicUsize::new(0) });
        let mut tasks = JoinSet::new();
        for number in 0..READERS {
            tasks.spawn(readers::read(Arc::clone(&shared), number));
        }
        let until = Instant::now() + JOIN_MAX;
        while shared.open.load(Ordering::Relaxed) < READERS {
            if Instant::now() > until {
                return Err(format!("the innocents did not join within {JOIN_MAX:?}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (number, token) in tokens.iter().enumerate() {
            tasks.spawn(senders::send(Arc::clone(&shared), number, token.clone()));
        }
        tasks.spawn(visitors::join(Arc::clone(&shared)));
        tasks.spawn(visitors::open_pages(Arc::clone(&shared)));
        Ok(Self { shared, _tasks: tasks })
    }

    /// Waits until nobody waits for long, at least for this pause.
    pub async fn settle(&self, pause: Duration, max: Duration) -> Result<(), String> {
        let until = Instant::now() + max;
        loop {
            tokio::time::sleep(pause).await;
            if self.book().is_settled(SETTLED) && self.shared.open.load(Ordering::Relaxed) == READERS {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("the innocents are not served well after {max:?} without an attack"));
            }
        }
    }

    /// Returns the book of what they wait for.
    pub fn book(&self) -> &Book {
        &self.shared.book
    }
}
