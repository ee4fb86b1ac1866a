//! Input of the API's handlers: a JSON object in a body, a position in a path or query.

use std::fmt;

use millchat::Position;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::app::Worker;
use crate::body;
use crate::headers::{self, ContentType};
use crate::http::Request;
use crate::problem::{Kind, Problem};

/// Reads the body, of at most `limit` bytes, as a JSON object of the wanted shape; unknown fields are passed
/// over.
pub async fn read<T: DeserializeOwned>(w: &Worker, req: Request, limit: usize) -> Result<T, Problem> {
    if !matches!(headers::content_type(req.headers()), ContentType::Json | ContentType::Absent) {
        let detail = "send the body as application/json";
        return Err(Problem::new(Kind::UnsupportedType, detail));
    }
    let bytes = body::read(&w.app.reading, req, limit).await?;
    object(&bytes)
}

/// Reads these bytes as a JSON object of the wanted shape.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |detail: String| Problem::new(Kind::MalformedBody, detail);
    let text = std::str::from_utf8(bytes).map_err(|e| malformed(format!("the body is not UTF-8: {e}")))?;
    // First any JSON, then the shape: so that errors of syntax and depth differ from those of shape, also in
    // fields that are not read. Nothing is built of what is not read.
    serde_json::from_str::<AnyJson>(text).map_err(|e| malformed(format!("the body is not JSON: {e}")))?;
    if !text.trim_start().starts_with('{') {
        return Err(Problem::new(Kind::InvalidBody, "the body must be a JSON object"));
    }
    serde_json::from_str(text).map_err(|e| Problem::new(Kind::InvalidBody, e.to_string()))
}

/// Any JSON, read to its end and not kept.
struct AnyJson;

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for AnyJson {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// A position in a path or a query: digits, and nothing but digits.
///
/// One too large for any log is a position all the same: there is nothing at it.
pub fn position(name: &str, text: &str) -> Result<Position, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let detail = format!("{name} is a position: digits only, for example 1207");
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    Ok(text.parse().unwrap_or(Position::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Content;

    #[test]
    fn a_body_that_is_no_json_and_one_of_another_shape_are_told_apart() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for (bytes, status) in [
            (&b"{\"content\":\"x\",\"more\":[1]}"[..], None),
            (b"", Some(400)),
            (b"{", Some(400)),
            (b"{\"content\":\"\xff\"}", Some(400)),
            (b"{\"content\":\"\\ud800\"}", Some(400)),
            (deep.as_bytes(), Some(400)),
            (b"[\"x\"]", Some(422)),
            (b"\"x\"", Some(422)),
            (b"{}", Some(422)),
            (b"{\"content\":null}", Some(422)),
            (b"{\"content\":7}", Some(422)),
        ] {
            let read = object::<Content>(bytes).map_err(|problem| problem.response().status().as_u16());
            assert_eq!(read.err(), status, "{}", String::from_utf8_lossy(bytes).get(..20).unwrap_or("short"));
        }
    }

    #[test]
    fn a_position_is_digits_and_nothing_else() {
        assert_eq!(position("before", "17"), Ok(17));
        assert_eq!(position("before", "99999999999999999999999"), Ok(Position::MAX));
        for text in ["", "-1", "+1", "1.0", "0x1", " 1", "\u{661}"] {
            assert!(position("before", text).is_err(), "{text}");
        }
    }
}
