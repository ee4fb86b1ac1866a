//! The settings of HTTPS, which go together: the certificate or its authority, what follows, what is refused.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::settings::Settings;
use crate::origin::Origins;
use crate::public_url::PublicUrl;
use crate::start_error::StartError;
use crate::tls::{AcmeSettings, Domain, Hsts, RedirectAddress};

/// Beginnings of the names of logs that do not outlive the process.
pub(super) const PASSING_LOGS: [&str; 2] = ["memory:", "temp:"];
/// The ending of the directory beside the log that holds the certificate.
const CACHE_EXTENSION: &str = "acme";
/// Every interface, at the port of HTTPS, where an authority looks for a name.
pub(super) const HTTPS_EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 443);
/// The same at the port of plain HTTP.
const HTTP_EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80);

impl Settings {
    /// Returns true if the server itself speaks TLS.
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.acme_domains().is_some()
    }

    fn acme_domains(&self) -> Option<&[Domain]> {
        self.acme.as_deref().filter(|domains| !domains.is_empty())
    }

    /// Returns what is needed to obtain a certificate, if the server does.
    pub fn acme(&self) -> Option<AcmeSettings> {
        let beside_log = || Path::new(&self.log).with_extension(CACHE_EXTENSION);
        Some(AcmeSettings {
            domains: self.acme_domains()?.to_vec(),
            contact: self.acme_contact.clone(),
            directory: self.acme_directory.clone().unwrap_or_default(),
            ca_file: self.acme_ca_file.clone(),
            cache: self.acme_cache.clone().unwrap_or_else(beside_log),
        })
    }

    /// Sets what follows from `acme` and was not set: a site on the internet needs no more.
    pub(super) fn imply(&mut self, origins: &Origins) {
        let Some(domain) = self.acme_domains().and_then(|domains| domains.first()) else { return };
        let url = format!("https://{domain}");
        if self.public_url.is_none() {
            self.public_url = url.parse().ok();
        }
        // Whoever names the address has a plan for the ports.
        if origins.get("address").is_none() {
            self.address = HTTPS_EVERYWHERE;
            self.redirect.get_or_insert(RedirectAddress::At(HTTP_EVERYWHERE));
        }
    }

    /// Returns true if browsers reach the server by TLS, its own or a proxy's.
    pub fn is_reached_by_tls(&self) -> bool {
        self.has_tls() || self.public_url.as_ref().is_some_and(PublicUrl::is_tls)
    }

    /// Returns the time for which browsers are told to come by TLS only: where the server speaks TLS, and by
    /// default where the site has said its public name. (The name of this machine is also that of everything
    /// else on it.)
    pub fn hsts(&self) -> Hsts {
        let is_named = self.public_url.as_ref().is_some_and(PublicUrl::is_named);
        let default = if is_named { Hsts::recommended() } else { Hsts::Off };
        if self.has_tls() { self.hsts.unwrap_or(default) } else { Hsts::Off }
    }

    /// Refuses settings of TLS that do not go together.
    pub(super) fn check_tls(&self, origins: &Origins) -> Result<(), StartError> {
        let alone =
            |set: &'static str, missing| Err(StartError::TlsHalf { missing, origin: origins.told(set), set });
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => return alone("tls-certificate", "tls-key"),
            (None, Some(_)) => return alone("tls-key", "tls-certificate"),
            _ => {}
        }
        if self.acme_domains().is_none() {
            for (setting, is_set) in [
                ("acme-contact", self.acme_contact.is_some()),
                ("acme-directory", self.acme_directory.is_some()),
                ("acme-ca-file", self.acme_ca_file.is_some()),
                ("acme-cache", self.acme_cache.is_some()),
            ] {
                if is_set {
                    return alone(setting, "acme");
                }
            }
        } else if self.tls_certificate.is_some() {
            let [acme, files] = ["acme", "tls-certificate"].map(|setting| origins.told(setting));
            return Err(StartError::TwoCertificates { acme, files });
        } else if self.acme_cache.is_none() && PASSING_LOGS.iter().any(|log| self.log.starts_with(log)) {
            return Err(StartError::NoCache { origin: origins.told("acme") });
        }
        let leads = self.redirect.and_then(RedirectAddress::address).is_some();
        if leads && !self.public_url.as_ref().is_some_and(PublicUrl::is_tls) {
            return Err(StartError::RedirectNowhere { origin: origins.told("redirect") });
        }
        Ok(())
    }
}
