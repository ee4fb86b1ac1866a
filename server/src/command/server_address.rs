//! The address of a running server, as commands take it: `http://HOST:PORT` or `unix:/PATH`.

use std::error::Error;
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

use super::resolve;
use crate::listen_address::parse_unix;

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
    /// The same over a socket in the file system.
    Unix(PathBuf),
}

/// A connection of either kind.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl ServerAddress {
    /// Asks for a path, with these headers and that of the host.
    pub async fn get(&self, path: &str, headers: HeaderMap) -> Result<Response<Incoming>, Box<dyn Error>> {
        self.send((Method::GET, path), headers, Bytes::new()).await
    }

    /// Sends a request to a path, with these headers and that of the host.
    pub async fn send(
        &self,
        (method, path): (Method, &str),
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, Box<dyn Error>> {
        let socket: Box<dyn Connection> = match self {
            Self::Tcp { host, port } => Box::new(resolve::connect(host, *port).await?),
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
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = parse_unix(text) {
            return path.map(Self::Unix);
        }
        let uri: Option<Uri> = text.parse().ok();
        let plain = uri.as_ref().filter(|uri| uri.scheme_str() == Some("http") && uri.path() == "/");
        let host = plain.and_then(Uri::host).ok_or_else(|| {
            format!(
                "`{text}` is not the address of a server; write it like http://127.0.0.1:8080, without a path, \
                 or unix:/run/millchat/admin.sock. Behind a proxy with TLS, ask the server itself, on its own \
                 machine"
            )
        })?;
        let port = plain.and_then(Uri::port_u16).unwrap_or(80);
        Ok(Self::Tcp { host: host.trim_matches(['[', ']']).to_owned(), port })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { .. } => write!(f, "http://{}", self.host()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_http_without_a_path_or_a_socket() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://localhost/", Some("http://localhost:80")),
            ("http://[::1]:81", Some("http://[::1]:81")),
            ("unix:/run/admin.sock", Some("unix:/run/admin.sock")),
            ("https://chat.example.org", None),
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
