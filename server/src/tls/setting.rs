//! Settings of TLS with a form of their own: a switch, and the address of the redirect.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;

use crate::as_text::as_text;
use crate::listen_address::parse_tcp;

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Switch {
    /// Returns true for on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// The address at which plain HTTP is led to the public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum RedirectAddress {
    /// Nowhere.
    Off,
    /// At this address; port 0 takes a free one.
    At(SocketAddr),
}

impl RedirectAddress {
    /// Returns the address, if there is one.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for RedirectAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            text => parse_tcp(text).map(Self::At).map_err(|error| format!("{error}; or off")),
        }
    }
}

as_text!(RedirectAddress);

impl fmt::Display for RedirectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_an_address_or_off() {
        assert_eq!("off".parse::<RedirectAddress>().unwrap().address(), None);
        let at = "0.0.0.0:80".parse::<RedirectAddress>().unwrap();
        assert_eq!((at.address().unwrap().port(), at.to_string().as_str()), (80, "0.0.0.0:80"));
        for text in ["", "80", "on", "https://chat.example.org"] {
            let error = text.parse::<RedirectAddress>().unwrap_err();
            assert!(error.contains(text) && error.contains("or off"), "{error}");
        }
    }
}
