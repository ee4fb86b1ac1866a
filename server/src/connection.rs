//! One connection, from the accepted socket to a close that lets the last answer arrive.
//!
//! It is held to the bounds on connections, shakes hands where TLS is on, and is served by HTTP/1.1 or HTTP/2.
//! At the end a socket closed over unread bytes would be reset, and the reset can destroy the answer on its
//! way, so the peer's rest is discarded for a moment before the close.

use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;

use crate::app::Worker;
use crate::client_ip::{ListenerKind, Peer};
use crate::detached::DetachedStream;
use crate::http_socket::HttpSocket;
use crate::http1::{self, FIRST_REQUEST_GRACE, HttpOutcome, final_response};
use crate::http2;
use crate::peer_socket::PeerSocket;
use crate::tls::{HANDSHAKE_TIMEOUT, Handshake, REFUSED, Sealer, Secured, Tls, shake_hands};
use crate::write_timeout::{WRITE_TIMEOUT, WriteTimeout};

/// The kernel's share of what a reader that stopped reading costs (it doubles the figure for its bookkeeping).
/// Left to itself the kernel would let it grow to 4 MiB; this much still carries 1 MB/s over a line of 100 ms.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Bytes of the peer that are discarded after the last answer, at most.
const LINGER_BYTES_MAX: usize = 256 * 1024;
/// Size of the pieces in which they are read.
const LINGER_READ_BYTES: usize = 8 * 1024;
/// Longest time for that.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves the connection until it ends, either side's wish or the process's.
///
/// `permit` is its share of what bounds connections, to be held until then.
pub async fn serve(w: Rc<Worker>, socket: TcpStream, peer: Peer, permit: impl Sized + 'static) {
    // A frame is written whole, so waiting for more to send would only add delay.
    let _ = socket.set_nodelay(true);
    let _ = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER_BYTES);
    // A peer that vanished without a word acknowledges nothing: heartbeats would fill the kernel's buffer for
    // hours before a write stalls.
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&socket, WRITE_TIMEOUT.as_millis() as u32);
    let metrics = &w.app.metrics;
    let socket = WriteTimeout::new(socket, metrics.slow.clone(), metrics.dropped.clone());
    let counted = Counted::new(&w);
    let (address_permit, refused) = match w.app.limits.connect(peer) {
        Ok(address_permit) => (address_permit, None),
        Err(limited) => (None, Some(limited)),
    };
    let held = (address_permit, counted, permit);
    if peer.listener == ListenerKind::Public
        && let Some(tls) = &w.app.tls
    {
        // A handshake costs far more than what is refused by it.
        if refused.is_some() {
            return metrics.shook_hands(REFUSED);
        }
        // In a box: a connection without TLS is not larger for it.
        return Box::pin(serve_tls(&w, tls, socket, peer, held)).await;
    }
    match http1::serve(&w, socket, (peer, refused), true).await {
        HttpOutcome::Ended(socket) => linger(socket).await,
        HttpOutcome::Detached(stream, socket) => detach(&w, stream, (socket, None), held),
    }
}

/// Goes on with a stream in a task of its own, no larger than what is left. The one before, with all of hyper
/// in it, ends, and what it took is whole for the next connection. `held` is kept until the stream has ended.
fn detach(
    w: &Worker,
    stream: DetachedStream,
    connection: (WriteTimeout<TcpStream>, Option<Sealer>),
    held: impl Sized + 'static,
) {
    let Some(streams) = &w.detached else { return };
    let mut reader = stream.reader(streams, connection);
    // It holds the reader once: what an `async fn` is called with is in its future twice.
    tokio::task::spawn_local(async move {
        let _held = &held;
        poll_fn(|cx| reader.poll(cx)).await;
        let (socket, sealer) = reader.into_socket();
        Box::pin(end_stream(socket, sealer)).await;
    });
}

/// Ends a stream that had left hyper; by TLS in words.
async fn end_stream(
    mut socket: WriteTimeout<impl AsyncRead + AsyncWrite + PeerSocket + Unpin + 'static>,
    sealer: Option<Sealer>,
) {
    if let Some(mut sealer) = sealer
        && !socket.is_broken()
        && let Ok(end) = sealer.seal_end()
    {
        let _ = tokio::time::timeout(LINGER_TIMEOUT, socket.write_all(&end)).await;
    }
    linger(socket).await;
}

/// Shakes hands, and serves what comes after it.
async fn serve_tls(
    w: &Rc<Worker>,
    tls: &Tls,
    socket: WriteTimeout<TcpStream>,
    peer: Peer,
    held: impl Sized + 'static,
) {
    let end = async {
        w.app.drain.wait().await;
        sleep(FIRST_REQUEST_GRACE).await;
    };
    let handshake = tokio::select! {
        handshake = shake_hands(tls, socket, HANDSHAKE_TIMEOUT) => handshake,
        () = end => return,
    };
    w.app.metrics.shook_hands(handshake.outcome());
    match handshake {
        Handshake::Done(Secured { socket, is_http2: true }) => http2::serve(w, socket, peer).await,
        Handshake::Done(Secured { socket, is_http2: false }) => {
            match http1::serve(w, socket, (peer, None), true).await {
                HttpOutcome::Ended(socket) => linger(socket).await,
                HttpOutcome::Detached(stream, socket) => {
                    let (socket, sealer) = socket.into_parts();
                    detach(w, stream, (socket, Some(sealer)), held);
                }
            }
        }
        Handshake::Challenge(socket) => linger(socket).await,
        Handshake::Plain(mut socket) => {
            let said = w.app.public_url.as_ref().map_or_else(
                || "This port speaks HTTPS: the address begins with https://".to_owned(),
                |url| format!("This port speaks HTTPS: the address is {url}/"),
            );
            let answer = final_response("400 Bad Request", &said);
            if socket.write_all(answer.as_bytes()).await.is_ok() {
                linger(socket).await;
            }
        }
        Handshake::Failed(_) => {}
    }
}

/// The same over a socket in the file system. Its streams stay with hyper.
pub async fn serve_unix(w: Rc<Worker>, socket: UnixStream, peer: Peer, _permit: impl Sized + 'static) {
    let metrics = &w.app.metrics;
    let socket = WriteTimeout::new(socket, metrics.slow.clone(), metrics.dropped.clone());
    let _counted = Counted::new(&w);
    match http1::serve(&w, socket, (peer, None), false).await {
        HttpOutcome::Ended(socket) | HttpOutcome::Detached(_, socket) => linger(socket).await,
    }
}

/// Counts the connection for as long as it is there, also when its task panics.
struct Counted(Rc<Worker>);

impl Counted {
    fn new(w: &Rc<Worker>) -> Self {
        w.app.metrics.connections.inc();
        Self(Rc::clone(w))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.app.metrics.connections.dec();
    }
}

/// Says that nothing more comes, and discards a bounded rest of what the peer sends.
async fn linger(mut socket: impl HttpSocket) {
    if !socket.can_linger() {
        return;
    }
    let discard = async {
        if socket.shutdown().await.is_err() {
            return;
        }
        // On the heap and only now: an array here would make every connection's task larger by it.
        let mut sink = vec![0; LINGER_READ_BYTES];
        let mut discarded = 0;
        while discarded < LINGER_BYTES_MAX {
            match socket.read(&mut sink).await {
                Ok(0) | Err(_) => return,
                Ok(n) => discarded += n,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER_TIMEOUT, discard).await;
}
