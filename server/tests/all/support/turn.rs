//! Limits on how much of the machine the tests take at once.
//!
//! Most tests wait: for a timer of the product, for a page, for a process. So `make test` starts many at
//! once, and those that would be in each other's way take turns here. A turn ends when its permit is dropped.
//! It is waited for without bound, since how long the others take says nothing about the product.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock, Weak};
use std::thread::available_parallelism;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Tests that have a browser: a page is worth about half a core.
static BROWSERS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2 * cores()));
/// Servers that are starting.
static STARTS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2 * cores()));
/// Tests that load the machine with all they have, or open thousands of connections.
static LOADS: Semaphore = Semaphore::const_new(1);
/// Engines of a journal. Each write of theirs goes to the disk, and servers that wait for each other's disk find no
/// leader.
static JOURNALS: Semaphore = Semaphore::const_new(3);

fn cores() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

async fn of(semaphore: &'static Semaphore) -> SemaphorePermit<'static> {
    semaphore.acquire().await.expect("the semaphore is never closed")
}

/// Waits until no other test loads the machine. For the first line of a test.
pub async fn load() -> SemaphorePermit<'static> {
    of(&LOADS).await
}

/// Waits until few other tests have an engine of a journal.
pub async fn journal() -> SemaphorePermit<'static> {
    of(&JOURNALS).await
}

/// Waits until few other servers are starting.
pub async fn start() -> SemaphorePermit<'static> {
    of(&STARTS).await
}

/// Waits until few other tests have a browser. The second browser of a test shares the turn of its first: two
/// tests that each wait for their second one would wait for ever.
pub async fn browser() -> Arc<SemaphorePermit<'static>> {
    // The body of a test stays on the thread of its own that the harness gives it.
    thread_local! {
        static OF_THIS_TEST: RefCell<Weak<SemaphorePermit<'static>>> = const { RefCell::new(Weak::new()) };
    }
    if let Some(turn) = OF_THIS_TEST.with_borrow(Weak::upgrade) {
        return turn;
    }
    let turn = Arc::new(of(&BROWSERS).await);
    OF_THIS_TEST.set(Arc::downgrade(&turn));
    turn
}
