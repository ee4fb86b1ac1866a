//! The operator's secret, by which a request proves to be theirs. It is compared in constant time and never
//! logged.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::str::FromStr;

use hyper::header::HeaderValue;
use serde::Deserialize;

use super::form::form_of;

/// Fewest characters of a token.
const TOKEN_LEN_MIN: usize = 16;
/// Most characters of a token.
const TOKEN_LEN_MAX: usize = 256;

/// The operator's secret. Its text is shown by no message.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AdminToken(String);

impl AdminToken {
    /// Reads it from a file, less white space around it.
    pub fn read(path: &Path) -> Result<Self, AdminTokenError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => text.trim().parse().map_err(|rule| AdminTokenError::Invalid { file, rule }),
            Err(source) => Err(AdminTokenError::Unreadable { file, source }),
        }
    }

    /// The header that proves to hold it.
    pub fn bearer(&self) -> HeaderValue {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", self.0)).expect("a token is visible ASCII");
        value.set_sensitive(true);
        value
    }

    /// Returns true if a token has the form of this one. One of another form says of this one no more than that.
    pub fn has_form_of(&self, other: &[u8]) -> bool {
        form_of(self.0.as_bytes()) == form_of(other)
    }

    /// Compares in constant time.
    pub fn matches(&self, other: impl AsRef<[u8]>) -> bool {
        // `blake3::Hash` compares in constant time.
        blake3::hash(self.0.as_bytes()) == blake3::hash(other.as_ref())
    }
}

/// The permission of everybody to read a file.
const OTHERS_READ: u32 = 0o004;

/// Returns the warning that belongs to a token file which everybody on the machine can read.
pub fn warning(file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let name = file.display();
    (mode & OTHERS_READ != 0).then(|| {
        format!("everybody on this machine can read the admin token in {name}; run: chmod o= {name}")
    })
}

/// A file gives no admin token.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenError {
    /// The file cannot be read.
    #[error("the admin token cannot be read from {file}: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The text of the file is no token.
    #[error("{file}: {rule}")]
    Invalid {
        /// The file.
        file: String,
        /// The rule for tokens, as a sentence.
        rule: String,
    },
}

impl FromStr for AdminToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "an admin token is {TOKEN_LEN_MIN} to {TOKEN_LEN_MAX} visible characters of ASCII; `openssl \
                 rand -hex 32` makes one"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AdminToken {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_enough_and_shown_by_no_message() {
        for bad in ["", "short", "has a space in the middle", &"x".repeat(257), "zu-kurz-und-\u{fc}ber"] {
            let error = bad.parse::<AdminToken>().unwrap_err();
            assert!(error.contains("16 to 256") && (bad.is_empty() || !error.contains(bad)), "{error}");
        }
        let token: AdminToken = "0123456789abcdef".parse().unwrap();
        assert!(
            token.matches("0123456789abcdef") && !token.matches("0123456789abcdeF") && !token.matches("")
        );
        assert!(!format!("{token:?} {:?}", token.bearer()).contains("0123"));
    }
}
