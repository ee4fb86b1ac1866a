//! The forms of tokens, told apart by the text alone. A token of one form is never one of another.

use super::api_token;
use super::site::is_jwt;

/// Characters of the MAC of a token of ours: 32 bytes as base64url.
const MAC_LEN: usize = 43;

/// The form of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An API token.
    Api,
    /// A token that a site signs.
    Jwt,
    /// A token that this server signs.
    Ours,
    /// Any other text.
    Other,
}

/// Returns the form of a token, good or not.
pub fn form_of(token: &[u8]) -> Form {
    let Ok(text) = std::str::from_utf8(token) else { return Form::Other };
    if text.starts_with(api_token::FORM) {
        return Form::Api;
    }
    if is_jwt(text) {
        return Form::Jwt;
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let is_mac = |mac: &str| mac.len() == MAC_LEN && mac.bytes().all(is_part);
    if text.split_once('.').is_some_and(|(_, mac)| is_mac(mac)) { Form::Ours } else { Form::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_tells_the_form_of_a_token() {
        let mac = "x".repeat(MAC_LEN);
        for (token, form) in [
            ("mct_aaaaaaaaaaaa_x", Form::Api),
            ("mct_a.b.c", Form::Api),
            ("a.b.c", Form::Jwt),
            (&format!("abc.{mac}"), Form::Ours),
            (&format!("abc.{mac}x"), Form::Other),
            (&format!("abc.{}+", &mac[1..]), Form::Other),
            ("abc", Form::Other),
            ("a.b.c.d", Form::Other),
            ("", Form::Other),
        ] {
            assert_eq!(form_of(token.as_bytes()), form, "{token}");
        }
        assert_eq!(form_of(b"\xfc.b.c"), Form::Other);
    }
}
