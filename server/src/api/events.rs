//! The stream of a room for programs: any plain `EventSource` can follow it.
//!
//! Here are its opening, the event for a gap, and its heartbeat; the frames are made in
//! [`crate::sse::frame`], and what drives it all is [`crate::sse::stream`].

use millchat::{EventId, GapReason, Opened, Opening, Position, RoomName};

use super::parameters;
use super::ticket::TICKET;
use crate::access::denial::Denial;
use crate::follow;
use crate::identity::TokenError;
use crate::problem::{Answer, Kind};
use crate::route_table::{Call, Decision};
use crate::schema::{Denied, Gap, Reset, Start};
use crate::sse::frame;
use crate::sse::start::{HISTORY, is_place};
use crate::sse::stream;

/// Follow a room: what happened after a place, then what happens.
///
/// Where everybody may read, a token is not needed: with a good one presence names the reader; with any other the
/// stream says so, and the reader is counted.
pub async fn follow(Call { w, req, .. }: Call<'_>, room: RoomName, decided: Decision) -> Answer {
    let is_known = |name: &str| [HISTORY, TICKET].contains(&name) || is_place(name);
    parameters::refuse_unknown(req.uri().query(), is_known, "last_event_id, history and ticket")?;
    Ok(follow::respond(w, &req, &room, (decided, true), (w.app.frames.json, SseFormat)).await)
}

/// Everything that the API's stream says besides its frames.
struct SseFormat;

impl stream::SseFormat for SseFormat {
    fn opening(&self, opened: &Opened, out: &mut Vec<u8>) {
        let id = Some(opened.id);
        match opened.opening {
            Opening::Start => {
                let data = Start { position: opened.id.position, head: opened.head, floor: opened.floor };
                frame::write(out, "start", id, &data);
            }
            Opening::Gap { from, to } => {
                let reason = GapReason::of(from, opened.floor).as_str();
                frame::write(out, "gap", id, &Gap { from, to, reason });
            }
            Opening::Reset(reason) => {
                let data = Reset { epoch: opened.id.epoch.to_string(), reason: reason.as_str() };
                frame::write(out, "reset", id, &data);
            }
        }
    }

    fn gap(&self, from: Position, reason: GapReason, place: EventId, _closed: bool, out: &mut Vec<u8>) {
        let data = Gap { from, to: place.position, reason: reason.as_str() };
        frame::write(out, "gap", Some(place), &data);
    }

    fn heartbeat(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b":\n\n");
    }

    fn denied(&self, denial: &Denial, out: &mut Vec<u8>) {
        frame::write(out, "denied", None, &Denied { reason: denial.kind().name() });
    }

    fn nobody(&self, why: TokenError, out: &mut Vec<u8>) {
        frame::write(out, "nobody", None, &Denied { reason: Kind::from(why).name() });
    }
}

#[cfg(test)]
mod tests {
    use millchat::{Epoch, Opened, ResetReason};

    use super::*;
    use crate::sse::stream::SseFormat as _;

    #[test]
    fn the_stream_opens_with_its_place() {
        let place = EventId { epoch: Epoch(0x5f3c_9a2e), position: 1188 };
        for (opening, floor, expected) in [
            (
                Opening::Start,
                1,
                "event: start\nid: 5f3c9a2e-1188\ndata: {\"position\":1188,\"head\":1207,\"floor\":1}\n\n",
            ),
            (
                Opening::Gap { from: 3, to: 1188 },
                1189,
                "event: gap\nid: 5f3c9a2e-1188\ndata: {\"from\":3,\"to\":1188,\"reason\":\"retention\"}\n\n",
            ),
            (
                Opening::Gap { from: 3, to: 1188 },
                4,
                "event: gap\nid: 5f3c9a2e-1188\ndata: {\"from\":3,\"to\":1188,\"reason\":\"damage\"}\n\n",
            ),
            (
                Opening::Reset(ResetReason::Ahead),
                1,
                "event: reset\nid: 5f3c9a2e-1188\ndata: {\"epoch\":\"5f3c9a2e\",\"reason\":\"ahead\"}\n\n",
            ),
        ] {
            let mut out = Vec::new();
            let opened = Opened { opening, id: place, head: 1207, floor, is_closed: false };
            SseFormat.opening(&opened, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
