//! Requests of the server's own, by HTTPS: to an authority of certificates, for one.
//!
//! Each has a connection of its own, a bounded time and a bounded answer. No redirect is followed: whoever is
//! asked was named by the operator, and nobody else is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Scheme;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::resolve::{self, AnyError};
use crate::tls::provider;
use crate::untrusted::is_untrusted;

/// Longest time for a request and its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The name by which requests introduce themselves.
const AGENT: &str = concat!("millchat/", env!("CARGO_PKG_VERSION"));
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A client.
#[derive(Clone)]
pub struct HttpsClient {
    tls: TlsConnector,
}

/// The authorities that a client trusts cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file of the authorities cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no authority.
    #[error("{file} holds no certificate of an authority, as PEM")]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// The system has none.
    #[error("this system trusts no authority: install its package ca-certificates")]
    NoneHere,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// A request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The address is not one of HTTPS.
    #[error("{0} is not an address of HTTPS")]
    NotHttps(String),
    /// There is no connection, or it broke.
    #[error("{host} cannot be asked: {source}{}", authority_hint(&**source))]
    Failed {
        /// The host, with its port.
        host: String,
        /// The reason.
        #[source]
        source: AnyError,
    },
    /// The answer did not come in time.
    #[error("{host} did not answer within {} seconds", REQUEST_TIMEOUT.as_secs())]
    Timeout {
        /// The host.
        host: String,
    },
}

/// The way out where the authority of a certificate is not known: requests go to authorities of ACME.
fn authority_hint(error: &(dyn std::error::Error + Send + Sync + 'static)) -> &'static str {
    if is_untrusted(error) { "; acme-ca-file names the authority that signed its certificate" } else { "" }
}

impl HttpsClient {
    /// Makes a client that trusts the authorities of a file, or those of the system.
    pub fn new(authorities: Option<&Path>) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = authorities {
            let unreadable = |source| RootsError::Unreadable { file: file.to_owned(), source };
            let text = fs::read(file).map_err(unreadable)?;
            let found = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok);
            roots.add_parsable_certificates(found);
            if roots.is_empty() {
                return Err(RootsError::Empty { file: file.to_owned() });
            }
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(RootsError::NoneHere);
            }
        }
        let versions = ClientConfig::builder_with_provider(Arc::new(provider()));
        let versions = versions.with_safe_default_protocol_versions()?;
        let config = versions.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Makes a client for a server on this very machine, whose certificate is for the name that others know.
    pub fn for_own() -> Result<Self, RootsError> {
        let versions = ClientConfig::builder_with_provider(Arc::new(provider()));
        let dangerous = versions.with_safe_default_protocol_versions()?.dangerous();
        let verifier = Arc::new(AnyCertificate(provider().signature_verification_algorithms));
        let config = dangerous.with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends a request, and returns its answer with the whole body.
    pub async fn request(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        let uri = request.uri();
        let host = uri.host().filter(|_| uri.scheme() == Some(&Scheme::HTTPS));
        let Some(host) = host.map(str::to_owned) else {
            return Err(RequestError::NotHttps(uri.to_string()));
        };
        let port = uri.port_u16().unwrap_or(443);
        match timeout(REQUEST_TIMEOUT, self.exchange(&host, port, request)).await {
            Ok(answer) => {
                answer.map_err(|source| RequestError::Failed { host: format!("{host}:{port}"), source })
            }
            Err(_elapsed) => Err(RequestError::Timeout { host }),
        }
    }

    /// Connects to a host, and sees that it has the name.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TlsStream<TcpStream>, AnyError> {
        // An address of IPv6 stands in brackets.
        let host = host.trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())?;
        let socket = resolve::connect(host, port).await?;
        Ok(self.tls.connect(name, socket).await?)
    }

    async fn exchange(
        &self,
        host: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, AnyError> {
        let socket = self.connect(host, port).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        // It ends with the answer; what it says then is said by the answer too.
        tokio::spawn(connection);
        let (mut head, body) = request.into_parts();
        if let Some(authority) = head.uri.authority() {
            head.headers.insert(header::HOST, HeaderValue::try_from(authority.as_str())?);
        }
        // Authorities demand that a client says what it is.
        head.headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
        let answer = sender.send_request(Request::from_parts(head, Full::new(body))).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

/// Takes a certificate of whatever name and authority, and sees that its key is there.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
