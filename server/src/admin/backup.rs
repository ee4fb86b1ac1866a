//! `GET /admin/backup`: the log as JSON lines, read from it in short pieces while people talk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use millchat::log::Piece;
use millchat::{Chat, ReadError, Snapshot};

use crate::drain::Drain;
use crate::export_format::{self, Header};
use crate::http::{self, Body, Chunks, Response};
use crate::route_table::Call;

/// The log, with its signing key. With `skip-damaged` in the query damaged records are left out.
pub fn send(Call { w, req, .. }: &Call<'_>) -> Response {
    tracing::info!("a backup begins");
    let mut copying = w.app.chat.snapshot();
    if http::query(req, "skip-damaged").is_some() {
        copying = copying.skip_damaged();
    }
    let mut response =
        Response::new(Body::Chunks(Box::new(BackupBody::new(&w.app.chat, copying, &w.app.drain))));
    for (name, value) in [(header::CONTENT_TYPE, http::JSON_LINES), (header::CACHE_CONTROL, "no-store")] {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}

type PendingRead = Pin<Box<dyn Future<Output = (Snapshot, Result<Option<Piece>, ReadError>)> + Send>>;

/// The body of a backup. It ends without its last line when the process ends, and with a line that says why
/// when the log cannot be read.
pub struct BackupBody {
    /// Once it is raised the body ends.
    drain: Arc<Drain>,
    /// Bytes that are ready to be sent.
    ready: Option<Vec<u8>>,
    /// The piece being read; `None` once all was sent.
    pending: Option<PendingRead>,
    records: u64,
}

impl BackupBody {
    fn new(chat: &Chat, copying: Snapshot, drain: &Arc<Drain>) -> Self {
        let key = Some(chat.signing_key());
        let mut header = Header::new(chat.epoch(), copying.floor(), copying.head(), key);
        header.skipped = copying.skipped_before();
        let mut ready = Vec::new();
        header.write(&mut ready);
        Self { drain: Arc::clone(drain), ready: Some(ready), pending: Some(read(copying)), records: 0 }
    }
}

impl Chunks for BackupBody {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.drain.is_raised() {
            return Poll::Ready(None);
        }
        if let Some(ready) = self.ready.take() {
            return Poll::Ready(Some(ready.into()));
        }
        let Some(pending) = &mut self.pending else { return Poll::Ready(None) };
        let Poll::Ready((copying, piece)) = pending.as_mut().poll(cx) else { return Poll::Pending };
        self.pending = None;
        let mut out = Vec::new();
        let written = match piece {
            Ok(Some(piece)) => {
                let written = export_format::write_piece(&piece, |_| true, &mut out);
                written.map_err(ReadError::from).map(|records| {
                    self.records += records;
                    self.pending = Some(read(copying));
                })
            }
            Ok(None) => {
                export_format::write_end(self.records, copying.head(), &mut out);
                tracing::info!(records = self.records, "a backup is whole");
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(%error, "a backup ends: the log cannot be read");
            self.pending = None;
            export_format::write_failure(&error, &mut out);
        }
        Poll::Ready(Some(out.into()))
    }
}

fn read(mut copying: Snapshot) -> PendingRead {
    Box::pin(async move {
        let piece = copying.next().await;
        (copying, piece)
    })
}
