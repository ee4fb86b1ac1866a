//! The keys by which a site's signatures are checked, each with the one algorithm that it is for.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Uri;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// Fewest bytes of an RSA key's modulus: 2,048 bits.
const RSA_BYTES_MIN: usize = 256;
/// Bytes of an uncompressed point of P-256.
const P256_POINT_BYTES: usize = 65;
/// Bytes of a coordinate of P-256.
const P256_COORDINATE_BYTES: usize = 32;
/// Bytes of a public key of Ed25519.
const ED25519_BYTES: usize = 32;

/// The key of a site, as the settings name it.
#[derive(Clone, PartialEq, Eq)]
pub enum SiteKey {
    /// A secret that both know: HS256.
    Secret(Arc<[u8]>),
    /// A public key as PEM.
    Pem(PemKey),
    /// The address at which the site has its public keys.
    Jwks(Uri),
}

/// Without what may be a secret.
impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(…)",
            Self::Pem(_) => "Pem(…)",
            Self::Jwks(_) => "Jwks(…)",
        })
    }
}

/// A public key as PEM, of a kind that is taken.
#[derive(Clone, PartialEq, Eq)]
pub struct PemKey {
    text: String,
    algorithm: Algorithm,
}

impl SiteKey {
    /// Reads a public key: Ed25519 (`EdDSA`), RSA of 2,048 bits or more (RS256), or P-256 (ES256).
    pub fn of_pem(text: &str) -> Result<Self, &'static str> {
        let bytes = |key: &DecodingKey| key.try_get_as_bytes().map_or(0, <[u8]>::len);
        let is_right = |algorithm: Algorithm, key: &DecodingKey| match algorithm {
            Algorithm::EdDSA => bytes(key) == ED25519_BYTES,
            Algorithm::ES256 => bytes(key) == P256_POINT_BYTES,
            _ => bytes(key) > RSA_BYTES_MIN,
        };
        let found = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256]
            .into_iter()
            .find(|&algorithm| decoding(text, algorithm).is_ok_and(|key| is_right(algorithm, &key)));
        let algorithm = found.ok_or(
            "this is no public key (PEM) of Ed25519, of RSA with 2,048 bits or more, or of P-256; `openssl pkey \
             -pubout` writes one",
        )?;
        Ok(Self::Pem(PemKey { text: text.to_owned(), algorithm }))
    }
}

impl PemKey {
    /// Returns the key by which signatures are checked.
    pub fn verifying(&self) -> VerifyingKey {
        let key = decoding(&self.text, self.algorithm).expect("it was read before");
        VerifyingKey { key, algorithm: self.algorithm }
    }
}

fn decoding(pem: &str, algorithm: Algorithm) -> jsonwebtoken::errors::Result<DecodingKey> {
    match algorithm {
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
        Algorithm::ES256 => DecodingKey::from_ec_pem(pem.as_bytes()),
        _ => DecodingKey::from_rsa_pem(pem.as_bytes()),
    }
}

/// A key and the one algorithm that it checks.
pub struct VerifyingKey {
    key: DecodingKey,
    algorithm: Algorithm,
}

impl VerifyingKey {
    /// The key of a secret that both know.
    pub fn of_secret(secret: &[u8]) -> Self {
        Self { key: DecodingKey::from_secret(secret), algorithm: Algorithm::HS256 }
    }

    /// Returns true if this is the name of its algorithm, to the letter.
    pub fn is_for(&self, algorithm: &str) -> bool {
        name(self.algorithm) == algorithm
    }

    /// Returns true if the signature over the signed part of a token is right.
    pub fn verifies(&self, signed: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, self.algorithm).unwrap_or(false)
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::EdDSA => "EdDSA",
        Algorithm::ES256 => "ES256",
        _ => "RS256",
    }
}

/// A key of a JWKS. What is not named here is not looked at.
#[derive(Deserialize)]
pub struct Jwk {
    /// The key's name.
    pub kid: Option<String>,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// Returns the key, if it is one that signs by an algorithm that is taken. A secret in a JWKS is none:
    /// everybody can read it.
    pub fn verifying(&self) -> Option<VerifyingKey> {
        if self.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let (algorithm, key) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => {
                let (modulus, exponent) = (bytes(&self.n)?, bytes(&self.e)?);
                let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
                (significant >= RSA_BYTES_MIN).then_some(())?;
                (Algorithm::RS256, DecodingKey::from_rsa_raw_components(&modulus, &exponent))
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                (x.len() == P256_COORDINATE_BYTES && y.len() == P256_COORDINATE_BYTES).then_some(())?;
                (Algorithm::ES256, DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()))
            }
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&self.x)?;
                (x.len() == ED25519_BYTES).then_some(())?;
                (Algorithm::EdDSA, DecodingKey::from_ed_der(&x))
            }
            _ => return None,
        };
        let is_named = self.alg.as_deref().is_none_or(|alg| alg == name(algorithm) || alg == "Ed25519");
        is_named.then_some(VerifyingKey { key, algorithm })
    }
}
