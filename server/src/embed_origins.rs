//! The setting that says which sites may show the chat in a frame: a list of origins.
//!
//! Each is written as browsers write it in a policy (`frame-ancestors`), and nothing else is taken: what is
//! read here goes into a header as it is.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::Deserialize;

/// Most origins of a list.
pub const EMBED_ORIGINS_MAX: usize = 100;
/// Fewest labels behind the star of `https://*.example.org`: a whole top-level domain belongs to nobody.
const LABELS_BELOW_MIN: usize = 2;
/// Longest name of a host, and longest label of one, in bytes (RFC 1035).
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
/// Most characters of a wrong value that an error shows.
const SHOWN_CHARS_MAX: usize = 120;
/// The port that browsers leave out, by scheme.
const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;
/// The one host that may come by plain HTTP: a developer's own machine.
const LOCALHOST: &str = "http://localhost";

/// The origins of the sites that may show the chat in a frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct EmbedOrigins(Vec<EmbedOrigin>);

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EmbedOrigin {
    /// Every site.
    Any,
    /// This origin, as browsers write it.
    One(String),
    /// All hosts below this one, by HTTPS.
    Below(String),
    /// The developer's own machine, at any port.
    AnyLocalPort,
}

impl EmbedOrigins {
    /// Returns true if every site may.
    pub fn is_any(&self) -> bool {
        self.0.contains(&EmbedOrigin::Any)
    }

    /// Returns true if the list names nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if it has this origin, which a browser wrote.
    pub fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|entry| entry.matches(origin))
    }

    /// Returns the entries as a policy writes them.
    pub fn sources(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl EmbedOrigin {
    fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == origin,
            Self::Below(host) => origin.strip_prefix("https://").is_some_and(|other| {
                let above = other.strip_suffix(host.as_str()).and_then(|rest| rest.strip_suffix('.'));
                above.is_some_and(|above| !above.is_empty())
                    && lowercase_host(other).as_deref() == Some(other)
            }),
            Self::AnyLocalPort => origin.strip_prefix(LOCALHOST).is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port_of(port).is_some())
            }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some(rest) = text.strip_prefix(LOCALHOST) {
            return match rest {
                "" => Some(Self::One(text.to_owned())),
                ":*" => Some(Self::AnyLocalPort),
                rest => Some(Self::One(with_port(LOCALHOST, port_of(rest.strip_prefix(':')?)?, HTTP_PORT))),
            };
        }
        let rest = text.strip_prefix("https://")?;
        if let Some(host) = rest.strip_prefix("*.") {
            let host = lowercase_host(host)?;
            return (host.split('.').count() >= LABELS_BELOW_MIN && host.parse::<Ipv4Addr>().is_err())
                .then_some(Self::Below(host));
        }
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, port_of(port)?),
            None => (rest, HTTPS_PORT),
        };
        Some(Self::One(with_port(&format!("https://{}", lowercase_host(host)?), port, HTTPS_PORT)))
    }
}

impl fmt::Display for EmbedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::One(one) => f.write_str(one),
            Self::Below(host) => write!(f, "https://*.{host}"),
            Self::AnyLocalPort => write!(f, "{LOCALHOST}:*"),
        }
    }
}

fn with_port(host: &str, port: u16, default: u16) -> String {
    if port == default { host.to_owned() } else { format!("{host}:{port}") }
}

/// Reads a port as browsers write it: no sign, and no zero in front.
fn port_of(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port > 0 && port.to_string() == text).then_some(port)
}

/// Returns the name of a host in small letters; `None` if it is none. A policy knows no address of IPv6.
fn lowercase_host(host: &str) -> Option<String> {
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    // A browser reads a host whose last label is a number as an address.
    let is_address = last.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = host.len() <= HOST_BYTES_MAX
        && host.split('.').all(is_label)
        && (!is_address || host.parse::<Ipv4Addr>().is_ok());
    is_host.then(|| host.to_ascii_lowercase())
}

/// A list that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEmbedOrigins {
    /// An entry that is no origin.
    #[error(
        "`{0}` is no origin that can be named; write https://shop.example, with a port if it has one, or \
         https://*.example.org for all hosts below it (two labels or more behind the star), or \
         http://localhost:3000, or http://localhost:* (plain http is for localhost), or * alone for every site"
    )]
    NoOrigin(String),
    /// A star among others.
    #[error("`*` lets every site show the chat, so it must stand alone")]
    AnyAmongOthers,
    /// Too many.
    #[error("the list has {0} origins; the limit is {EMBED_ORIGINS_MAX}")]
    TooMany(usize),
}

impl TryFrom<Vec<String>> for EmbedOrigins {
    type Error = NoEmbedOrigins;

