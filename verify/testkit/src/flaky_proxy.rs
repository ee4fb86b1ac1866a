//! A proxy between a browser and the server that is a bad network: it delays, breaks connections, and goes
//! silent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Bytes that are carried at once, and then delayed: a long answer is on its way for a while.
const CARRIED_BYTES: usize = 16 * 1024;

/// The proxy. Its connections end with it.
#[derive(Debug)]
pub struct FlakyProxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    delay: Duration,
    /// Connections of an earlier life carry nothing any more, and are not closed.
    life: AtomicU64,
    /// Connections up to this one are broken.
    broken: AtomicU64,
    made: AtomicU64,
    /// True while no connection is taken.
    is_cut_off: AtomicBool,
}

impl FlakyProxy {
    /// Starts a proxy to this server that delays what it carries by `delay`.
    ///
    /// # Panics
    ///
    /// When this machine has no free port.
    pub async fn to(server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (life, broken, made) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let state = Arc::new(State { server, delay, life, broken, made, is_cut_off: AtomicBool::new(false) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state))).abort_handle();
        Self { address, state, accepting }
    }

    /// Returns the address at which the server is reached over the proxy.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections that are open.
    pub fn cut(&self) {
        self.state.broken.store(self.state.made.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Breaks all connections, and those that are made until [`FlakyProxy::restore`].
    pub fn cut_off(&self) {
        self.state.is_cut_off.store(true, Ordering::Relaxed);
        self.cut();
    }

    /// Takes connections again.
    pub fn restore(&self) {
        self.state.is_cut_off.store(false, Ordering::Relaxed);
    }

    /// Stops carrying on all connections that are open, without closing them.
    pub fn go_silent(&self) {
        self.state.life.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for FlakyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((browser, _)) = listener.accept().await {
        if state.is_cut_off.load(Ordering::Relaxed) {
            continue;
        }
        let Ok(server) = TcpStream::connect(state.server).await else { continue };
        let number = state.made.fetch_add(1, Ordering::Relaxed) + 1;
        let ((from_browser, to_browser), (from_server, to_server)) =
            (browser.into_split(), server.into_split());
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            tokio::join!(
                carry(&state, number, from_browser, to_server),
                carry(&state, number, from_server, to_browser)
            )
        });
    }
}

async fn carry(state: &State, number: u64, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    /// A connection notices within this time that it is broken.
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let life = state.life.load(Ordering::Relaxed);
    let mut bytes = vec![0; CARRIED_BYTES];
    loop {
        if number <= state.broken.load(Ordering::Relaxed) {
            return;
        }
        let Ok(read) = tokio::time::timeout(LOOK_EVERY, from.read(&mut bytes)).await else { continue };
        let Ok(count @ 1..) = read else { return };
        tokio::time::sleep(state.delay).await;
        if life != state.life.load(Ordering::Relaxed) {
            // What was on its way is lost with it.
            continue;
        }
        if number <= state.broken.load(Ordering::Relaxed) || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
