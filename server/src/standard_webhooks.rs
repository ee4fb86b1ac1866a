//! Signatures of webhooks, by Standard Webhooks 1.0: an HMAC-SHA256 over the id, the time and the body, by which a
//! receiver knows that a request is from whoever has the secret, and that it is not an old one sent again.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName};
use millchat::Timestamp;

/// The header with the id of a message, which is the same each time that it is sent.
pub const ID: HeaderName = HeaderName::from_static("webhook-id");
/// The header with the time of a request, in seconds since the Unix epoch.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// The header with the signatures, separated by spaces.
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The beginning of every secret.
const FORM: &str = "whsec_";
/// The beginning of every signature: the version.
const VERSION: &str = "v1,";
/// Least bytes of a secret.
const SECRET_BYTES_MIN: usize = 24;
/// Most bytes of a secret.
const SECRET_BYTES_MAX: usize = 64;
/// Most signatures of a request that are looked at: a sender has more than one while its secret changes.
const SIGNATURES_MAX: usize = 8;
/// Most time between the time of a request and now, in milliseconds.
const AGE_MS_MAX: u64 = 5 * 60 * 1_000;

/// A secret that two sides share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    bytes: Vec<u8>,
}

/// A text that is no secret. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is {FORM} and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64")]
pub struct NoSecret;

/// A request that is not taken as signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nobody who has the secret signed it.
    #[error("{0}")]
    Forged(&'static str),
    /// It was signed too long ago, or for a time to come.
    #[error(
        "the signature is right, but webhook-timestamp is more than {} minutes from this server's clock",
        AGE_MS_MAX / 60_000
    )]
    Stale,
}

impl Secret {
    /// Returns the secret of these bytes.
    pub fn of(bytes: [u8; 32]) -> Self {
        Self { bytes: bytes.to_vec() }
    }

    /// Returns the secret as the other side is told it.
    pub fn shown(&self) -> String {
        format!("{FORM}{}", STANDARD.encode(&self.bytes))
    }

    /// Returns the signature of a request. `at` is in seconds since the Unix epoch.
    pub fn sign(&self, id: &str, at: u64, body: &[u8]) -> String {
        let tag = hmac::sign(&self.key(), &signed(id.as_bytes(), at.to_string().as_bytes(), body));
        format!("{VERSION}{}", STANDARD.encode(tag))
    }

    /// Returns the id of a request that whoever has the secret signed, not long ago.
    pub fn verify<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<&'a str, SignatureError> {
        let id = only(headers, &ID)?;
        // Else the parts that are signed together could be cut at another dot.
        if id.contains('.') {
            return Err(SignatureError::Forged(
                "webhook-id has a dot, which Standard Webhooks does not allow",
            ));
        }
        let at = only(headers, &TIMESTAMP)?;
        let digits = Some(at).filter(|at| at.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(seconds) = digits.and_then(|digits| digits.parse::<u64>().ok()) else {
            return Err(SignatureError::Forged("webhook-timestamp is whole seconds since the Unix epoch"));
        };
        let (key, signed) = (self.key(), signed(id.as_bytes(), at.as_bytes(), body));
        let signatures = only(headers, &SIGNATURE)?.split(' ').take(SIGNATURES_MAX);
        let mut tags = signatures.filter_map(|it| STANDARD.decode(it.strip_prefix(VERSION)?).ok());
        // Each is compared in constant time.
        if !tags.any(|tag| hmac::verify(&key, &signed, &tag).is_ok()) {
            return Err(SignatureError::Forged("no webhook-signature is that of this hook's secret"));
        }
        if now.0.abs_diff(seconds.saturating_mul(1_000)) > AGE_MS_MAX {
            return Err(SignatureError::Stale);
        }
        Ok(id)
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes)
    }
}

impl FromStr for Secret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        let bytes = text.strip_prefix(FORM).and_then(|rest| STANDARD.decode(rest).ok());
        let bytes = bytes.filter(|bytes| (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()));
        bytes.map(|bytes| Self { bytes }).ok_or(NoSecret)
    }
}

