//! Addresses to listen on, as settings have them: an address and a port, or a socket in the file system.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::as_text::as_text;

/// The beginning of the name of a socket in the file system.
const UNIX: &str = "unix:";
/// Longest path of such a socket, in bytes: the kernel's limit.
const UNIX_PATH_BYTES_MAX: usize = 107;

/// Reads an address and a port; `localhost` is one too.
pub fn parse_tcp(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| {
        format!(
            "`{text}` is not an address and a port; write it like 127.0.0.1:8080, 0.0.0.0:8080 (every \
             interface), [::1]:8080, with a port of 0 to 65535"
        )
    })
}

/// Reads the path of a socket in the file system, if the text begins with `unix:`.
pub fn parse_unix(text: &str) -> Option<Result<PathBuf, String>> {
    let path = text.strip_prefix(UNIX)?;
    let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
    Some(if is_path && path.len() <= UNIX_PATH_BYTES_MAX {
        Ok(path.into())
    } else {
        Err(format!(
            "`{text}` is not a socket in the file system; write it like unix:/run/millchat/admin.sock, with an \
             absolute path of at most {UNIX_PATH_BYTES_MAX} bytes"
        ))
    })
}

/// The address of the admin listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum AdminAddress {
    /// An address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl FromStr for AdminAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_unix(text) {
            Some(path) => path.map(Self::Unix),
            None => parse_tcp(text).map(Self::Tcp).map_err(|error| {
                format!("{error}, or a socket in the file system, like unix:/run/millchat/admin.sock")
            }),
        }
    }
}

as_text!(AdminAddress);

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in ["127.0.0.1:9000", "[::1]:9000", "unix:/run/millchat/admin.sock"] {
            assert_eq!(text.parse::<AdminAddress>().unwrap().to_string(), text);
        }
        assert_eq!("localhost:1".parse::<AdminAddress>().unwrap().to_string(), "127.0.0.1:1");
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_BYTES_MAX));
        for text in ["", "9000", "/run/admin.sock", "unix:", "unix:admin.sock", "unix:/run/", long.as_str()] {
            assert!(text.parse::<AdminAddress>().unwrap_err().contains("unix:/run/"), "{text}");
        }
    }
}
