//! The address under which people reach the chat, when it is another than the one the server listens on.
//!
//! Behind a proxy that speaks TLS the server sees plain HTTP and a host of the proxy's making. This setting
//! tells it what browsers see: whether cookies may be `Secure`, which `Origin` is our own page's, and where
//! links lead.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;
use serde::Deserialize;

use crate::as_text::as_text;

/// An origin: scheme, host, and a port when it is not the scheme's own; as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    origin: String,
}

impl PublicUrl {
    /// As in an `Origin` header: without a slash at its end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns true if its host is a name of its own: no address, and not the name of every machine.
    pub fn is_named(&self) -> bool {
        let host = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        let host = host.split(':').next().unwrap_or_default();
        let is_local = host == "localhost" || host.ends_with(".localhost");
        !is_local && !host.starts_with('[') && host.parse::<std::net::Ipv4Addr>().is_err()
    }

    /// Returns true if browsers reach it by TLS.
    pub fn is_tls(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| {
            format!(
                "`{text}` is not the address of a site; write it like https://chat.example.org, without a \
                 path (the chat needs a host of its own)"
            )
        })
    }
}

fn parse(text: &str) -> Option<PublicUrl> {
    let uri: Uri = text.parse().ok()?;
    let default_port = match uri.scheme()? {
        scheme if *scheme == Scheme::HTTPS => 443,
        scheme if *scheme == Scheme::HTTP => 80,
        _ => return None,
    };
    let authority = uri.authority()?;
    let whole = !authority.as_str().contains('@') && !authority.host().is_empty() && !text.contains('#');
    if !whole || uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
        return None;
    }
    let port: u16 = match authority.as_str().strip_prefix(authority.host())? {
        "" => default_port,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    let port = if port == default_port { String::new() } else { format!(":{port}") };
    let host = authority.host().to_ascii_lowercase();
    Some(PublicUrl { origin: format!("{}://{host}{port}", uri.scheme()?) })
}

as_text!(PublicUrl);

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_browsers_write_an_origin() {
        for (text, origin) in [
            ("https://chat.example.org", "https://chat.example.org"),
            ("https://Chat.Example.org/", "https://chat.example.org"),
            ("https://chat.example.org:443", "https://chat.example.org"),
            ("https://chat.example.org:8443/", "https://chat.example.org:8443"),
            ("http://192.0.2.1:80", "http://192.0.2.1"),
            ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!(url.origin(), origin);
            assert_eq!(url.is_tls(), text.starts_with("https"));
        }
    }

    #[test]
    fn what_is_no_site_is_explained() {
        for text in [
            "",
            "chat.example.org",
            "ftp://chat.example.org",
            "https://",
            "https://chat.example.org/chat",
            "https://chat.example.org/?a=b",
            "https://chat.example.org/#top",
            "https://ada@chat.example.org",
            "https://chat.example.org:99999",
            "https://chat.example.org:",
        ] {
            let error = text.parse::<PublicUrl>().unwrap_err();
            assert!(error.contains(text) && error.contains("https://chat.example.org"), "{error}");
        }
    }
}
