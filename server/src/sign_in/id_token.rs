//! The ID token of OpenID Connect: every check that makes its claims the provider's word about this sign-in.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::error::SignInError;
use super::hidden::word;

/// Difference of two clocks that is let pass, in seconds.
const LEEWAY_SECONDS: u64 = 60;
/// Longest `sub`, in bytes.
pub const SUB_BYTES_MAX: usize = 255;
/// Most keys of a provider that are looked at.
const KEYS_MAX: usize = 32;
/// The algorithms that a signature may have, whatever the provider has beside them.
const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("RS256", Algorithm::RS256),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
];

/// The claims of an ID token, or of an answer about a user.
pub type Claims = Map<String, Value>;

/// The values that the token must have.
pub struct Expected<'a> {
    /// The issuer of the settings.
    pub issuer: &'a str,
    /// Our name at the provider.
    pub client_id: &'a str,
    /// The nonce that this sign-in began with.
    pub nonce: &'a str,
    /// The algorithms that the provider has announced.
    pub algorithms: &'a [String],
}

/// Returns the header of a token whose signature may be looked at.
pub fn header(token: &str, announced: &[String]) -> Result<Header, SignInError> {
    let no = |_| SignInError::invalid("the ID token's header is none of a signed token");
    let header = decode_header(token).map_err(no)?;
    let allowed = ALGORITHMS.iter().find(|(_, algorithm)| *algorithm == header.alg);
    if !allowed.is_some_and(|(name, _)| announced.iter().any(|announced| announced == name)) {
        return Err(SignInError::invalid(format!(
            "the ID token's alg is {:?}, which is not one of the provider's that are taken",
            header.alg
        )));
    }
    if header.extras.inner().contains_key("crit") || header.crit.is_some() {
        return Err(SignInError::invalid("the ID token's header has crit"));
    }
    Ok(header)
}

/// Returns true if the set has a key that a token of this header can be signed by.
pub fn has_key(keys: &JwkSet, header: &Header) -> bool {
    candidates(keys, header).next().is_some()
}

fn candidates<'a>(keys: &'a JwkSet, header: &'a Header) -> impl Iterator<Item = &'a Jwk> {
    keys.keys.iter().take(KEYS_MAX).filter(|key| {
        let is_named = header.kid.is_none() || key.common.key_id == header.kid;
        let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
        let fits = match header.alg {
            Algorithm::RS256 | Algorithm::PS256 => matches!(key.algorithm, AlgorithmParameters::RSA(_)),
            Algorithm::ES256 => matches!(key.algorithm, AlgorithmParameters::EllipticCurve(_)),
            Algorithm::EdDSA => matches!(key.algorithm, AlgorithmParameters::OctetKeyPair(_)),
            _ => false,
        };
        is_named && signs && fits
    })
}

/// Returns the claims of a token that passes every check.
pub fn verify(
    token: &str,
    keys: &JwkSet,
    expected: &Expected<'_>,
    now_seconds: u64,
) -> Result<Claims, SignInError> {
    let header = header(token, expected.algorithms)?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    let mut failed = SignInError::invalid("the provider has no key that signs as the ID token says");
    for key in candidates(keys, &header) {
        let decoded = DecodingKey::from_jwk(key).and_then(|key| decode::<Claims>(token, &key, &validation));
        match decoded {
            Ok(decoded) => return checked(decoded.claims, expected, now_seconds),
            Err(error) => failed = SignInError::invalid(format!("the ID token: {}", said(&error))),
        }
    }
    Err(failed)
}

/// Returns an error of the library as words. Its own may have what the token holds.
fn said(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::ExpiredSignature => "exp is over",
        ErrorKind::ImmatureSignature => "nbf is in the future",
        ErrorKind::InvalidIssuer => "iss is not the issuer of the settings",
        ErrorKind::InvalidAudience => "aud is not our client-id",
        ErrorKind::MissingRequiredClaim(_) => "iss, aud, exp or sub is missing",
        ErrorKind::InvalidAlgorithm => "its alg is not that of the key",
        _ => "it is malformed",
    }
}

/// The checks that the library does not make.
fn checked(claims: Claims, expected: &Expected<'_>, now_seconds: u64) -> Result<Claims, SignInError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("nonce") != Some(expected.nonce) {
        return Err(SignInError::invalid("the ID token's nonce is not that of this sign-in"));
    }
    let iat = claims.get("iat").and_then(Value::as_f64);
    let iat = iat.ok_or_else(|| SignInError::invalid("the ID token has no iat"))?;
    if iat > (now_seconds + LEEWAY_SECONDS) as f64 {
        return Err(SignInError::invalid("the ID token's iat is in the future"));
    }
    let is_for_several = claims.get("aud").and_then(Value::as_array).is_some_and(|aud| aud.len() > 1);
    let azp = claims.get("azp");
    if (azp.is_some() || is_for_several) && azp.and_then(Value::as_str) != Some(expected.client_id) {
        return Err(SignInError::invalid("the ID token's azp is not our client-id"));
    }
    if !text("sub").is_some_and(is_sub) {
        return Err(SignInError::invalid(format!("the ID token's sub is not 1 to {SUB_BYTES_MAX} bytes")));
    }
    Ok(claims)
}

/// Returns true for an id of a user that is taken.
pub fn is_sub(sub: &str) -> bool {
    (1..=SUB_BYTES_MAX).contains(&sub.len()) && !sub.contains(char::is_control)
}

/// Returns the error that a provider gives in an answer, as a word.
pub fn error_word(text: &str) -> String {
    let word = word(text);
    if word.is_empty() { "an unnamed error".to_owned() } else { word }
}
