//! Sockets: those that listen, the threads that serve, the bound on connections, and the drain.
//!
//! The main thread holds the listening sockets, bound once (a second server on the same port gets an
//! error), and hands each accepted connection to the runtime thread, one per core, that has the fewest; there
//! it stays. Each thread wakes its own readers by its own dispatcher. Connections are bounded by the
//! descriptors the process may open, less a reserve; when descriptors run out all the same, accepting backs
//! off.

use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millchat::log::LogError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, LocalOptions, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::access::watch::RightsWatch;
use crate::app::{App, Worker};
use crate::client_ip::Peer;
use crate::connection;
use crate::detached::{DetachedStreams, StreamWriter};
use crate::drain_delay::DrainDelay;
use crate::listener::{Accepted, Bound, Listener};
use crate::programs::Programs;
use crate::refusal_log;
use crate::reload::Reload;
use crate::service_manager;
use crate::stderr;
use crate::watchdog::{Beats, Watch};
use crate::webhook::settings::Webhook;

/// Descriptors kept back for the log, the runtimes and the standard streams.
const DESCRIPTORS_RESERVED: u64 = 256;
/// Connections are bounded by this too where descriptors are not limited.
const CONNECTIONS_MAX: u64 = 1_000_000;
/// Connections that a machine with hardly any descriptors still serves.
const CONNECTIONS_MIN: u64 = 16;
/// Connections of the admin listener. Their descriptors are among those that are kept back.
const ADMIN_CONNECTIONS_MAX: usize = 64;
/// First wait after the machine had no descriptor for an accepted connection; doubled up to the maximum.
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
/// Longest wait of that sort.
const BACK_OFF_MAX: Duration = Duration::from_secs(1);
/// Shortest time between two log lines that all connections are in use.
const FULL_TOLD_EVERY: Duration = Duration::from_mins(1);
/// Time that connections have to finish after the signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// After the signal the process ends by force if it has not ended by then; its last lines may take a second
/// more.
const DEADLINE: Duration = Duration::from_millis(8_800);

/// Time on top of both that the service manager is asked for.
const STOPPING_MARGIN: Duration = Duration::from_secs(5);

/// An accepted connection on its way to its thread, with its peer and its share of the bound and of the
/// thread.
type Handed = (Accepted, Peer, (OwnedSemaphorePermit, Arc<()>));

/// The sockets that listen.
pub struct Listeners {
    /// The one for everybody.
    pub public: Bound,
    /// The operator's, if there is one.
    pub admin: Option<Bound>,
    /// The one that leads plain HTTP to the public URL, if there is one.
    pub redirect: Option<Bound>,
}

/// Returns the URL of the public listener.
fn url(app: &App, public: &Bound) -> String {
    let scheme = if app.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{public}/")
}

/// Raises the soft limit on descriptors to the hard one; gives how many connections that allows.
pub fn raise_descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let soft = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let descriptors = soft.unwrap_or(u64::MAX);
    descriptors.saturating_sub(DESCRIPTORS_RESERVED).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX) as usize
}

