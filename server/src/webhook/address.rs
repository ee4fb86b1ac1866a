//! The receiver's address, and the addresses of the network that it may be reached at.
//!
//! The operator decides where the server connects to. An IP address and `localhost` are taken as they are. A name must
//! lead to the public internet, whatever it leads to tomorrow: it is looked up for each connection, and the
//! connection goes to the very addresses that were looked at.

use std::net::{IpAddr, SocketAddr};

use hyper::Uri;

use crate::outgoing::{CallError, Host, HostError, is_global};
use crate::resolve::AnyError;

/// A receiver's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: Host,
    /// The path, with the query.
    pub path: String,
    /// A name may lead to inner addresses.
    is_private: bool,
}

/// An address that is none, or is none that the server calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It cannot be read as one.
    #[error("it is written like https://deploy.example.org/chat")]
    Malformed,
    /// Its host cannot be called.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Everybody on the way could read the messages.
    #[error(
        "{0} is called by https only; plain http is for an IP address, for localhost, and with private = true"
    )]
    Plain(String),
}

impl Address {
    /// Reads an address. `is_private`: a name may lead to inner addresses.
    pub fn read(text: &str, is_private: bool) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError::Malformed)?;
        // A browser's sign for a place inside of a page.
        if text.contains('#') {
            return Err(AddressError::Malformed);
        }
        let host = Host::of_any(&uri)?;
        if !host.is_tls && !is_private && !is_literal(&host.name) {
            return Err(AddressError::Plain(host.name));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { host, path, is_private })
    }

    /// Returns the addresses of the network to connect to, for one connection. `lookup` finds those of a name.
    pub async fn sockets(
        &self,
        lookup: impl AsyncFnOnce(&str) -> Result<Vec<IpAddr>, AnyError>,
    ) -> Result<Vec<SocketAddr>, CallError> {
        let name = &self.host.name;
        let found = lookup(name).await;
        let found = found.map_err(|source| CallError::Resolve { host: name.clone(), source })?;
        // All of them: which one is taken is the network's choice.
        let is_open = self.is_private || is_literal(name);
        if !is_open && !found.iter().all(|address| is_global(*address)) {
            return Err(CallError::NotGlobal { host: name.clone() });
        }
        Ok(found.into_iter().map(|address| (address, self.host.port).into()).collect())
    }
}

/// Returns true if a host is an address, or the name of this machine.
fn is_literal(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost")
}
