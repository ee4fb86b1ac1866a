//! Readers by plain HTTP, by TLS and by HTTP/2: one stream on a connection of its own each, as tasks of one
//! thread.
//!
//! Their own cost does not matter, since the server's is what is counted; they see that every message came.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::readers::{API_STREAM, MARK};

/// The name in the certificate.
const NAME: &str = "bench.example";
/// Bytes that are read from a socket at once.
const READ_BYTES: usize = 16 * 1024;
/// Window of a stream by HTTP/2.
const WINDOW_BYTES: u32 = 1024 * 1024;
/// Time after which a stream has lost something.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time in which the effects of the joins pass: presence is sent at most once a second.
const SETTLE: Duration = Duration::from_millis(2_500);

/// The way by which readers connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Plain HTTP/1.1.
    Plain,
    /// HTTP/1.1 by TLS.
    Tls,
    /// HTTP/2 by TLS.
    Http2,
}

/// A certificate that only the bench knows.
pub struct Certificate {
    /// The certificate as PEM.
    pub pem: String,
    /// Its key as PEM.
    pub key: String,
    der: CertificateDer<'static>,
}

impl Default for Certificate {
    fn default() -> Self {
        let made = KeyPair::generate().and_then(|key| {
            let certificate = CertificateParams::new(vec![NAME.to_owned()])?.self_signed(&key)?;
            Ok(Self { pem: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() })
        });
        made.expect("a key and a name are all that it needs")
    }
}

impl Certificate {
    fn client(&self, protocol: &str) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.expect("the provider has them");
        let mut config = versions.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// Readers that are connected.
pub struct WireReaders {
    runtime: Runtime,
    tasks: LocalSet,
    heard: Rc<Heard>,
    count: u64,
}

#[derive(Default)]
struct Heard {
    marks: Cell<u64>,
    opened: Cell<u64>,
    changed: Notify,
}

impl Heard {
    /// Counts the marks in what came; keeps the begin of one that has not come whole.
    fn take(&self, kept: &mut Vec<u8>, bytes: &[u8]) {
        kept.extend_from_slice(bytes);
        let marks = memmem::find_iter(kept, MARK).count() as u64;
        if marks > 0 {
            self.marks.set(self.marks.get() + marks);
            self.changed.notify_one();
        }
        let begun = usize::from(kept.last() == MARK.last() && !kept.ends_with(MARK));
        kept.drain(..kept.len() - begun);
    }
}

impl WireReaders {
    /// Connects readers of the bench's room, and waits until the effects of their joins are over.
    pub fn connect(address: SocketAddr, count: usize, wire: Wire, certificate: &Certificate) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("the kernel has epoll");
        let (tasks, heard) = (LocalSet::new(), Rc::<Heard>::default());
        let client = certificate.client(if wire == Wire::Http2 { "h2" } else { "http/1.1" });
        tasks.block_on(&runtime, async {
            for number in 0..count {
                let socket = TcpStream::connect(address).await.expect("the server takes connections");
                let (client, heard) = (client.clone(), Rc::clone(&heard));
                tokio::task::spawn_local(follow(socket, wire, client, heard));
                if number % 64 == 63 {
                    tokio::task::yield_now().await;
                }
            }
            while heard.opened.get() < count as u64 {
                timeout(PATIENCE, heard.changed.notified()).await.expect("a stream has not opened");
            }
            tokio::time::sleep(SETTLE).await;
        });
        heard.marks.set(0);
        Self { runtime, tasks, heard, count: count as u64 }
    }

    /// Reads until every reader has this number of marked messages.
    pub fn receive(&self, messages: u64) {
        let all = messages * self.count;
        self.tasks.block_on(&self.runtime, async {
            while self.heard.marks.get() < all {
                timeout(PATIENCE, self.heard.changed.notified()).await.expect("a delivery never came");
            }
        });
        assert_eq!(self.heard.marks.replace(0), all, "a message came twice");
    }
}

async fn follow(socket: TcpStream, wire: Wire, client: TlsConnector, heard: Rc<Heard>) {
    let name = ServerName::try_from(NAME).expect("it is a name");
    match wire {
        Wire::Plain => by_http1(socket, &heard).await,
        Wire::Tls => by_http1(client.connect(name, socket).await.expect("a handshake"), &heard).await,
        Wire::Http2 => {
            let socket = client.connect(name, socket).await.expect("a handshake");
            let mut builder = h2::client::Builder::new();
            builder.initial_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
            let (requests, connection) = builder.handshake::<_, Bytes>(socket).await.expect("HTTP/2");
            tokio::task::spawn_local(connection);
            let request = hyper::Request::get(format!("https://{NAME}{API_STREAM}")).body(());
            let mut requests = requests.ready().await.expect("it takes a request");
            let sent = requests.send_request(request.expect("it is one"), true).expect("it is sent");
            let mut body = sent.0.await.expect("an answer").into_body();
            opened(&heard);
            let mut kept = Vec::new();
            while let Some(Ok(bytes)) = body.data().await {
                heard.take(&mut kept, &bytes);
                let _ = body.flow_control().release_capacity(bytes.len());
            }
        }
    }
}

async fn by_http1(mut socket: impl AsyncRead + tokio::io::AsyncWrite + Unpin, heard: &Heard) {
    let request = format!("GET {API_STREAM} HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("it takes requests");
    let mut bytes = vec![0; READ_BYTES];
    let mut kept = Vec::new();
    let mut is_open = false;
    loop {
        match socket.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => heard.take(&mut kept, &bytes[..count]),
        }
        if !is_open {
            is_open = true;
            opened(heard);
        }
    }
}

fn opened(heard: &Heard) {
    heard.opened.set(heard.opened.get() + 1);
    heard.changed.notify_one();
}