    fn try_from(texts: Vec<String>) -> Result<Self, NoEmbedOrigins> {
        if texts.len() > EMBED_ORIGINS_MAX {
            return Err(NoEmbedOrigins::TooMany(texts.len()));
        }
        let mut origins = Vec::new();
        for text in texts {
            let origin = EmbedOrigin::parse(&text)
                .ok_or_else(|| NoEmbedOrigins::NoOrigin(text.chars().take(SHOWN_CHARS_MAX).collect()))?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        if origins.len() > 1 && origins.contains(&EmbedOrigin::Any) {
            return Err(NoEmbedOrigins::AnyAmongOthers);
        }
        Ok(Self(origins))
    }
}

impl FromStr for EmbedOrigins {
    type Err = NoEmbedOrigins;

    fn from_str(text: &str) -> Result<Self, NoEmbedOrigins> {
        let texts = text.split(',').map(|text| text.trim().to_owned());
        if text.trim().is_empty() { Ok(Self::default()) } else { texts.collect::<Vec<_>>().try_into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<EmbedOrigins, NoEmbedOrigins> {
        text.parse()
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it_in_a_policy() {
        for (text, written) in [
            ("https://shop.example", "https://shop.example"),
            ("https://Shop.EXAMPLE:443", "https://shop.example"),
            ("https://shop.example:8443", "https://shop.example:8443"),
            ("https://intranet", "https://intranet"),
            ("https://192.0.2.1", "https://192.0.2.1"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("https://*.example.org", "https://*.example.org"),
            ("https://*.a.example.org", "https://*.a.example.org"),
            ("http://localhost", "http://localhost"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:*", "http://localhost:*"),
            ("*", "*"),
            ("https://a.example, https://b.example,https://a.example", "https://a.example https://b.example"),
            ("", ""),
        ] {
            let written_now = list(text).unwrap().sources().collect::<Vec<_>>().join(" ");
            assert_eq!(written_now, written, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_an_origin() {
        let long = format!("https://{}.example", "a".repeat(64));
        let longer = format!("https://{}", ["a".repeat(60).as_str(); 5].join("."));
        for text in [
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/path",
            "https://shop.example?x",
            "https://shop.example#x",
            "https://ada@shop.example",
            "https://shop.example:",
            "https://shop.example:0",
            "https://shop.example:08443",
            "https://shop.example:+443",
            "https://shop.example:65536",
            "https://shop.example:*",
            "HTTPS://shop.example",
            "http://shop.example",
            "http://127.0.0.1:3000",
            "http://localhost.evil",
            "http://localhost:x",
            "http://localhost/",
            "https://*",
            "https://*.example",
            "https://*.example.org:8443",
            "https://*.192.0.2.1",
            "https://*.*.example.org",
            "https://a.*.example.org",
            "https://*shop.example.org",
            "https://-a.example",
            "https://a-.example",
            "https://a..example",
            "https://shop.example.",
            "https://192.0.2",
            "https://192.0.2.256",
            "https://[2001:db8::1]",
            "https://büro.example",
            "https://shop.example;script-src *",
            "https://shop.example https://evil.example",
            "https://shop.example\r\nx: y",
            "'self'",
            "data:",
            "null",
            "**",
            "https://a.example,,https://b.example",
            long.as_str(),
            longer.as_str(),
        ] {
            let refused = list(text).expect_err(text);
            let said = refused.to_string();
            assert!(said.contains("https://*.example.org") && said.contains("* alone"), "{said}");
        }
        let endless = "x".repeat(100_000);
        assert!(list(&endless).unwrap_err().to_string().len() < 1_000);
    }

    #[test]
    fn a_star_stands_alone_and_a_list_has_a_bound() {
        assert_eq!(list("*,https://shop.example"), Err(NoEmbedOrigins::AnyAmongOthers));
        let many =
            |count: usize| -> Vec<String> { (0..count).map(|n| format!("https://s{n}.example")).collect() };
        assert!(EmbedOrigins::try_from(many(EMBED_ORIGINS_MAX)).is_ok());
        let refused = EmbedOrigins::try_from(many(EMBED_ORIGINS_MAX + 1)).unwrap_err();
        assert_eq!(refused.to_string(), "the list has 101 origins; the limit is 100");
    }

    #[test]
    fn a_page_is_of_the_list_by_its_whole_origin() {
        let origins =
            list("https://shop.example,https://*.example.org,http://localhost:*,https://b.example:8443")
                .unwrap();
        for origin in [
            "https://shop.example",
            "https://a.example.org",
            "https://a.b.example.org",
            "http://localhost",
            "http://localhost:3000",
            "https://b.example:8443",
        ] {
            assert!(origins.has(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://shop.example",
            "https://shop.example.evil",
            "https://evil-shop.example",
            "https://shop.example:8443",
            "https://shop.example/",
            "https://example.org",
            "https://.example.org",
            "https://evilexample.org",
            "https://a.example.org:8443",
            "http://a.example.org",
            "https://x;script-src *.example.org",
            "https://x y.example.org",
            "https://A.example.org",
            "http://localhost:99999",
            "http://localhost:3000/",
            "http://localhost.evil",
            "http://localhost:*",
            "https://localhost",
            "https://b.example",
            "data:",
        ] {
            assert!(!origins.has(origin), "{origin}");
        }
        assert!(list("*").unwrap().is_any() && !origins.is_any());
    }
}
