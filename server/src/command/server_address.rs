//! The address of a running server, as commands take it: `http://HOST:PORT`, `https://HOST:PORT` or
//! `unix:/PATH`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use crate::https_client::HttpsClient;
use crate::listen_address::parse_unix;
use crate::resolve::{self, AnyError};
use crate::untrusted::is_untrusted;

/// The address of a running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// Plain HTTP at a host and a port.
    Tcp {
        /// The host, a name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// HTTPS at a host and a port.
    Tls {
        /// The host, whose name the certificate is for.
        host: String,
        /// The port.
        port: u16,
    },
    /// HTTPS at an address of this very machine, whose certificate is for the name that others know.
    OwnTls {
        /// The address, or a name of this machine.
        host: String,
        /// The port.
        port: u16,
    },
    /// Plain HTTP over a socket in the file system.
    Unix(PathBuf),
}

/// A connection of either kind.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl ServerAddress {
    /// Asks for a path, with these headers and that of the host.
    pub async fn get(&self, path: &str, headers: HeaderMap) -> Result<Response<Incoming>, AnyError> {
        self.send((Method::GET, path), headers, Bytes::new()).await
    }

    /// Sends a request to a path, with these headers and that of the host.
    pub async fn send(
        &self,
        (method, path): (Method, &str),
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, AnyError> {
        let socket: Box<dyn Connection> = match self {
            Self::Tcp { host, port } => Box::new(resolve::connect(host, *port).await?),
            Self::Tls { host, port } => {
                let connected = HttpsClient::new(None)?.connect(host, *port).await;
                Box::new(connected.map_err(with_hint)?)
            }
            Self::OwnTls { host, port } => Box::new(HttpsClient::for_own()?.connect(host, *port).await?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        // It ends with the answer or with the runtime; what it says then is said by the answer too.
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header(header::HOST, self.host());
        let mut request = request.body(Full::new(body))?;
        request.headers_mut().extend(headers);
        Ok(sender.send_request(request).await?)
    }

    /// Returns the value of the header `Host`.
    fn host(&self) -> String {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port } | Self::OwnTls { host, port } => {
                if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

/// Adds the way out where the authority of a certificate is not known.
fn with_hint(error: AnyError) -> AnyError {
    if is_untrusted(&*error) {
        format!("{error}; this system does not trust the authority that signed its certificate").into()
    } else {
        error
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = parse_unix(text) {
            return path.map(Self::Unix);
        }
        let uri: Option<Uri> = text.parse().ok();
        let wrong = || {
            format!(
                "`{text}` is not the address of a server; write it like http://127.0.0.1:8080 or \
                 https://chat.example.org, without a path, or unix:/run/millchat/admin.sock"
            )
        };
        let uri = uri.filter(|uri| uri.path() == "/").ok_or_else(wrong)?;
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        match uri.scheme_str() {
            Some("http") => Ok(Self::Tcp { host, port: uri.port_u16().unwrap_or(80) }),
            Some("https") => Ok(Self::Tls { host, port: uri.port_u16().unwrap_or(443) }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { .. } => write!(f, "http://{}", self.host()),
            Self::Tls { .. } | Self::OwnTls { .. } => write!(f, "https://{}", self.host()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_http_without_a_path_or_a_socket() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://localhost/", Some("http://localhost:80")),
            ("http://[::1]:81", Some("http://[::1]:81")),
            ("unix:/run/admin.sock", Some("unix:/run/admin.sock")),
            ("https://chat.example.org", Some("https://chat.example.org:443")),
            ("https://[::1]:8443/", Some("https://[::1]:8443")),
            ("ftp://chat.example.org", None),
            ("http://chat.example.org/lobby", None),
            ("chat.example.org:8080", None),
            ("unix:admin.sock", None),
            ("", None),
        ] {
            let address = text.parse::<ServerAddress>();
            assert_eq!(address.map(|address| address.to_string()).ok().as_deref(), shown, "{text}");
        }
    }
}
