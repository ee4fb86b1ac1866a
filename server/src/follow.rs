//! Following rooms: a request is answered by a stream of events. The API's stream and the page's begin here.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use millchat::{FrameKind, RoomName, StartFrom};

use crate::access::authority::Allowed;
use crate::access::denial::Denial;
use crate::access::guard::Guard;
use crate::app::Worker;
use crate::client_ip::{Client, client};
use crate::http::{self, Body, EventStream as _, Response};
use crate::limit::Limited;
use crate::log_throttle::LogThrottle;
use crate::problem::Kind;
use crate::route_table::Decision;
use crate::sse::multi_room::{MultiRoomStream, RoomMarker};
use crate::sse::retry::{write_retry, write_retry_after, write_retry_denied};
use crate::sse::start::place;
use crate::sse::stream::{SseFormat, Stream};

/// Answers with a stream of the room from the place that the request names.
///
/// `is_shown` says if presence shows the reader; else they are only counted. A reader who may not read is told
/// so by the stream itself: an `EventSource` that gets anything but 200 does not come back.
pub async fn respond<B>(
    w: &Worker,
    req: &hyper::Request<B>,
    room: &RoomName,
    (decided, is_shown): (Decision, bool),
    (kind, format): (FrameKind, impl SseFormat),
) -> Response {
    let mut response = head();
    if !http::is_head(req) {
        if let Err(limited) = w.app.limits.read(req) {
            return refuse(&limited);
        }
        let allowed = match decided {
            Ok(allowed) => allowed,
            Err(denial) => return deny(&denial, &format),
        };
        let _turn = w.app.turns.join(req).await;
        let reader = (allowed, is_shown, client(req));
        *response.body_mut() =
            match begin(w, room, place(req, w.app.chat.epoch()), reader, (kind, format)).await {
                Ok(stream) => Body::Events(Box::new(stream)),
                Err(sorry) => Body::Full(Some(sorry)),
            };
    }
    response
}

/// A room to follow beside others.
pub struct Followed {
    /// The room.
    pub room: RoomName,
    /// The place to begin at.
    pub from: StartFrom,
    /// The decision about it.
    pub decided: Decision,
}

/// The same of several rooms, each from its own place, as one body. It costs as much as a stream for each
/// room, and counts as much. A room that may not be read is told of, and the others go on.
pub async fn respond_several<B>(
    w: &Worker,
    req: &hyper::Request<B>,
    (rooms, is_shown): (Vec<Followed>, bool),
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
    let (mut streams, mut denied) = (Vec::with_capacity(rooms.len()), Vec::new());
    for Followed { room, from, decided } in rooms {
        let allowed = match decided {
            Ok(allowed) => allowed,
            Err(denial) => {
                denied.push((room, notice(&denial, &format)));
                continue;
            }
        };
        // The first room is counted as the connection or the request that brought it.
        let permit = if streams.is_empty() { Ok(None) } else { w.app.limits.room(req) };
        let permit = match permit {
            Ok(permit) => permit,
            Err(limited) => return refuse(&limited),
        };
        match begin(w, &room, from, (allowed, is_shown, client(req)), (kind, format)).await {
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
    *response.body_mut() = Body::Events(Box::new(MultiRoomStream::new(streams, denied, mark)));
    response
}

/// The answer to a request for a stream of a room that may not be read: a stream that says so and ends.
fn deny(denial: &Denial, format: &impl SseFormat) -> Response {
    let mut response = head();
    *response.body_mut() = Body::Full(Some(notice(denial, format)));
    // By which it is counted.
    response.extensions_mut().insert(denial.kind());
    response
}

fn notice(denial: &Denial, format: &impl SseFormat) -> Bytes {
    let mut out = Vec::new();
    write_retry_denied(&mut out);
    format.denied(denial, &mut out);
    out.into()
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
    (allowed, is_shown, client): (Allowed, bool, Client),
    (kind, format): (FrameKind, impl SseFormat),
) -> Result<Stream, Bytes> {
    static LOGGED: LogThrottle = LogThrottle::new();
    let is_shown = is_shown && !allowed.standing.is_banned;
    let reader = allowed.caller.author().ok().filter(|_| is_shown).cloned();
    let guard = Guard::new(&w.watch, allowed, room.clone());
    let error = match w.subscribe(kind, room, from, (reader, client)).await {
        Ok(subscription) => {
            return Ok(Stream::new((&w.app.metrics, &w.app.drain), subscription, guard, format));
        }
        Err(error) => error,
    };
    let kind = Kind::of_read(&error);
    if kind == Kind::LogUnreadable && LOGGED.is_due() {
        tracing::error!(%error, "a stream cannot begin");
    }
    w.app.metrics.error(kind.name());
    let mut sorry = format!(": {}: the log cannot be read now\n", kind.name()).into_bytes();
    write_retry(&mut sorry);
    Err(sorry.into())
}
