//! Calls that came to nothing.

use std::io;
use std::time::Duration;

use hyper::StatusCode;

use super::host::HostError;
use crate::resolve::AnyError;
use crate::untrusted::is_untrusted;

/// A call that came to nothing. No message has more of the address than its host and port, and none a byte of
/// the request or the answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// As many calls as there may be are under way; a later one may find a place.
    #[error("{0} calls to other servers are under way, which is the most there can be")]
    Busy(usize),
    /// The address is none that the server calls.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The name of the host leads nowhere.
    #[error("{host}: its address is not known: {source}")]
    Resolve {
        /// The host.
        host: String,
        /// The resolver's error.
        #[source]
        source: AnyError,
    },
    /// An address of the host is not one of the internet.
    #[error("{host} is at an address that is not one of the public internet")]
    NotGlobal {
        /// The host.
        host: String,
    },
    /// Nobody takes the connection, or it breaks.
    #[error("{host}: {source}{}", authority_hint(source))]
    Connect {
        /// The host, with its port.
        host: String,
        /// The system's error, or that of TLS.
        #[source]
        source: io::Error,
    },
    /// The answer is no HTTP, or ends early.
    #[error("{host}: the exchange failed: {source}")]
    Http {
        /// The host.
        host: String,
        /// The library's error.
        #[source]
        source: hyper::Error,
    },
    /// The answer leads elsewhere.
    #[error("{host} answers {status}, a redirect, which is not followed")]
    Redirect {
        /// The host.
        host: String,
        /// The status of the answer.
        status: StatusCode,
    },
    /// The answer is larger than its caller allows.
    #[error("{host}: the answer is over the limit of {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer did not come in time.
    #[error("{host}: no answer within {} seconds", .limit.as_secs())]
    Slow {
        /// The host.
        host: String,
        /// The limit.
        limit: Duration,
    },
}

/// The way out where the authority of a certificate is not known.
fn authority_hint(error: &io::Error) -> &'static str {
    if is_untrusted(error) {
        "; `ca-file` of the login or the site names the authority that signed its certificate"
    } else {
        ""
    }
}
