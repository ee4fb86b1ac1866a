//! HTTP/1.1, just enough to read answers cheaply: the head of a response, and its body by whichever framing
//! the server chose.
//!
//! Nothing here does I/O or allocates: bytes come in as slices, pieces of the body go out as slices of them.
//! So ten thousand streams share one read buffer. Bodies are read in all three framings, because a proxy
//! may turn one into another.

use std::fmt::Display;

use crate::malformed::Malformed;

/// Largest response head that is read, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most header fields that are read.
const HEADERS_MAX: usize = 64;
/// Longest line that names a chunk's size, in bytes.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Returns the bytes of a request with a body of JSON.
pub fn request(host: impl Display, method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let (token, length) = (bearer(token), body.len());
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{token}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Returns the bytes of a request without a body.
pub fn get(host: impl Display, path: &str, token: Option<&str>) -> Vec<u8> {
    let token = bearer(token);
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{token}\r\n").into_bytes()
}

fn bearer(token: Option<&str>) -> String {
    token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default()
}

/// The head of a response.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Its length in bytes.
    pub len: usize,
    /// Reads what follows.
    pub body: Body,
    /// True when the connection can be used again afterwards.
    pub keep_alive: bool,
}

impl Head {
    /// Reads a head from the front of `bytes`; `None` when it is not whole yet.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let status = response.parse(bytes).map_err(|_| Malformed("not an HTTP response"))?;
        let httparse::Status::Complete(len) = status else {
            return if bytes.len() < HEAD_BYTES_MAX { Ok(None) } else { Err(Malformed("head too large")) };
        };
        let status = response.code.unwrap_or_default();
        let mut body = if matches!(status, 204 | 304) { Body::Length(0) } else { Body::ToEnd };
        let mut keep_alive = response.version == Some(1);
        for header in response.headers.iter() {
            let value = header.value.trim_ascii();
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(value).unwrap_or_default();
                body = Body::Length(text.parse().map_err(|_| Malformed("content-length is not a number"))?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("unknown transfer-encoding"));
                }
                body = Body::Chunked(Chunks::default());
            } else if header.name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case(b"close") {
                keep_alive = false;
            }
        }
        keep_alive &= !matches!(body, Body::ToEnd);
        Ok(Some(Self { status, len, body, keep_alive }))
    }
}

/// Returns the header fields at the front of `bytes`, their names in lower case. Empty until the head is
/// whole.
pub fn header_fields(bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let status = response.parse(bytes).map_err(|_| Malformed("not an HTTP response"))?;
    if status.is_partial() {
        return Ok(Vec::new());
    }
    let field = |header: &httparse::Header<'_>| {
        let value = String::from_utf8_lossy(header.value.trim_ascii()).into_owned();
        (header.name.to_ascii_lowercase(), value)
    };
    Ok(response.headers.iter().map(field).collect())
}

/// A body that is being read.
#[derive(Debug)]
pub enum Body {
    /// The number of bytes that are left.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// Everything until the server closes.
    ToEnd,
}

/// A piece that [`Body::next`] found at the front of its input.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of the body.
    Data(&'a [u8]),
    /// The input is used up and the body is not over.
    More,
    /// The body is over.
    End,
}

impl Body {
    /// Takes the next piece from the front of `input`.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, Malformed> {
        match self {
            Self::Length(0) => Ok(Piece::End),
            _ if input.is_empty() => Ok(Piece::More),
            Self::Length(left) => Ok(Piece::Data(take(input, left))),
            Self::Chunked(chunks) => chunks.next(input),
            Self::ToEnd => Ok(Piece::Data(std::mem::take(input))),
        }
    }
}

/// Takes up to `left` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let len = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    let (data, rest) = input.split_at(len);
    *input = rest;
    *left -= len as u64;
    data
}

/// The place in a chunked body.
#[derive(Debug, Default)]
pub struct Chunks {
    state: ChunkState,
    /// The size read so far, then the bytes of the chunk that are left.
    left: u64,
    /// Bytes of the present line, to bound it.
    line_bytes: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    /// In the digits of a size.
    #[default]
    Size,
    /// In what follows the digits on their line, which means nothing to us.
    Extension,
    Data,
    /// Before the line end that closes a chunk.
    DataEnd,
    /// After the last chunk, at the begin of a line or in one.
    Trailer,
    End,
}

