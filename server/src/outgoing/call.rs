//! A call: a place for it, the address of its host, the connection, the exchange.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, Uri};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::bounds::Bounds;
use super::error::CallError;
use super::exchange::exchange;
use super::host::{Host, HostError, is_global};
use super::trust::Trust;
use crate::resolve;

/// Most calls of one [`Outgoing`] that are under way at once.
pub const CALLS_MAX: usize = 16;
/// The name of this program, as those who are called see it.
const USER_AGENT: &str = concat!("Millchat/", env!("CARGO_PKG_VERSION"));

/// Calls other servers, a few at a time. There are two in the process: one for sign-ins and pictures,
/// one for the keys of sites, so that neither waits for the other.
pub struct Outgoing {
    places: Semaphore,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { places: Semaphore::new(CALLS_MAX) }
    }
}

impl Outgoing {
    /// Sends a request to the server that its address names, and returns the whole answer, whatever its status
    /// but for redirects.
    pub async fn call(
        &self,
        trust: &Trust,
        request: Request<Bytes>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, CallError> {
        let _place = self.places.try_acquire().map_err(|_| CallError::Busy(CALLS_MAX))?;
        let host = Host::of(request.uri())?;
        if bounds.is_global_only && !host.is_tls {
            return Err(HostError::Plain(host.name).into());
        }
        let limit = bounds.timeout.min(Bounds::default().timeout);
        let called = tokio::time::timeout(limit, Box::pin(call(trust, request, &host, bounds))).await;
        called.unwrap_or(Err(CallError::Slow { host: host.name, limit }))
    }
}

async fn call(
    trust: &Trust,
    mut request: Request<Bytes>,
    host: &Host,
    bounds: Bounds,
) -> Result<Response<Bytes>, CallError> {
    let name = || host.name.clone();
    let addresses = resolve::addresses(&host.name).await;
    let addresses = addresses.map_err(|source| CallError::Resolve { host: name(), source })?;
    // All of them: which one is taken is the network's choice. The connection goes to these very addresses, so
    // a name that leads elsewhere at the next question gains nothing.
    if bounds.is_global_only && !addresses.iter().all(|address| is_global(*address)) {
        return Err(CallError::NotGlobal { host: name() });
    }
    let headers = request.headers_mut();
    let host_header = HeaderValue::from_str(&host.header()).map_err(|_| HostError::Malformed)?;
    headers.insert(header::HOST, host_header);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| HostError::Malformed)?;
    let request = request.map(Full::new);
    let limit = bounds.bytes_max.min(Bounds::default().bytes_max);
    let lost = |source| CallError::Connect { host: host.with_port(), source };
    let sockets: Vec<SocketAddr> = addresses.iter().map(|address| (*address, host.port).into()).collect();
    let socket = TcpStream::connect(&sockets[..]).await.map_err(lost)?;
    if !host.is_tls {
        return exchange(socket, request, &host.name, limit).await;
    }
    let server = ServerName::try_from(host.name.clone()).map_err(|_| HostError::Malformed)?;
    let socket = trust.connector().connect(server, socket).await.map_err(lost)?;
    exchange(socket, request, &host.name, limit).await
}
