//! The TLS of a stream that has left hyper: it makes records of the stream's bytes, and reads what the peer
//! still sends.
//!
//! The records go to the kernel with those of other readers. What TLS itself has to say, such as a new key of
//! its own in answer to one of the peer's, goes before the next bytes.

use std::io::{self, Read as _, Write as _};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustls::ServerConnection;
use tokio::io::AsyncRead;

use super::reading::read_records;

/// Bytes that a record adds to what is in it, at most: its head, its type and its seal.
const RECORD_OVERHEAD_BYTES: usize = 32;
/// Most bytes in a record.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// What the peer sends is opened into pieces of this size and discarded.
const DISCARD_BYTES: usize = 512;

/// Makes records of the bytes for one peer.
pub struct Sealer(Box<ServerConnection>);

/// Something that the peer has sent.
pub enum Received {
    /// So many bytes, which are of no interest.
    Bytes(usize),
    /// It sends no more.
    End,
}

impl Sealer {
    /// Takes a connection whose handshake is over.
    pub fn new(tls: ServerConnection) -> Self {
        Self(Box::new(tls))
    }

    /// Returns the records for these bytes, and whatever has to go before them.
    pub fn seal(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        let records = bytes.len() / RECORD_BYTES_MAX + 1;
        let mut sealed = Vec::with_capacity(bytes.len() + records * RECORD_OVERHEAD_BYTES);
        let mut rest = bytes;
        while !rest.is_empty() {
            // It takes a part when it holds much.
            let taken = self.0.writer().write(rest)?;
            rest = &rest[taken..];
            self.write_to(&mut sealed)?;
        }
        Ok(sealed.into())
    }

    /// Returns the last record: it says that this is the end, and no cut.
    pub fn seal_end(&mut self) -> io::Result<Bytes> {
        let mut sealed = Vec::new();
        self.0.send_close_notify();
        self.write_to(&mut sealed)?;
        Ok(sealed.into())
    }

    fn write_to(&mut self, sealed: &mut Vec<u8>) -> io::Result<()> {
        while self.0.wants_write() {
            self.0.write_tls(sealed)?;
        }
        Ok(())
    }

    /// Reads what the peer has sent, and discards it.
    pub fn poll_discard<T: AsyncRead + Unpin>(
        &mut self,
        socket: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Received>> {
        if self.open()? {
            return Poll::Ready(Ok(Received::End));
        }
        match ready!(read_records(socket, &mut self.0, cx))? {
            0 => Poll::Ready(Ok(Received::End)),
            bytes => Poll::Ready(Ok(Received::Bytes(bytes))),
        }
    }

    /// Opens what has come. Returns true if the peer has said that it sends no more.
    fn open(&mut self) -> io::Result<bool> {
        let state = self.0.process_new_packets().map_err(io::Error::other)?;
        let mut left = state.plaintext_bytes_to_read();
        let mut sink = [0; DISCARD_BYTES];
        while left > 0 {
            left -= self.0.reader().read(&mut sink[..left.min(DISCARD_BYTES)])?;
        }
        Ok(state.peer_has_closed())
    }
}
