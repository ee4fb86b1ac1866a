//! An authority of a test's own, a server with a certificate of it, and clients that trust it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Api, LOOK_EVERY, Server, free_port, within};

/// The name that the certificates are for, besides the address of this machine.
pub const NAME: &str = "chat.example";

/// An authority that nobody else knows.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // A certificate of the same name as its authority would look like one that signed itself.
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).unwrap();
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Self { issuer: Issuer::new(params, key), certificate: der, pem }
    }

    /// The authority's own certificate, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate with this serial number, until the begin of this year: the texts of its two files.
    pub fn issue(&self, names: &[&str], serial: u8, until: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[serial]));
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// The configuration of a client that trusts the authority and speaks these protocols.
    pub fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        client(self.certificate.clone(), protocols)
    }

    /// The same of a client that trusts another authority, given as PEM.
    pub fn client_of(pem: &str, protocols: &[&str]) -> Arc<ClientConfig> {
        client(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(), protocols)
    }
}

fn client(authority: CertificateDer<'static>, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = versions.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A server that speaks TLS, with an admin listener that does not.
pub struct Secure {
    pub server: Server,
    pub authority: Authority,
    files: TempDir,
    /// A client of the API at the admin listener, which has one connection.
    api: Api,
}

/// The year until which certificates are issued where it does not matter.
pub const UNTIL: i32 = 2090;

impl Secure {
    /// Starts one with these arguments more.
    pub async fn start(extra: &[&str]) -> Self {
        let authority = Authority::new();
        let files = tempfile::tempdir().unwrap();
        let (certificate, key) = authority.issue(&[NAME, "127.0.0.1"], 1, UNTIL);
        let [certificate_file, key_file] = paths(files.path());
        fs::write(&certificate_file, certificate).unwrap();
        fs::write(&key_file, key).unwrap();
        let admin = free_port(Ipv4Addr::LOCALHOST.into());
        let (certificate, key) = (certificate_file.to_str().unwrap(), key_file.to_str().unwrap());
        let admin_address = admin.to_string();
        let mut arguments = vec!["--tls-certificate", certificate, "--tls-key", key];
        arguments.extend(["--admin-address", &admin_address]);
        arguments.extend(extra);
        let server = Server::start_with(&arguments).await;
        Self { server, authority, files, api: Api::new(admin) }
    }

    /// The server's address by TLS.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A client of the API at the admin listener, without TLS.
    pub fn api(&self) -> Api {
        self.api.clone()
    }

    /// Puts other texts into the two files.
    pub fn replace(&self, certificate: &str, key: &str) {
        let [certificate_file, key_file] = paths(self.files.path());
        fs::write(certificate_file, certificate).unwrap();
        fs::write(key_file, key).unwrap();
    }

    /// Connects, as a client that speaks these protocols.
    pub async fn connect(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        connect(self.address(), self.authority.client(protocols), NAME).await.unwrap()
    }

    /// The value of a metric, by its name with labels; 0 where there is none.
    pub async fn metric(&self, sample: &str) -> u64 {
        let text = self.api().get("/metrics").await.expect(200).body;
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has this value.
    pub async fn until_metric(&self, sample: &str, value: u64) {
        let reached = async {
            while self.metric(sample).await != value {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within(sample, reached).await;
    }
}

/// Takes any certificate.
#[derive(Debug)]
pub struct Anybody;

impl Anybody {
    /// A client that shows no certificate of its own.
    pub fn client() -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let dangerous = versions.unwrap().dangerous().with_custom_certificate_verifier(Arc::new(Self));
        Arc::new(dangerous.with_no_client_auth())
    }
}

impl ServerCertVerifier for Anybody {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn paths(directory: &Path) -> [PathBuf; 2] {
    ["chat.pem", "chat.key"].map(|name| directory.join(name))
}

/// Connects to an address by TLS, as if it were the one of this name.
pub async fn connect(
    address: SocketAddr,
    client: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_over(TcpStream::connect(address).await?, client, name).await
}

/// The same over a connection that is there.
pub async fn connect_over(
    socket: TcpStream,
    client: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(client).connect(name, socket).await
}