impl Chunks {
    fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, Malformed> {
        loop {
            if self.state == ChunkState::Data && self.left > 0 && !input.is_empty() {
                return Ok(Piece::Data(take(input, &mut self.left)));
            }
            if self.state == ChunkState::Data && self.left == 0 {
                self.state = ChunkState::DataEnd;
            }
            if self.state == ChunkState::End {
                return Ok(Piece::End);
            }
            let Some((&byte, rest)) = input.split_first() else { return Ok(Piece::More) };
            *input = rest;
            self.line(byte)?;
        }
    }

    /// One byte that is not data.
    fn line(&mut self, byte: u8) -> Result<(), Malformed> {
        self.line_bytes += 1;
        if self.line_bytes > CHUNK_LINE_BYTES_MAX {
            return Err(Malformed("chunk line too long"));
        }
        match (self.state, byte) {
            (ChunkState::Size | ChunkState::Extension, b'\n') => {
                self.state = if self.left == 0 { ChunkState::Trailer } else { ChunkState::Data };
                self.line_bytes = 0;
            }
            (ChunkState::Size, b'\r' | b';' | b' ') => self.state = ChunkState::Extension,
            (ChunkState::Size, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed("chunk size is not a number"))?;
                let shifted = self.left.checked_mul(16).ok_or(Malformed("chunk too large"))?;
                self.left = shifted + u64::from(digit);
            }
            (ChunkState::DataEnd, b'\n') => {
                self.state = ChunkState::Size;
                self.line_bytes = 0;
            }
            (ChunkState::DataEnd, b'\r') | (ChunkState::Extension, _) => {}
            (ChunkState::DataEnd, _) => return Err(Malformed("chunk longer than its size")),
            (ChunkState::Trailer, b'\n') => {
                // An empty line has its LF first or second.
                if self.line_bytes <= 2 {
                    self.state = ChunkState::End;
                }
                self.line_bytes = 0;
            }
            (ChunkState::Trailer, b'\r') if self.line_bytes == 1 => {}
            // A trailer field: its first byte must not look like an empty line's end.
            (ChunkState::Trailer, _) => self.line_bytes = self.line_bytes.max(3),
            (ChunkState::Data | ChunkState::End, _) => unreachable!("data and end are handled by `next`"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a whole response, given in pieces of `step` bytes; says the body and whether it ended.
    fn read(wire: &[u8], step: usize) -> (Vec<u8>, bool) {
        let head = Head::parse(wire).unwrap().unwrap();
        let (mut body, mut out) = (head.body, Vec::new());
        for mut input in wire[head.len..].chunks(step) {
            loop {
                match body.next(&mut input).unwrap() {
                    Piece::Data(data) => out.extend_from_slice(data),
                    Piece::More => break,
                    Piece::End => return (out, true),
                }
            }
        }
        (out, false)
    }

    #[test]
    fn a_chunked_body_reads_the_same_however_it_is_cut() {
        let wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            5\r\nhello\r\n1b;x=y\r\n, a chunk with an extension\r\n0\r\nTrailer: t\r\n\r\n";
        for step in 1..wire.len() {
            let (body, ended) = read(wire, step);
            assert_eq!(body, b"hello, a chunk with an extension", "step {step}");
            assert!(ended);
        }
    }

    #[test]
    fn a_body_with_a_length_ends_there_and_one_without_at_the_close() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 1), (b"ab".to_vec(), true));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\nab", 1), (b"ab".to_vec(), false));
        let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap();
        assert!(!head.keep_alive);
    }

    #[test]
    fn a_chunk_that_lies_about_its_size_is_malformed() {
        let mut chunks = Chunks::default();
        let mut input: &[u8] = b"2\r\nabc\r\n";
        assert_eq!(chunks.next(&mut input), Ok(Piece::Data(b"ab")));
        assert!(chunks.next(&mut input).is_err());
        assert!(Chunks::default().next(&mut &b"zz\r\n"[..]).is_err());
    }
}
