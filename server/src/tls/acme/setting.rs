//! Settings of ACME with a form of their own.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;
use serde::Deserialize;

use crate::as_text::as_text;

/// The authority that is asked by default.
const DIRECTORY_DEFAULT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Longest name of a host, in bytes.
const DOMAIN_BYTES_MAX: usize = 253;
/// Longest part of such a name.
const LABEL_BYTES_MAX: usize = 63;

/// All that is needed to ask for certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The names that the certificate is for.
    pub domains: Vec<Domain>,
    /// The address to which the authority may write.
    pub contact: Option<Contact>,
    /// The authority.
    pub directory: DirectoryUrl,
    /// The authorities by which that authority itself is known; those of the system if there is none.
    pub ca_file: Option<PathBuf>,
    /// The directory of the account and the certificate.
    pub cache: PathBuf,
}

/// The name of a host that a certificate is for, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Domain(String);

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // An address has no letter at its end, and no authority gives one for a name without a dot.
        let is_name = name.contains('.') && name.split('.').all(is_label);
        let is_address =
            name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if name.len() > DOMAIN_BYTES_MAX || !is_name || is_address {
            return Err(format!(
                "`{text}` is not the name of a host; write it like chat.example.org (letters outside ASCII as \
                 xn--…; no *, no address)"
            ));
        }
        Ok(Self(name))
    }
}

/// The address to which the authority may write.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Contact(String);

impl Contact {
    /// The address as the authority takes it.
    pub fn uri(&self) -> String {
        format!("mailto:{}", self.0)
    }
}

impl FromStr for Contact {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_prefix("mailto:").unwrap_or(text);
        let is_address =
            address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if !is_address || !address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' && byte != b'?')
        {
            return Err(format!("`{text}` is not an address for mail; write it like ops@example.org"));
        }
        Ok(Self(address.to_owned()))
    }
}

/// The address of an authority's directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DirectoryUrl(String);

impl DirectoryUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DirectoryUrl {
    fn default() -> Self {
        Self(DIRECTORY_DEFAULT.to_owned())
    }
}

impl FromStr for DirectoryUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Option<Uri> = text.parse().ok();
        match uri.filter(|uri| uri.scheme() == Some(&Scheme::HTTPS) && uri.host().is_some()) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(format!(
                "`{text}` is not the address of an authority's directory; write it like {DIRECTORY_DEFAULT}"
            )),
        }
    }
}

as_text!(Domain, Contact, DirectoryUrl);

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DirectoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_with_a_dot_and_no_address() {
        for (text, name) in [
            ("chat.example.org", "chat.example.org"),
            ("Chat.Example.ORG", "chat.example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a.1x", "a.1x"),
        ] {
            assert_eq!(text.parse::<Domain>().unwrap().to_string(), name);
        }
        let long = format!("{}.org", "x".repeat(64));
        for text in [
            "",
            "localhost",
            "*.example.org",
            "192.0.2.1",
            "[::1]",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "bücher.de",
            "https://a.b",
            "a.b/c",
            "a_b.c",
            long.as_str(),
        ] {
            let error = text.parse::<Domain>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")) && error.contains("chat.example.org"), "{error}");
        }
    }

    #[test]
    fn a_contact_is_an_address_for_mail_and_a_directory_is_reached_by_https() {
        for text in ["ops@example.org", "mailto:ops@example.org"] {
            assert_eq!(text.parse::<Contact>().unwrap().uri(), "mailto:ops@example.org");
        }
        for text in ["", "ops", "@example.org", "ops@", "a@b.c,d@e.f", "a b@c.d"] {
            assert!(text.parse::<Contact>().unwrap_err().contains("ops@example.org"), "{text}");
        }
        assert!("https://127.0.0.1:14000/dir".parse::<DirectoryUrl>().is_ok());
        for text in ["", "letsencrypt", "http://a.example/dir", "ftp://x"] {
            assert!(text.parse::<DirectoryUrl>().unwrap_err().contains("https://acme-v02"), "{text}");
        }
        assert_eq!(DirectoryUrl::default().as_str().parse(), Ok(DirectoryUrl::default()));
    }
}
