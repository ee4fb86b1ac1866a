//! The key by which a server of models knows who asks.

use std::fmt;

use hyper::header::HeaderValue;

/// A key, for the header `Authorization`. It is in no log and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(HeaderValue);

/// A key that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is one line of visible ASCII characters")]
pub struct KeyError;

impl Key {
    /// Reads a key, as a file has it: the end of its line does not count.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let key = text.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError);
        }
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| KeyError)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Returns the value of the header.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_and_never_printed() {
        let key = Key::parse("sk-Abc_123\n").unwrap();
        assert_eq!(key.header(), "Bearer sk-Abc_123");
        for debug in [format!("{key:?}"), format!("{:?}", key.header())] {
            assert!(!debug.contains("Abc"), "{debug}");
        }
        for wrong in ["", " \n", "one two", "one\ntwo", "kéy", "a\u{7f}"] {
            assert_eq!(Key::parse(wrong), Err(KeyError), "{wrong:?}");
        }
    }
}
