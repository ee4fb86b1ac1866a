//! The service manager that started the process, if one did: the socket that it holds for it, and what it is
//! told of the process's state.
//!
//! Both are systemd's protocols, `sd_listen_fds` and `sd_notify`; others speak them too. A process that
//! nobody manages gets no socket and tells nobody.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use sd_notify::NotifyState;

use crate::start_error::StartError;

/// Takes the socket that was passed, with its address. To be called before there are other threads: it
/// removes the variables that pass it.
pub fn listener() -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => return Ok(None),
        1 => {}
        count => return Err(StartError::ManySockets { count }),
    }
    let mut take = || {
        let Some(listener) = passed.take_tcp_listener(0)? else { return Ok(None) };
        if !socket_acceptconn(&listener)? {
            return Err(io::Error::other("it does not listen"));
        }
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Some((listener, address)))
    };
    take().map_err(StartError::PassedSocket)
}

/// Tells that connections are accepted, at this URL.
pub fn ready(url: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("listening on {url}"))]);
}

/// Tells that the process ends, within this time.
pub fn stopping(within: Duration) {
    let micros = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::Status("closing"), NotifyState::ExtendTimeoutUsec(micros)]);
}

/// Tells that the settings are read again; [`ready`] tells that it is done.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading, NotifyState::Status("reading the settings again")];
    states.extend(NotifyState::monotonic_usec_now());
    tell(&states);
}

/// Tells that all threads run.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Returns the time within which [`alive`] must be told again; `None` if nobody waits for it.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|within| !within.is_zero())
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told the state");
    }
}
