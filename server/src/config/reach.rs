//! The people who can reach the server, and what follows from it: the limits, and the proxies whose word counts.

use super::settings::Settings;
use crate::client_ip::Proxies;
use crate::limit::RateLimit;

/// The addresses of the machine itself.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

impl Settings {
    /// Returns true if strangers can reach the server.
    fn is_public(&self) -> bool {
        !self.address.ip().is_loopback() || self.public_url.is_some()
    }

    /// Returns the limits that apply.
    pub fn limits(&self) -> RateLimit {
        let default = if self.is_public() { RateLimit::recommended() } else { RateLimit::default() };
        self.rate_limit.unwrap_or(default)
    }

    /// Returns the proxies whose word counts: with a public URL, and unless others are named, those of this
    /// machine.
    pub fn proxies(&self) -> Proxies {
        let of_machine = || LOOPBACK.map(|network| network.parse().expect("a test reads it"));
        let trusted = match &self.trusted_proxies {
            Some(named) => named.clone(),
            None if self.expects_proxy() => of_machine().into(),
            None => Vec::new(),
        };
        match self.trusted_proxies {
            Some(_) => Proxies::new(trusted),
            None => Proxies::with_unnamed(trusted, self.rate_limit.is_none()),
        }
    }

    /// Returns true if a proxy on this machine is to be expected: there is a public URL, and nothing here that
    /// speaks TLS for it.
    fn expects_proxy(&self) -> bool {
        self.public_url.is_some() && !self.has_tls()
    }

    /// Says which limits apply, and why.
    pub fn tell_limits(&self) {
        let limits = self.limits();
        if self.is_public() && limits.is_off() {
            tracing::warn!(
                address = %self.address,
                "EVERYBODY WHO REACHES THIS ADDRESS CAN FLOOD IT: --rate-limit off is set. Without it the \
                 recommended limits apply"
            );
        } else if self.rate_limit.is_none() && !limits.is_off() {
            tracing::info!(
                %limits,
                "the recommended limits apply, since strangers can reach this server; --rate-limit sets others, \
                 --rate-limit off none"
            );
        }
        if self.trusted_proxies.is_none() && self.expects_proxy() {
            tracing::info!("a proxy on this machine is trusted; --trusted-proxies names others");
        }
    }
}
