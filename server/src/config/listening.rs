//! The address of a server by its settings, for a command that asks it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::https::HTTPS_EVERYWHERE;
use super::settings::{Settings, address};
use crate::settings_file;
use crate::start_error::StartError;
use crate::tls::Domain;

/// The settings that say where a server listens, for who asks it: the rest is none of its business.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Listening {
    /// The address, if it is set.
    #[serde(deserialize_with = "some_address")]
    pub address: Option<SocketAddr>,
    /// The file with the certificate.
    pub tls_certificate: Option<PathBuf>,
    /// The names for which a certificate is obtained.
    pub acme: Option<Vec<Domain>>,
}

impl Listening {
    /// Returns these, and under them those of a file.
    pub fn over(self, file: Option<&Path>) -> Result<Self, StartError> {
        let Some(file) = file else { return Ok(self) };
        let below = settings_file::read::<Self>(file)?.0;
        Ok(Self {
            address: self.address.or(below.address),
            tls_certificate: self.tls_certificate.or(below.tls_certificate),
            acme: self.acme.or(below.acme),
        })
    }

    /// Returns the address, as it is or as it follows from the others.
    pub fn address(&self) -> SocketAddr {
        let implied = if self.is_obtained() { HTTPS_EVERYWHERE } else { Settings::default().address };
        self.address.unwrap_or(implied)
    }

    /// Returns true if the server speaks TLS there.
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.is_obtained()
    }

    fn is_obtained(&self) -> bool {
        self.acme.as_ref().is_some_and(|domains| !domains.is_empty())
    }
}

fn some_address<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SocketAddr>, D::Error> {
    address(value).map(Some)
}
