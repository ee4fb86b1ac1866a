//! `GET /admin/backup`: the log as JSON lines, read from it in short pieces while people talk.

use crate::app::Worker;
use crate::drain::Drain;
use crate::export_format::{self, Header};
use crate::http::{self, Body, Chunks, Response};
use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use millchat::log::Piece;
use millchat::{Chat, ReadError, Snapshot};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The log, with its signing key.
pub fn send(w: &Worker) -> Response {
    tracing::info!("a backup begins");
    let mut response = Response::new(Body::Chunks(Box::new(Lines::new(&w.app.chat, &w.app.drain))));
    for (name, value) in [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")]
    {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}

type Reading = Pin<Box<dyn Future<Output = (Snapshot, Result<Option<Piece>, ReadError>)> + Send>>;

/// The body of a backup. It ends without its last line when the log cannot be read or the process ends.
pub struct Lines {
    /// Once it is raised the body ends.
    drain: Arc<Drain>,
    /// What is ready to be sent.
    ready: Option<Vec<u8>>,
    /// The piece being read; `None` once all was sent.
    reading: Option<Reading>,
    records: u64,
}

impl Lines {
    fn new(chat: &Chat, drain: &Arc<Drain>) -> Self {
        let copying = chat.snapshot();
        let key = Some(chat.signing_key());
        let header = Header::new(chat.epoch(), copying.floor(), copying.head(), key);
        let mut ready = Vec::new();
        header.write(&mut ready);
        Self { drain: Arc::clone(drain), ready: Some(ready), reading: Some(read(copying)), records: 0 }
    }
}

impl Chunks for Lines {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.drain.is_raised() {
            return Poll::Ready(None);
        }
        if let Some(ready) = self.ready.take() {
            return Poll::Ready(Some(ready.into()));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let Poll::Ready((copying, piece)) = reading.as_mut().poll(cx) else { return Poll::Pending };
        self.reading = None;
        let mut out = Vec::new();
        let written = match piece {
            Ok(Some(piece)) => export_format::write_piece(&piece, |_| true, &mut out).map(|records| {
                self.records += records;
                self.reading = Some(read(copying));
            }),
            Ok(None) => {
                export_format::write_end(self.records, copying.head(), &mut out);
                tracing::info!(records = self.records, "a backup is whole");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a backup ends: the log cannot be read");
                return Poll::Ready(None);
            }
        };
        if let Err(error) = written {
            tracing::error!(%error, "a backup ends: the log is damaged");
            return Poll::Ready(None);
        }
        Poll::Ready(Some(out.into()))
    }
}

fn read(mut copying: Snapshot) -> Reading {
    Box::pin(async move {
        let piece = copying.next().await;
        (copying, piece)
    })
}