/// Without the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The text that is signed.
fn signed(id: &[u8], at: &[u8], body: &[u8]) -> Vec<u8> {
    [id, at, body].join(&b'.')
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
    value.filter(|value| !value.is_empty()).ok_or(SignatureError::Forged(
        "this hook is signed: send webhook-id, webhook-timestamp and webhook-signature, each once",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_764_400_000;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn verify(secret: &Secret, list: &[(&'static str, &str)], body: &str) -> Result<String, SignatureError> {
        secret.verify(&headers(list), body.as_bytes(), Timestamp(NOW * 1_000)).map(str::to_owned)
    }

    #[test]
    fn a_signature_is_the_one_that_the_specification_gives() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.shown(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn only_what_was_signed_as_it_is_and_lately_is_taken() {
        let secret = Secret::of([7; 32]);
        let (at, right) = (NOW.to_string(), secret.sign("m1", NOW, b"body"));
        let with = |id: &str, at: &str, signature: &str, body: &str| {
            let list = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)];
            verify(&secret, &list, body)
        };
        assert_eq!(with("m1", &at, &right, "body").as_deref(), Ok("m1"));
        let among = format!("v1a,x v1,AAAA {right}");
        assert_eq!(with("m1", &at, &among, "body").as_deref(), Ok("m1"));
        let other = Secret::of([8; 32]).sign("m1", NOW, b"body");
        let [sha, unnamed] = [right.replace("v1,", "v2,"), right.replace("v1,", "")];
        let late = format!("{}{right}", "v1,AAAA ".repeat(SIGNATURES_MAX));
        for (id, at, signature, body) in [
            ("m2", &*at, &*right, "body"),
            ("m1", "1764400001", &right, "body"),
            ("m1", &at, &right, "Body"),
            ("m1", &at, &other, "body"),
            ("m1", &at, &sha, "body"),
            ("m1", &at, &unnamed, "body"),
            ("m1", &at, &right[..20], "body"),
            ("m1", &at, &late, "body"),
            ("m1", &at, "v1,", "body"),
            ("m1", &at, "", "body"),
            ("", &at, &right, "body"),
            ("m1", "", &right, "body"),
            ("m1", "+1764400000", &right, "body"),
            ("m1", "1764400000.0", &right, "body"),
            ("m1", "99999999999999999999999", &right, "body"),
        ] {
            let refused = with(id, at, signature, body);
            assert!(matches!(refused, Err(SignatureError::Forged(_))), "{id} {at} {signature}: {refused:?}");
        }
        for (seconds, is_taken) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let at = NOW.checked_add_signed(seconds).unwrap();
            let answer = with("m1", &at.to_string(), &secret.sign("m1", at, b"body"), "body");
            assert_eq!(answer == Err(SignatureError::Stale), !is_taken, "{seconds}: {answer:?}");
        }
    }

    #[test]
    fn what_is_signed_cannot_be_cut_into_other_parts() {
        let secret = Secret::of([7; 32]);
        let (at, right) = (NOW.to_string(), secret.sign("m1", NOW, format!("{NOW}.text").as_bytes()));
        let id = format!("m1.{NOW}");
        let list = [("webhook-id", &*id), ("webhook-timestamp", &at), ("webhook-signature", &right)];
        assert_eq!(secret.sign(&id, NOW, b"text"), right);
        assert!(matches!(verify(&secret, &list, "text"), Err(SignatureError::Forged(_))));
        let twice = [("webhook-id", "m1"), ("webhook-id", "m2"), list[1], list[2]];
        assert!(matches!(verify(&secret, &twice, "text"), Err(SignatureError::Forged(_))));
    }

    #[test]
    fn a_secret_is_of_some_bytes_and_is_in_no_error() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![1; bytes])).parse::<Secret>();
        for (bytes, is_one) in [(23, false), (24, true), (32, true), (64, true), (65, false)] {
            assert_eq!(of(bytes).is_ok(), is_one, "{bytes}");
        }
        for text in
            ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"]
        {
            let error = text.parse::<Secret>().unwrap_err().to_string();
            assert!(!error.contains("MfKQ"), "{error}");
        }
        assert_eq!(format!("{:?}", of(24).unwrap()), "Secret");
    }
}
