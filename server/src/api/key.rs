//! The key of a post: sent again with the same key, it is stored once and gets the first answer again.

use hyper::header::{HeaderMap, HeaderName};

use crate::problem::{Kind, Problem};

/// The header by which clients of the API send a key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Returns the key that this header has, if the request has it.
pub fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(Problem::new(Kind::InvalidKey, "the request has more than one idempotency key"));
    }
    let not_text = || Problem::new(Kind::InvalidKey, "the idempotency key must be visible ASCII");
    let key = value.to_str().map_err(|_| not_text())?;
    Ok(Some(key.to_owned()))
}
