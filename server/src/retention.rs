//! The retention of the log, as people write it: an age such as `30d`, a size such as `4GiB`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use millchat::{RETENTION_AGE_MIN, RetentionPolicy};
use serde::Deserialize;

use crate::as_text::as_text;

/// The least that records may be allowed: less would be trimmed as fast as it is sent.
const BYTES_MIN: u64 = 1_000_000;

/// Age up to which events are kept; `None` is for ever, and the default: a chat forgets only what its
/// operator wants it to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Age(pub Option<Duration>);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(None));
        }
        match humantime::parse_duration(text) {
            Ok(age) if age >= RETENTION_AGE_MIN => Ok(Self(Some(age))),
            Ok(_) => Err(format!("`{text}` is too short; events are kept for 1m at least")),
            Err(_) => Err(format!("`{text}` is not an age; write it like 30d, 12h, 90m, or forever")),
        }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(age) => write!(f, "{}", humantime::format_duration(age)),
            None => f.write_str("forever"),
        }
    }
}

/// Bytes that the records may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<ByteSize>() {
            Ok(size) if size.as_u64() >= BYTES_MIN => Ok(Self(size.as_u64())),
            Ok(_) => Err(format!("`{text}` is too little; the records need 1MB at least")),
            Err(_) => Err(format!("`{text}` is not a size; write it like 20MB or 4GiB")),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B", self.0)
    }
}

as_text!(Age, Bytes);

/// Both together, as the core takes them.
pub fn policy(age: Age, bytes: Option<Bytes>) -> RetentionPolicy {
    RetentionPolicy { age: age.0, bytes: bytes.map(|bytes| bytes.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read_as_people_write_them() {
        let age = |text: &str| text.parse::<Age>();
        assert_eq!(age("30d"), Ok(Age(Some(Duration::from_hours(24 * 30)))));
        assert_eq!(age("90m"), Ok(Age(Some(Duration::from_mins(90)))));
        assert_eq!((age("forever"), Age::default()), (Ok(Age(None)), Age(None)));
        assert_eq!(age(&Age::default().to_string()), Ok(Age::default()));
        assert!(age("10s").unwrap_err().contains("1m at least"));
        assert!(age("soon").unwrap_err().contains("30d"));
        let bytes = |text: &str| text.parse::<Bytes>().map(|bytes| bytes.0);
        assert_eq!(bytes("20MB"), Ok(20_000_000));
        assert_eq!(bytes("4GiB"), Ok(4 << 30));
        assert!(bytes("4").unwrap_err().contains("1MB at least"));
        assert!(bytes("lots").unwrap_err().contains("4GiB"));
    }
}