/// The server ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody can be told where the server listens.
    #[error("stdout does not take the line with the address: {0}")]
    Stdout(#[source] io::Error),
    /// The system refuses what serving needs.
    #[error(transparent)]
    System(#[from] io::Error),
    /// The log could not be closed.
    #[error(transparent)]
    Close(#[from] LogError),
}

/// The main thread's runtime, and the signal that may come before the server is ready.
pub struct MainThread {
    runtime: Runtime,
    hang_up: Signal,
}

impl MainThread {
    /// Makes it. From now on SIGHUP ends nothing by itself.
    pub fn new() -> io::Result<Self> {
        let runtime = runtime()?;
        let hang_up = runtime.block_on(async { signal(SignalKind::hangup()) })?;
        Ok(Self { runtime, hang_up })
    }

    /// Serves until SIGTERM or Ctrl-C, then ends connections and closes the log.
    ///
    /// `writer` writes for the streams that leave hyper, if any do. SIGTERM announces the end, which comes
    /// after `delay`. SIGHUP is answered by `reload`, and ends the server where there is none.
    pub fn run(
        self,
        app: &Arc<App>,
        listeners: Listeners,
        connections_max: usize,
        (writer, delay, reload): (StreamWriter, DrainDelay, Option<Reload>),
        webhooks: &[Webhook],
    ) -> Result<(), ServeError> {
        let Self { runtime, hang_up } = self;
        let mut threads = Vec::new();
        for index in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.push(Thread::start(Arc::clone(app), index, writer)?);
        }
        let hung_up = hung_up(hang_up, reload.map(Arc::new), url(app, &listeners.public));
        let serve = serve(app, listeners, &threads, (connections_max, writer, delay), (hung_up, webhooks));
        let served = runtime.block_on(serve);
        for thread in threads {
            thread.stop();
        }
        // Also when it could not serve: a log that is not closed has to be recovered.
        runtime.block_on(app.chat.close())?;
        served?;
        tracing::info!("closed");
        Ok(())
    }
}

/// Reloads at each hang-up; resolves with the first one when there is nothing to reload.
async fn hung_up(mut signal: Signal, reload: Option<Arc<Reload>>, url: String) {
    while signal.recv().await.is_some() {
        let Some(reload) = &reload else { return };
        let reload = Arc::clone(reload);
        service_manager::reloading();
        if let Err(error) = tokio::task::spawn_blocking(move || reload.run()).await {
            tracing::error!(%error, "the settings could not be read again");
        }
        service_manager::ready(&url);
    }
    std::future::pending::<()>().await;
}

/// Accepts until a signal comes, and waits until the connections have ended.
async fn serve(
    app: &Arc<App>,
    listeners: Listeners,
    threads: &[Thread],
    (connections_max, writer, delay): (usize, StreamWriter, DrainDelay),
    (hung_up, webhooks): (impl Future<Output = ()>, &[Webhook]),
) -> Result<(), ServeError> {
    let permits = Arc::clone(&app.connections);
    let admin_permits = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let Listeners { public, admin, redirect } = listeners;
    let (address, url) = (public.to_string(), url(app, &public));
    let redirect_address = redirect.as_ref().map(ToString::to_string);
    let admin_address = admin.as_ref().map(ToString::to_string);
    let listener = public.listen()?;
    let admin_listener = admin.map(Bound::listen).transpose()?;
    let redirect_listener = redirect.map(Bound::listen).transpose()?;
    // Who reads the line looks at what was said before it.
    stderr::settle();
    writeln!(io::stdout(), "Millchat is listening on {url}").map_err(ServeError::Stdout)?;
    if let Some(address) = admin_address {
        tracing::info!(%address, "the admin listener is ready");
    }
    if let Some(address) = redirect_address {
        tracing::info!(%address, "plain HTTP is led to the public URL");
    }
    let sender = writer.as_str();
    tracing::info!(%address, connections_max, threads = threads.len(), sender, "ready");
    service_manager::ready(&url);
    if let Some(source) = &app.certificate_source {
        tokio::spawn(source.clone().follow());
    }
    let programs = Programs::start(app, webhooks)?;
    tokio::spawn(Watch::new(threads.iter().map(|thread| thread.beats.clone())).run());
    let refusals = {
        let app = Arc::clone(app);
        async move {
            loop {
                tokio::time::sleep(refusal_log::LINE_EVERY).await;
                app.refused.write();
            }
        }
    };
    tokio::spawn(refusals);
    let delay = tokio::select! {
        never = accept(&listener, threads, &permits) => match never {},
        never = accept_at(admin_listener.as_ref(), threads, &admin_permits) => match never {},
        never = accept_at(redirect_listener.as_ref(), threads, &permits) => match never {},
        _ = terminate.recv() => {
            tracing::info!(delay = %delay, "SIGTERM: closing");
            delay.0
        }
        // Somebody waits in front of a terminal, and no load balancer behind it.
        _ = interrupt.recv() => {
            tracing::info!("interrupted: closing");
            Duration::ZERO
        }
        () = hung_up => {
            tracing::info!("SIGHUP: the terminal is gone: closing");
            Duration::ZERO
        }
    };
    service_manager::stopping(delay + DEADLINE + STOPPING_MARGIN);
    app.drain.announce();
    tokio::select! {
        never = accept(&listener, threads, &permits) => match never {},
        never = accept_at(admin_listener.as_ref(), threads, &admin_permits) => match never {},
        never = accept_at(redirect_listener.as_ref(), threads, &permits) => match never {},
        () = tokio::time::sleep(delay) => {}
        _ = terminate.recv() => tracing::info!("SIGTERM again: closing at once"),
        _ = interrupt.recv() => tracing::info!("interrupted: closing at once"),
    }
    // A socket of the service manager stays open there, and who waits in it is served by the next process.
    drop((listener, admin_listener, redirect_listener));
    start_deadline();
    app.drain.raise();
    // Every connection holds a permit, so all have ended when all permits are here.
    let ended = async {
        let _public = permits.acquire_many(connections_max as u32).await;
        let _admin = admin_permits.acquire_many(ADMIN_CONNECTIONS_MAX as u32).await;
    };
    programs.join().await;
    if tokio::time::timeout(DRAIN_TIMEOUT, ended).await.is_err() {
        let admin_left = ADMIN_CONNECTIONS_MAX - admin_permits.available_permits();
        let left = connections_max - permits.available_permits() + admin_left;
        tracing::warn!(left, "connections that did not end in time are cut");
    }
    app.refused.write();
    Ok(())
}

/// Accepts at another listener for ever, if there is one.
async fn accept_at(
    listener: Option<&Listener>,
    threads: &[Thread],
    permits: &Arc<Semaphore>,
) -> std::convert::Infallible {
    match listener {
        Some(listener) => accept(listener, threads, permits).await,
        None => std::future::pending().await,
    }
}

/// Accepts for ever; each connection goes to the thread that has the fewest.
async fn accept(
    listener: &Listener,
    threads: &[Thread],
    permits: &Arc<Semaphore>,
) -> std::convert::Infallible {
    let mut back_off = BACK_OFF_MIN;
    let mut full_told: Option<Instant> = None;
    loop {
        if permits.available_permits() == 0 && full_told.is_none_or(|told| told.elapsed() > FULL_TOLD_EVERY) {
            full_told = Some(Instant::now());
            tracing::warn!("as many connections as there may be are open; new ones wait");
        }
        let permit = Arc::clone(permits).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((socket, peer)) => {
                back_off = BACK_OFF_MIN;
                // Not in turn: a client that opens two at a time, and uses one, would have all of those on
                // one thread.
                let thread = threads.iter().min_by_key(|thread| Arc::strong_count(&thread.connections));
                let thread = thread.expect("there is at least one thread");
                // A thread that is gone has panicked; its connections are closed by dropping them.
                let _ = thread.accepted.send((socket, peer, (permit, Arc::clone(&thread.connections))));
            }
            // The peer went away before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                let wait_ms = back_off.as_millis() as u64;
                tracing::warn!(%error, wait_ms, "a connection cannot be accepted");
                tokio::time::sleep(back_off).await;
                back_off = (back_off * 2).min(BACK_OFF_MAX);
            }
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The last resort: the process ends, whatever still holds it.
fn start_deadline() {
    let end = || {
        std::thread::sleep(DEADLINE);
        tracing::error!(
            "not closed in time; the process ends by force and the log recovers at the next start"
        );
        stderr::settle();
        std::process::exit(1);
    };
    if let Err(error) = std::thread::Builder::new().name("deadline".to_owned()).spawn(end) {
        tracing::warn!(%error, "no thread for the deadline; the shutdown has none");
    }
}

/// A runtime thread that serves connections.
struct Thread {
    /// Not bounded by itself: each item holds one of the permits.
    accepted: mpsc::UnboundedSender<Handed>,
    /// Held once more by each of its connections.
    connections: Arc<()>,
    /// The sign that it runs, for the watchdog.
    beats: Beats,
    handle: JoinHandle<()>,
}

impl Thread {
    fn start(app: Arc<App>, index: usize, writer: StreamWriter) -> io::Result<Self> {
        let (accepted, mut incoming) = mpsc::unbounded_channel::<Handed>();
        let (started, built) = std::sync::mpsc::sync_channel(1);
        let beats = Beats::default();
        let beating = beats.clone();
        let serve = move || {
            // Not a LocalSet on a runtime: each event of a socket that wakes a task of such a set writes to
            // the runtime's own eventfd. This runtime stays on the thread that makes it.
            let runtime =
                match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(started.send(Err(error))),
                };
            drop(started.send(Ok(())));
            runtime.block_on(async {
                let dispatcher = app.chat.dispatcher();
                let detached = writer.backend().map(DetachedStreams::new);
                let watch = RightsWatch::new(Arc::clone(&app.authority));
                tokio::task::spawn_local(Rc::clone(&watch).run(Arc::clone(&app.drain)));
                let w = Rc::new(Worker { app, dispatcher, watch, detached });
                tokio::task::spawn_local(w.dispatcher.run());
                tokio::task::spawn_local(beating.run());
                if let Some(streams) = &w.detached {
                    tokio::task::spawn_local(Rc::clone(streams).run());
                }
                while let Some((socket, peer, held)) = incoming.recv().await {
                    let w = Rc::clone(&w);
                    tokio::task::spawn_local(async move {
                        let error = match socket {
                            Accepted::Tcp(socket) => match tokio::net::TcpStream::from_std(socket) {
                                Ok(socket) => return connection::serve(w, socket, peer, held).await,
                                Err(error) => error,
                            },
                            Accepted::Unix(socket) => match tokio::net::UnixStream::from_std(socket) {
                                Ok(socket) => return connection::serve_unix(w, socket, peer, held).await,
                                Err(error) => error,
                            },
                        };
                        tracing::warn!(%error, "an accepted connection is of no use");
                    });
                }
            });
        };
        let handle = std::thread::Builder::new().name(format!("serve-{index}")).spawn(serve)?;
        built.recv().map_err(io::Error::other)??;
        Ok(Self { accepted, connections: Arc::new(()), beats, handle })
    }

    /// Ends the thread and with it the connections that are left on it.
    fn stop(self) {
        drop(self.accepted);
        if self.handle.join().is_err() {
            tracing::error!("a serving thread had panicked");
        }
    }
}
