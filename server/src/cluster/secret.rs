//! The secret that the nodes of a cluster share, and what they know each other by.
//!
//! The secret is never sent. Each node derives the same key of Ed25519 from it, and signs a certificate of its own
//! making with that key. A connection between nodes is one of TLS 1.3 on which both sides show such a
//! certificate: whoever has another key, or none, gets no further. So there is no certificate to hand round and
//! none that runs out. To shut a machine out, change the secret at the others.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme, version,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::tls::provider;

/// Fewest characters of a secret.
const CHARACTERS_MIN: usize = 32;
/// Largest file of a secret, in bytes.
const FILE_BYTES_MAX: usize = 4_096;
/// The hash of the secret is of this use alone.
const DOMAIN: &str = "millchat 2026 key of the nodes of a cluster";
/// The name in the certificates. Nobody goes by it.
const NAME: &str = "millchat.invalid";
/// The permissions on a file that others must not have: a group may read it.
const OTHERS: u32 = 0o037;

/// The reason why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the cluster's secret cannot be read from {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The text is no secret.
    #[error(
        "{}: a cluster's secret is {CHARACTERS_MIN} visible characters or more; `openssl rand -hex 32` makes one",
        .0.display()
    )]
    Invalid(PathBuf),
    /// Others may read it.
    #[error("{file}: others on this machine can read the cluster's secret; run: chmod g-w,o= {file}", file = .0.display())]
    Open(PathBuf),
    /// No key can be made of it.
    #[error("no key can be made of the cluster's secret: {0}")]
    Key(String),
}

/// The secret of a cluster. Its text is shown by no message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Reads it from a file, less white space around it.
    pub fn read(file: &Path) -> Result<Self, SecretError> {
        let unreadable = |source| SecretError::Unreadable { file: file.to_owned(), source };
        if std::fs::metadata(file).map_err(unreadable)?.permissions().mode() & OTHERS != 0 {
            return Err(SecretError::Open(file.to_owned()));
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let text = text.trim();
        let is_secret = text.len() >= CHARACTERS_MIN
            && text.len() <= FILE_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_secret {
            return Err(SecretError::Invalid(file.to_owned()));
        }
        Ok(Self(blake3::derive_key(DOMAIN, text.as_bytes())))
    }

    /// Makes both sides of the connections between nodes.
    pub fn tls(&self) -> Result<PeerTls, SecretError> {
        let failed = |error: &dyn fmt::Display| SecretError::Key(error.to_string());
        let pair = Ed25519KeyPair::from_seed_unchecked(&self.0).map_err(|error| failed(&error))?;
        let private = pair.to_pkcs8().map_err(|error| failed(&error))?;
        let private = PrivatePkcs8KeyDer::from(private.as_ref().to_vec());
        let key = KeyPair::try_from(&private).map_err(|error| failed(&error))?;
        let params = CertificateParams::new(vec![NAME.to_owned()]).map_err(|error| failed(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| failed(&error))?.der().clone();
        let same = Arc::new(SameKey {
            public: public_key(&certificate).map_err(|error| failed(&error))?,
            algorithms: provider().signature_verification_algorithms,
        });
        let private = || PrivateKeyDer::from(private.clone_key());
        let server = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])
            .and_then(|config| {
                config
                    .with_client_cert_verifier(same.clone())
                    .with_single_cert(vec![certificate.clone()], private())
            })
            .map_err(|error| failed(&error))?;
        let client = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])
            .and_then(|config| {
                config
                    .dangerous()
                    .with_custom_certificate_verifier(same)
                    .with_client_auth_cert(vec![certificate], private())
            })
            .map_err(|error| failed(&error))?;
        let name = ServerName::try_from(NAME).map_err(|error| failed(&error))?;
        Ok(PeerTls { acceptor: Arc::new(server).into(), connector: Arc::new(client).into(), name })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Both sides of the connections between nodes.
#[derive(Clone)]
pub struct PeerTls {
    /// For connections that come.
    pub acceptor: TlsAcceptor,
    /// For connections to others.
    pub connector: TlsConnector,
    /// The name for which they ask.
    pub name: ServerName<'static>,
}

