//! Following rooms: a request is answered by a stream of events. The API's stream and the page's begin here.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use millchat::{Author, FrameKind, ReadError, RoomName, StartFrom};

use crate::app::Worker;
use crate::client_ip::{Client, client};
use crate::http::{self, Body, EventStream as _, Response};
use crate::limit::Limited;
use crate::log_throttle::LogThrottle;
use crate::problem::Kind;
use crate::sse::multi_room::{MultiRoomStream, RoomMarker};
use crate::sse::retry::{write_retry, write_retry_after};
use crate::sse::start::place;
use crate::sse::stream::{SseFormat, Stream};

/// Answers with a stream of the room from the place that the request names.
///
/// `reader` is whom presence shows; `None` is only counted.
pub async fn respond<B>(
    w: &Worker,
    req: &hyper::Request<B>,
    room: &RoomName,
    reader: Option<Author>,
    (kind, format): (FrameKind, impl SseFormat),
) -> Response {
    let mut response = head();
    if !http::is_head(req) {
        if let Err(limited) = w.app.limits.read(req) {
            return refuse(&limited);
        }
        let _turn = w.app.turns.join(req).await;
        *response.body_mut() =
            match begin(w, room, place(req, w.app.chat.epoch()), (reader, client(req)), (kind, format)).await
            {
                Ok(stream) => Body::Events(Box::new(stream)),
                Err(sorry) => Body::Full(Some(sorry)),
            };
    }
    response
}

/// The same of several rooms, each from its own place, as one body. It costs as much as a stream for each
/// room, and counts as much.
pub async fn respond_several<B>(
    w: &Worker,
    req: &hyper::Request<B>,
    rooms: Vec<(RoomName, StartFrom)>,
    reader: Option<Author>,
    (kind, format, mark): (FrameKind, impl SseFormat + Copy, RoomMarker),
) -> Response {
    let mut response = head();
    if http::is_head(req) {
        return response;
    }
    if let Err(limited) = w.app.limits.read(req) {
        return refuse(&limited);
    }
    let _turn = w.app.turns.join(req).await;
    let mut streams = Vec::with_capacity(rooms.len());
    for (room, from) in rooms {
        // The first room is counted as the connection or the request that brought it.
        let permit = if streams.is_empty() { Ok(None) } else { w.app.limits.room(req) };
        let permit = match permit {
            Ok(permit) => permit,
            Err(limited) => return refuse(&limited),
        };
        match begin(w, &room, from, (reader.clone(), client(req)), (kind, format)).await {
            Ok(mut stream) => {
                if let Some(permit) = permit {
                    stream.keep(permit);
                }
                streams.push((room, stream));
            }
            Err(sorry) => {
                *response.body_mut() = Body::Full(Some(sorry));
                return response;
            }
        }
    }
    *response.body_mut() = Body::Events(Box::new(MultiRoomStream::new(streams, mark)));
    response
}

/// The answer to a request for a stream that is one too many: a stream that ends at once. An `EventSource`
/// that gets anything but 200 does not come back.
pub fn refuse(limited: &Limited) -> Response {
    let mut sorry = format!(": {}: {limited}\n", Kind::RateLimited.name()).into_bytes();
    write_retry_after(limited.retry_after_seconds(), &mut sorry);
    let mut response = head();
    *response.body_mut() = Body::Full(Some(sorry.into()));
    // By which it is counted.
    response.extensions_mut().insert(Kind::RateLimited);
    response
}

fn head() -> Response {
    let mut response = http::empty(StatusCode::OK);
    for (name, value) in [
        (header::CONTENT_TYPE, http::EVENT_STREAM),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}

/// Joins the room; when that cannot be, gives what is said instead of a stream.
async fn begin(
    w: &Worker,
    room: &RoomName,
    from: StartFrom,
    reader: (Option<Author>, Client),
    (kind, format): (FrameKind, impl SseFormat),
) -> Result<Stream, Bytes> {
    static LOGGED: LogThrottle = LogThrottle::new();
    let error = match w.subscribe(kind, room, from, reader).await {
        Ok(subscription) => return Ok(Stream::new(&w.app.metrics, &w.app.drain, subscription, format)),
        Err(error) => error,
    };
    if !matches!(error, ReadError::Busy) && LOGGED.is_due() {
        tracing::error!(%error, "a stream cannot begin");
    }
    w.app.metrics.error(Kind::LogUnreadable.name());
    let kind = if matches!(error, ReadError::Busy) { Kind::Busy } else { Kind::LogUnreadable };
    let mut sorry = format!(": {}: the log cannot be read now\n", kind.name()).into_bytes();
    write_retry(&mut sorry);
    Err(sorry.into())
}
