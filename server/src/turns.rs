//! Turns: work that many may ask for and few may do at a time, shared by address.
//!
//! Each address waits in a line of its own for the permits that one address may hold, and those at the front
//! of these lines wait in the common line. So a client with a thousand requests delays another address by its
//! share and not by a thousand.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client_ip::client;

/// Pages, history and overviews that are read or rendered at one moment.
const READS_MAX: usize = 32;
/// And those of one address.
const READS_OF_ADDRESS_MAX: usize = 2;
/// Streams that find their beginning in the log at one moment.
const JOINS_MAX: usize = 64;
/// And those of one address.
const JOINS_OF_ADDRESS_MAX: usize = 4;

/// Long texts that are rendered before they are sent, at one moment: no page waits behind them.
const RENDERS_AHEAD_MAX: usize = 2;
/// And those of one address.
const RENDERS_AHEAD_OF_ADDRESS_MAX: usize = 1;

/// The turns of the process.
pub struct Turns {
    reads: Lines,
    joins: Lines,
    renders: Arc<Semaphore>,
    ahead: Lines,
}

/// The right to go on, given back when dropped.
#[must_use]
pub struct Turn {
    _common: OwnedSemaphorePermit,
    _own: OwnPermit,
}

impl Turns {
    /// Turns for a machine of this many cores.
    pub fn new(cores: usize) -> Self {
        Self {
            reads: Lines::new(READS_MAX, READS_OF_ADDRESS_MAX),
            joins: Lines::new(JOINS_MAX, JOINS_OF_ADDRESS_MAX),
            renders: Arc::new(Semaphore::new(cores)),
            ahead: Lines::new(RENDERS_AHEAD_MAX, RENDERS_AHEAD_OF_ADDRESS_MAX),
        }
    }

    /// Waits until the request may read.
    pub async fn read<B>(&self, req: &hyper::Request<B>) -> Turn {
        self.reads.wait(client(req).share()).await
    }

    /// Waits until the request may join a room.
    pub async fn join<B>(&self, req: &hyper::Request<B>) -> Turn {
        self.joins.wait(client(req).share()).await
    }

    /// Does work that may take more than a millisecond, beside the threads that serve. Its caller has a turn
    /// to read: that shares the threads by address.
    pub async fn render<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = Arc::clone(&self.renders).acquire_owned().await.expect("it is never closed");
        beside(permit, work).await
    }

    /// Renders a long text for its author, before it is sent, when it is the turn of this address.
    pub async fn render_ahead<T: Send + 'static>(
        &self,
        address: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let turn = self.ahead.wait(address).await;
        beside(turn, work).await
    }
}

/// Does work on a thread that serves nobody; the right to it ends with the work, also when nobody waits for
/// it any more.
async fn beside<T: Send + 'static>(
    right: impl Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let rendering = tokio::task::spawn_blocking(move || {
        let _right = right;
        work()
    });
    rendering.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// A common line, and a line before it for each address.
struct Lines {
    common: Arc<Semaphore>,
    of_address_max: usize,
    /// The addresses that have or wait for a turn, each with its own permits and the number of those who hold
    /// the entry. Bounded as requests are. Held for a look-up.
    own: Arc<Mutex<HashMap<IpAddr, Own>>>,
}

struct Own {
    permits: Arc<Semaphore>,
    holders: usize,
}

impl Lines {
    fn new(max: usize, of_address_max: usize) -> Self {
        Self { common: Arc::new(Semaphore::new(max)), of_address_max, own: Arc::default() }
    }

    async fn wait(&self, address: IpAddr) -> Turn {
        let (permits, entry) = self.enter(address);
        let permit = permits.acquire_owned().await.expect("it is never closed");
        let own = OwnPermit { _permit: permit, _entry: entry };
        let common = Arc::clone(&self.common).acquire_owned().await.expect("it is never closed");
        Turn { _common: common, _own: own }
    }

    fn enter(&self, address: IpAddr) -> (Arc<Semaphore>, Entry) {
        let mut own = self.own.lock();
        let max = self.of_address_max;
        let line =
            own.entry(address).or_insert_with(|| Own { permits: Arc::new(Semaphore::new(max)), holders: 0 });
        line.holders += 1;
        (Arc::clone(&line.permits), Entry { own: Arc::clone(&self.own), address })
    }
}

/// A permit of the address's own line; it is given back before the entry.
struct OwnPermit {
    _permit: OwnedSemaphorePermit,
    _entry: Entry,
}

/// A place in the table of addresses; the last one removes the address.
struct Entry {
    own: Arc<Mutex<HashMap<IpAddr, Own>>>,
    address: IpAddr,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut own = self.own.lock();
        if let Some(line) = own.get_mut(&self.address) {
            line.holders -= 1;
            if line.holders == 0 {
                own.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    async fn is_ready(future: impl Future) -> bool {
        let mut future = pin!(future);
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
    }

    #[tokio::test]
    async fn one_address_takes_its_share_and_another_goes_before_its_rest() {
        let lines = Lines::new(3, 2);
        let (greedy, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let first = lines.wait(greedy).await;
        let second = lines.wait(greedy).await;
        let mut rest: Vec<_> = (0..1_000).map(|_| Box::pin(lines.wait(greedy))).collect();
        for waiting in &mut rest {
            assert!(!is_ready(waiting).await, "a third of one address");
        }
        let third = lines.wait(other).await;
        assert!(!is_ready(lines.wait(other)).await, "there are three in all");
        drop(first);
        assert!(is_ready(lines.wait(other)).await || is_ready(&mut rest[0]).await);
        drop((second, third, rest));
        assert!(lines.own.lock().is_empty(), "nothing is kept of those who went");
        assert_eq!(lines.common.available_permits(), 3);
    }
}
