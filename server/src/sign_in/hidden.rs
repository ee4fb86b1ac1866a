//! Secrets of logins, and text of providers for a log line.

use std::fmt;
use std::path::Path;

/// Longest secret of a client, in bytes.
const SECRET_BYTES_MAX: usize = 1_024;
/// Most characters of a word of a provider that a log line shows.
const WORD_CHARS_MAX: usize = 64;

/// The secret of a client at its provider. No message shows it.
#[derive(Clone)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Reads it from a file, less white space around it.
    pub fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("the secret cannot be read from {name}: {error}"))?;
        Self::of(&text).ok_or_else(|| {
            format!(
                "{name}: a secret is 1 to {SECRET_BYTES_MAX} visible characters of ASCII, and nothing else"
            )
        })
    }

    /// Takes a text as the secret, less white space around it.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=SECRET_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The secret, for the request to the provider.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// Returns what is a short word of a text that others sent, such as the code of an error. Tokens and codes are
/// longer, and sentences have other characters.
pub fn word(text: &str) -> String {
    let is_word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.chars().filter(is_word).take(WORD_CHARS_MAX).collect()
}
