//! The place that a sign-in leads back to.

use std::fmt;

/// Longest place, in bytes.
const BYTES_MAX: usize = 512;

/// A path of our own, with a query perhaps: no address of another host can be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// Takes a path that begins with one slash; of everything else it makes `/`.
    pub fn of(text: Option<&str>) -> Self {
        let is_ours = |text: &&str| {
            let mut chars = text.chars();
            let begins = chars.next() == Some('/') && !matches!(chars.next(), Some('/' | '\\'));
            begins && text.len() <= BYTES_MAX && !text.chars().any(char::is_control)
        };
        Self(text.filter(is_ours).unwrap_or("/").to_owned())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a header holds it: what is outside of ASCII is percent-encoded.
    pub fn to_header(&self) -> String {
        percent_encoding::utf8_percent_encode(&self.0, percent_encoding::CONTROLS).to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_our_own_host_alone() {
        let long = format!("/{}", "x".repeat(BYTES_MAX - 1));
        for text in
            ["/", "/support", "/support?a=b#m-7", "/a//b", "/?x=//evil.example", "/%2f", "/\u{fc}", &long]
        {
            assert_eq!(Target::of(Some(text)).as_str(), text);
        }
        let too_long = format!("{long}x");
        for text in [
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https:evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "support",
            "",
            " /support",
            "/a\r\nSet-Cookie: x",
            "/\t/evil.example",
            "/a\u{0}",
            "/a\u{7f}",
            "/\u{85}",
            &too_long,
        ] {
            assert_eq!(Target::of(Some(text)).as_str(), "/", "{text:?}");
        }
        assert_eq!(Target::of(None).as_str(), "/");
        assert_eq!(Target::of(Some("/\u{fc}?x=\u{1f600}")).to_header(), "/%C3%BC?x=%F0%9F%98%80");
    }
}
