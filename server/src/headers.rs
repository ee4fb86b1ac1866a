//! Headers of a request, read byte by byte: a byte outside ASCII makes its own entry invalid, and says
//! nothing about the others. Any program on our host can plant a cookie, and any client can write into a list
//! that a proxy then appends to.

use hyper::header::{self, HeaderMap, HeaderName};

/// The type that a request gives for its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// The request does not say.
    Absent,
    /// JSON, or something built on it (`application/*+json`).
    Json,
    /// A form as browsers send it (`application/x-www-form-urlencoded`).
    Form,
    /// Anything else.
    Other,
}

/// Reads the `Content-Type` header; parameters do not matter.
pub fn content_type(headers: &HeaderMap) -> ContentType {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return ContentType::Absent };
    let essence = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    match essence.trim_ascii().to_ascii_lowercase().as_slice() {
        b"" => ContentType::Absent,
        b"application/json" | b"text/json" => ContentType::Json,
        b"application/x-www-form-urlencoded" => ContentType::Form,
        e if e.starts_with(b"application/") && e.ends_with(b"+json") => ContentType::Json,
        _ => ContentType::Other,
    }
}

/// Returns true if the body is announced as plain text.
pub fn is_plain_text(headers: &HeaderMap) -> bool {
    let essence = entries(headers, &header::CONTENT_TYPE, b';').next();
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(b"text/plain"))
}

/// The entries of a header that is a list, over all its lines, without the white space around them. Bytes,
/// since what is foreign to one of them says nothing about the others.
pub fn entries<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    separator: u8,
) -> impl DoubleEndedIterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).iter();
    lines.flat_map(move |line| line.as_bytes().split(move |&byte| byte == separator)).map(<[u8]>::trim_ascii)
}

/// The values of the cookies of this name, in the order in which they came: who can plant one for our host
/// from a neighbouring one can put it before ours.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let value = move |pair: &'a [u8]| {
        let value = pair.strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
        std::str::from_utf8(value.trim_ascii()).ok()
    };
    entries(headers, &header::COOKIE, b';').filter_map(value).map(|value| value.trim_matches('"'))
}

/// The tokens of `Authorization: Bearer`.
pub fn bearer_tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(header::AUTHORIZATION).iter().filter_map(|line| {
        let line = line.as_bytes().trim_ascii();
        let (scheme, token) = line.split_at_checked(b"bearer".len())?;
        let is_bearer =
            scheme.eq_ignore_ascii_case(b"bearer") && token.first().is_some_and(u8::is_ascii_whitespace);
        is_bearer.then(|| token.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn the_content_type_is_read_without_its_parameters() {
        for (value, expected) in [
            ("application/json", ContentType::Json),
            ("Application/JSON; charset=utf-8", ContentType::Json),
            ("application/merge-patch+json", ContentType::Json),
            ("application/x-www-form-urlencoded", ContentType::Form),
            ("text/plain", ContentType::Other),
            ("", ContentType::Absent),
            ("application/json; title=\"f\u{fc}r\"", ContentType::Json),
            ("application/x-www-form-urlencoded ;x=\u{1f600}", ContentType::Form),
            ("application/js\u{f6}n", ContentType::Other),
        ] {
            assert_eq!(content_type(&headers(&[("content-type", value)])), expected, "{value}");
        }
        assert_eq!(content_type(&HeaderMap::new()), ContentType::Absent);
    }

    #[test]
    fn cookies_of_a_name_are_found_among_others() {
        let map = headers(&[("cookie", "a=1; millchat=tok.en; b=2"), ("cookie", "c=3; millchat=\"x\"")]);
        assert_eq!(cookies(&map, "millchat").collect::<Vec<_>>(), ["tok.en", "x"]);
        assert_eq!(cookies(&map, "c").collect::<Vec<_>>(), ["3"]);
        assert_eq!(cookies(&map, "mill").count(), 0);
        let map =
            headers(&[("cookie", "city=Z\u{fc}rich; a=1;\u{1f36a}=2; b = 3 ;=;"), ("cookie", "\u{fc};a=4")]);
        assert_eq!(cookies(&map, "a").collect::<Vec<_>>(), ["1", "4"]);
        assert_eq!(cookies(&map, "b").collect::<Vec<_>>(), ["3"]);
        let mut map = headers(&[("cookie", "a=1")]);
        map.append("cookie", HeaderValue::from_bytes(b"x=\xfc\xff; a=\xfc; a=2; \xe4=3").unwrap());
        assert_eq!(cookies(&map, "a").collect::<Vec<_>>(), ["1", "2"]);
    }
}
