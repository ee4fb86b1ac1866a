//! The server's side of TLS: its configuration, and the certificate that it has at the moment.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, provider};
use super::self_signed::{SelfSignedError, self_signed};

/// The protocol of HTTP/2, as ALPN names it.
pub const ALPN_HTTP2: &[u8] = b"h2";
/// The protocol of HTTP/1.1, as ALPN names it.
const ALPN_HTTP1: &[u8] = b"http/1.1";
/// The protocol of an authority that looks whether a name is here, as ALPN names it.
pub const ALPN_CHALLENGE: &[u8] = b"acme-tls/1";

/// TLS cannot be configured.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsError(#[from] rustls::Error);

/// The server's side of TLS.
pub struct Tls {
    /// For everybody.
    config: Arc<ServerConfig>,
    /// For authorities that look whether a name is here.
    challenge_config: Arc<ServerConfig>,
    current: Arc<Current>,
    challenges: Arc<Challenges>,
}

/// The certificate that new connections get. Loaded by every handshake; stored when there is another.
#[derive(Debug, Default)]
struct Current(ArcSwapOption<Served>);

#[derive(Debug)]
struct Served {
    key: Arc<CertifiedKey>,
    /// `None` for one of our own making.
    not_after: Option<Timestamp>,
}

impl ResolvesServerCert for Current {
    /// Any name gets the one certificate: a client that wanted another name sees that it is not the one.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|served| Arc::clone(&served.key))
    }
}

/// The answers to challenges, by the names that they are for. Held for a look-up.
#[derive(Debug, Default)]
struct Challenges(Mutex<HashMap<String, Arc<CertifiedKey>>>);

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.lock().get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }
}

/// An answer to a challenge; it is given for as long as this is there.
pub struct Challenge {
    tls: Arc<Tls>,
    domain: String,
}

impl Drop for Challenge {
    fn drop(&mut self) {
        self.tls.challenges.0.lock().remove(&self.domain);
    }
}

impl Tls {
    /// Makes it without a certificate.
    pub fn new(http2: bool) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let (current, challenges) = (Arc::<Current>::default(), Arc::<Challenges>::default());
        let mut config = config(&provider, Arc::clone(&current) as _)?;
        let protocols = [ALPN_HTTP2, ALPN_HTTP1];
        config.alpn_protocols = protocols[usize::from(!http2)..].iter().map(|name| name.to_vec()).collect();
        // A client that comes back proves by a ticket that it was here; the server keeps nothing for it.
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        let mut challenge_config = self::config(&provider, Arc::clone(&challenges) as _)?;
        challenge_config.alpn_protocols = vec![ALPN_CHALLENGE.to_vec()];
        let (config, challenge_config) = (Arc::new(config), Arc::new(challenge_config));
        Ok(Self { config, challenge_config, current, challenges })
    }

    /// Gives new connections this certificate.
    pub fn set(&self, certificate: Certificate) {
        let served = Served { key: Arc::new(certificate.key), not_after: Some(certificate.not_after) };
        self.current.0.store(Some(Arc::new(served)));
    }

    /// Gives new connections one of our own making, until there is another: so that probes are answered.
    pub fn set_provisional(&self, names: Vec<String>) -> Result<(), SelfSignedError> {
        let served = Served { key: self_signed(names, None)?, not_after: None };
        self.current.0.store(Some(Arc::new(served)));
        Ok(())
    }

    /// Returns true if there is a certificate that browsers may take.
    pub fn has_certificate(&self) -> bool {
        self.not_after().is_some()
    }

    /// Returns the moment until which clients take the certificate.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.current.0.load().as_ref().and_then(|served| served.not_after)
    }

    /// Answers the challenge for a name, until the answer is dropped.
    pub fn answer_challenge(
        self: &Arc<Self>,
        domain: &str,
        digest: &[u8],
    ) -> Result<Challenge, SelfSignedError> {
        let (domain, tls) = (domain.to_ascii_lowercase(), Arc::clone(self));
        let key = self_signed(vec![domain.clone()], Some(digest))?;
        self.challenges.0.lock().insert(domain.clone(), key);
        Ok(Challenge { tls, domain })
    }

    /// Returns the configuration for a client by what it says first.
    pub fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let is_challenge = hello.alpn().is_some_and(|mut names| names.any(|name| name == ALPN_CHALLENGE));
        Arc::clone(if is_challenge { &self.challenge_config } else { &self.config })
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, rustls::Error> {
    let versions = ServerConfig::builder_with_provider(Arc::clone(provider));
    let versions = versions.with_safe_default_protocol_versions()?;
    Ok(versions.with_no_client_auth().with_cert_resolver(certificates))
}
