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
/// Bytes of the piece into which the peer's records are opened, to be discarded.
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

    /// Returns the records for these bytes, and whatever has to go before them. It is an error when there are none:
    /// a key that has sealed as much as it may is used up, and TLS 1.2 has no other.
    pub fn seal(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        let records = bytes.len() / RECORD_BYTES_MAX + 1;
        let mut sealed = Vec::with_capacity(bytes.len() + records * RECORD_OVERHEAD_BYTES);
        let mut rest = bytes;
        while !rest.is_empty() {
            // It takes a part when it holds much.
            let taken = self.0.writer().write(rest)?;
            rest = &rest[taken..];
            let before = sealed.len();
            self.write_to(&mut sealed)?;
            // In place of a record there may be the words that this is the end.
            if sealed.len() - before <= taken {
                return Err(io::Error::other("the key of the connection is used up"));
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::crypto::CryptoProvider;
    use rustls::crypto::aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    use rustls::{
        CipherSuiteCommon, ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedCipherSuite,
        Tls12CipherSuite,
    };

    use super::*;
    use crate::tls::certificate::provider;
    use crate::tls::self_signed::self_signed;

    const NAME: &str = "chat.example";
    /// Records for which a key is good here, the one that ends the handshake among them.
    const RECORDS_MAX: u64 = 4;

    /// The system's cryptography, with one cipher of TLS 1.2 whose keys are soon used up.
    fn short_lived() -> Arc<CryptoProvider> {
        let SupportedCipherSuite::Tls12(suite) = TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 else {
            unreachable!("it is one of TLS 1.2")
        };
        let CipherSuiteCommon { suite: name, hash_provider, .. } = suite.common;
        let suite = Tls12CipherSuite {
            common: CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit: RECORDS_MAX },
            prf_provider: suite.prf_provider,
            kx: suite.kx,
            sign: suite.sign,
            aead_alg: suite.aead_alg,
        };
        let cipher_suites = vec![SupportedCipherSuite::Tls12(Box::leak(Box::new(suite)))];
        Arc::new(CryptoProvider { cipher_suites, ..provider() })
    }

    fn sealer() -> Sealer {
        let made = self_signed(vec![NAME.to_owned()], None).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert[0].clone()).unwrap();
        let of_12 = &[&rustls::version::TLS12];
        let client =
            ClientConfig::builder_with_provider(short_lived()).with_protocol_versions(of_12).unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let server =
            ServerConfig::builder_with_provider(short_lived()).with_protocol_versions(of_12).unwrap();
        let server = server
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from((*made).clone())));
        let mut client = ClientConnection::new(Arc::new(client), NAME.try_into().unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            client.write_tls(&mut there).unwrap();
            server.read_tls(&mut &there[..]).unwrap();
            server.process_new_packets().unwrap();
            server.write_tls(&mut back).unwrap();
            client.read_tls(&mut &back[..]).unwrap();
            client.process_new_packets().unwrap();
        }
        Sealer::new(server)
    }

    #[test]
    fn a_key_that_is_used_up_ends_the_stream() {
        let mut sealer = sealer();
        for _ in 1..RECORDS_MAX {
            assert!(sealer.seal(&[b'x'; 100]).unwrap().len() > 100);
        }
        assert!(sealer.seal(&[b'x'; 100]).is_err());
        assert!(sealer.seal(b"x").is_err());
    }
}