/// Takes the certificates of those who have the key of this node, whatever else they say, and nobody's else.
#[derive(Debug)]
struct SameKey {
    public: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl SameKey {
    /// The handshake proves that the other side has the private key too.
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if public_key(certificate)? == self.public {
            return Ok(());
        }
        Err(rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
    }
}

/// Returns the public key of a certificate, with its algorithm.
fn public_key(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, rustls::Error> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding))?;
    Ok(read.public_key().raw.to_vec())
}

impl ServerCertVerifier for SameKey {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(certificate).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("nodes speak TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for SameKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(certificate).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("nodes speak TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn read(text: &str, mode: u32) -> Result<Secret, SecretError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        Secret::read(file.path())
    }

    fn secret(letter: &str) -> Secret {
        read(&format!(" {}\n", letter.repeat(CHARACTERS_MIN)), 0o600).unwrap()
    }

    #[test]
    fn a_secret_is_long_and_for_its_owner_alone() {
        assert!(matches!(read(&"a".repeat(CHARACTERS_MIN - 1), 0o600), Err(SecretError::Invalid(_))));
        assert!(matches!(read(&"a b".repeat(CHARACTERS_MIN), 0o600), Err(SecretError::Invalid(_))));
        let open = read(&"a".repeat(CHARACTERS_MIN), 0o644).unwrap_err();
        assert!(open.to_string().contains("chmod g-w,o="), "{open}");
        assert_eq!(format!("{:?}", secret("a")), "Secret(…)");
    }

    /// Lets one side of a pair of nodes say a byte to the other.
    async fn speak(server: &Secret, client: &Secret) -> io::Result<u8> {
        let (server, client) = (server.tls().unwrap(), client.tls().unwrap());
        let (here, there) = tokio::io::duplex(64 * 1024);
        let says = async {
            let mut stream = server.acceptor.accept(here).await?;
            stream.write_all(b"!").await?;
            stream.shutdown().await
        };
        let hears = async {
            let mut stream = client.connector.connect(client.name, there).await?;
            stream.read_u8().await
        };
        let (server, client) = tokio::join!(says, hears);
        server.and(client)
    }

    #[tokio::test]
    async fn nodes_of_one_secret_speak_with_each_other_and_with_nobody_else() {
        assert_eq!(speak(&secret("a"), &secret("a")).await.unwrap(), b'!');
        speak(&secret("a"), &secret("b")).await.unwrap_err();
    }

    #[tokio::test]
    async fn each_side_looks_at_the_other() {
        let (mine, other) = (secret("a"), secret("b").tls().unwrap());
        let mine = mine.tls().unwrap();
        // A client of another secret that takes any server.
        let pair = PeerTls { acceptor: mine.acceptor.clone(), ..other };
        let (here, there) = tokio::io::duplex(64 * 1024);
        let accepted = pair.acceptor.accept(here);
        let connected = pair.connector.connect(pair.name.clone(), there);
        let (accepted, connected) = tokio::join!(accepted, connected);
        assert!(accepted.is_err() || connected.is_err());
        // One without any certificate.
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(SameKey {
                public: public_key_of(&secret("a")),
                algorithms: provider().signature_verification_algorithms,
            }))
            .with_no_client_auth();
        let (here, there) = tokio::io::duplex(64 * 1024);
        let connector = TlsConnector::from(Arc::new(config));
        let accepted = mine.acceptor.accept(here);
        let connected = connector.connect(mine.name.clone(), there);
        let (accepted, _) = tokio::join!(accepted, connected);
        assert!(accepted.is_err(), "a client shows that it has the key");
    }

    fn public_key_of(secret: &Secret) -> Vec<u8> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&secret.0).unwrap();
        let private = PrivatePkcs8KeyDer::from(pair.to_pkcs8().unwrap().as_ref().to_vec());
        let key = KeyPair::try_from(&private).unwrap();
        let made = CertificateParams::new(vec![NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
        public_key(made.der()).unwrap()
    }
}
