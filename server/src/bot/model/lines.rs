//! A body as lines, however its bytes arrive.

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr;

/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// The lines of a body. It holds at most a line and what came with its last bytes.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: BytesMut,
    /// Bytes at the front in which there is no end of a line.
    searched: usize,
}

/// A line is longer than lines may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongLine;

impl Lines {
    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole line without its end, LF or CRLF. The caller takes all lines before it pushes
    /// more.
    pub fn next(&mut self) -> Result<Option<Bytes>, LongLine> {
        let end = memchr(b'\n', &self.buffer[self.searched..]).map(|at| self.searched + at);
        if end.unwrap_or(self.buffer.len()) > LINE_BYTES_MAX {
            return Err(LongLine);
        }
        let Some(end) = end else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let mut line = self.buffer.split_to(end).freeze();
        self.buffer.advance(1);
        self.searched = 0;
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line))
    }

    /// Returns what is left when the body has ended: its last line may lack its end.
    pub fn rest(&mut self) -> Bytes {
        self.searched = 0;
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<Bytes> {
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn lines_are_the_same_however_their_bytes_arrive() {
        let body = "a\r\n\nβ🙂\n\r\nend".as_bytes();
        for size in 1..=body.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for part in body.chunks(size) {
                lines.push(part);
                found.extend(all(&mut lines));
            }
            assert_eq!(found, ["a", "", "β🙂", ""].map(Bytes::from), "{size}");
            assert_eq!(lines.rest(), "end");
        }
    }

    #[test]
    fn a_line_has_a_limit_with_its_end_and_without() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        let mut lines = Lines::default();
        lines.push(&long);
        assert_eq!(lines.next(), Ok(None));
        lines.push(b"\n");
        assert_eq!(lines.next(), Ok(Some(long.clone().into())));
        for end in ["x", "x\n"] {
            lines.push(&long);
            lines.push(end.as_bytes());
            assert_eq!(lines.next(), Err(LongLine));
            lines = Lines::default();
        }
    }
}
