//! Server-sent events: a stream of bytes cut into blocks, and a block into its fields.
//!
//! A block is what comes between two empty lines, as it was sent: readers compare blocks byte by byte and
//! read the fields of one only when they have not seen it before. Lines end at LF, CR or CRLF, as the
//! standard says.

use std::borrow::Cow;

use memchr::memchr2;

use crate::malformed::Malformed;

/// Largest block that is read, in bytes: a message of 64 KiB whose every character is escaped fits.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// Cuts a stream into blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The begin of a block whose end was not read yet.
    partial: Vec<u8>,
    /// Bytes of the present line so far.
    line_bytes: usize,
    /// The last byte was a CR: an LF now belongs to the same line end.
    after_cr: bool,
}

impl Blocks {
    /// Takes the next bytes of the stream and hands each block that they finish to `on_block`.
    pub fn feed(&mut self, bytes: &[u8], mut on_block: impl FnMut(&[u8])) -> Result<(), Malformed> {
        let (mut start, mut at) = (0, 0);
        while let Some(found) = memchr2(b'\n', b'\r', &bytes[at..]) {
            let end = at + found;
            let second_half = found == 0 && self.after_cr && bytes[end] == b'\n';
            self.after_cr = bytes[end] == b'\r';
            at = end + 1;
            if second_half {
                if start == end && self.partial.is_empty() {
                    start = at;
                }
                continue;
            }
            let blank = self.line_bytes + found == 0;
            self.line_bytes = 0;
            if blank {
                if self.partial.is_empty() {
                    on_block(&bytes[start..at]);
                } else {
                    self.partial.extend_from_slice(&bytes[start..at]);
                    on_block(&self.partial);
                    self.partial.clear();
                }
                start = at;
            }
        }
        if at < bytes.len() {
            self.after_cr = false;
            self.line_bytes += bytes.len() - at;
        }
        self.partial.extend_from_slice(&bytes[start..]);
        if self.partial.len() > BLOCK_BYTES_MAX {
            return Err(Malformed("an event is larger than is read here"));
        }
        Ok(())
    }
}

/// Returns the lines of a block as name and value; a comment has an empty name.
pub fn lines(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = block.split(|&byte| byte == b'\n' || byte == b'\r').filter(|line| !line.is_empty());
    lines.map(|line| {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, rest) = line.split_at(colon);
        let value = rest.strip_prefix(b":").unwrap_or(rest);
        (name, value.strip_prefix(b" ").unwrap_or(value))
    })
}

/// The fields of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The `id` field.
    pub id: Option<&'a [u8]>,
    /// The `event` field; empty stands for `message`.
    pub event: &'a [u8],
    /// The `data` lines, joined by LF; `None` when there is none, and then it is no event.
    pub data: Option<Cow<'a, [u8]>>,
}

impl<'a> Fields<'a> {
    /// Reads the fields of a block.
    pub fn parse(block: &'a [u8]) -> Self {
        let mut fields = Self::default();
        for (name, value) in lines(block) {
            match name {
                b"id" => fields.id = Some(value),
                b"event" => fields.event = value,
                b"data" => {
                    fields.data = Some(match fields.data.take() {
                        None => Cow::Borrowed(value),
                        Some(first) => Cow::Owned([&first, value].join(&b'\n')),
                    });
                }
                _ => {}
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(stream: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut blocks, mut out) = (Blocks::default(), Vec::new());
        for bytes in stream.chunks(step) {
            blocks.feed(bytes, |block| out.push(block.to_vec())).unwrap();
        }
        out
    }

    #[test]
    fn blocks_are_the_same_however_the_stream_is_cut() {
        for stream in [
            &b": hi\n\nid: 1\ndata: a\ndata: b\n\nevent: x\ndata\n\n"[..],
            b": hi\r\n\r\nid: 1\r\ndata: a\r\ndata: b\r\n\r\nevent: x\r\ndata\r\n\r\n",
            b": hi\r\rid: 1\rdata: a\rdata: b\r\revent: x\rdata\r\r",
        ] {
            for step in 1..=stream.len() {
                let blocks = blocks(stream, step);
                assert_eq!(blocks.len(), 3, "step {step}: {blocks:?}");
                assert_eq!(Fields::parse(&blocks[0]), Fields::default());
                let second = Fields::parse(&blocks[1]);
                assert_eq!((second.id, second.data.as_deref()), (Some(&b"1"[..]), Some(&b"a\nb"[..])));
                let third = Fields::parse(&blocks[2]);
                assert_eq!((third.event, third.data.as_deref()), (&b"x"[..], Some(&b""[..])));
            }
        }
    }
}
