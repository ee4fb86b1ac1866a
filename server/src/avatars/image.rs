//! Images, known by their first bytes.

use bytes::Bytes;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Image {
    /// Returns what its first bytes say, if that is one of the kinds that are taken. A drawing (SVG) is a
    /// document, and none of them.
    pub fn of(bytes: Bytes) -> Option<Self> {
        let content_type = match bytes.as_ref() {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            _ => return None,
        };
        Some(Self { content_type, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\nx"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some("image/webp")),
            (b"GIF89a", Some("image/gif")),
            (b"GIF87a...", Some("image/gif")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"<!doctype html>", None),
            (b"\x89PNG", None),
            (b"RIFF\x01\x02\x03\x04WAVE", None),
            (b"", None),
        ] {
            let image = Image::of(Bytes::from_static(bytes));
            assert_eq!(image.map(|image| image.content_type), expected, "{bytes:?}");
        }
    }
}
