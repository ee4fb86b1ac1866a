//! The unfinished answers that were stopped a while ago, here or at another node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answer::UnfinishedAnswer;
use crate::event::{Position, RoomName};
use crate::room::signals::SIGNAL_INTERVAL;

/// A stop is told once a second for this long.
const STOP_TOLD_FOR: Duration = Duration::from_secs(5);
/// It is remembered for this long: the answer's author may say more, at any node.
const STOP_LASTS: Duration = Duration::from_mins(10);
/// Most stops that are remembered. One more takes the place of the oldest.
const STOPS_MAX: usize = 4_096;
/// Most stops of one message.
pub(super) const STOPS_TOLD_MAX: usize = 256;

/// An unfinished answer that somebody stopped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoppedAnswer {
    /// Its room.
    pub room: RoomName,
    /// The position of the message that it was to answer.
    pub reply_to: Position,
    /// The id of its author.
    pub author_id: Arc<str>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Stops(HashMap<StoppedAnswer, Known>);

struct Known {
    since: Instant,
    /// When it is told next, if it was made here.
    due: Option<Instant>,
}

impl Stops {
    /// Takes a stop that was made here.
    pub fn make(&mut self, stop: StoppedAnswer, now: Instant) {
        self.put(stop, Known { since: now, due: Some(now) });
    }

    /// Takes a stop of another node. Returns true if it is new.
    pub fn hear(&mut self, stop: &StoppedAnswer, now: Instant) -> bool {
        let is_new = !self.has(stop);
        if is_new {
            self.put(stop.clone(), Known { since: now, due: None });
        }
        is_new
    }

    fn put(&mut self, stop: StoppedAnswer, known: Known) {
        if self.0.len() >= STOPS_MAX
            && let Some(oldest) =
                self.0.iter().min_by_key(|(_, known)| known.since).map(|(stop, _)| stop.clone())
        {
            self.0.remove(&oldest);
        }
        self.0.insert(stop, known);
    }

    /// Returns the stops that are to be told now.
    pub fn due(&mut self, now: Instant) -> Vec<StoppedAnswer> {
        let mut stops = Vec::new();
        for (stop, known) in &mut self.0 {
            let is_over = now.saturating_duration_since(known.since) >= STOP_TOLD_FOR;
            if known.due.is_some_and(|due| due <= now) && !is_over && stops.len() < STOPS_TOLD_MAX {
                known.due = Some(now + SIGNAL_INTERVAL);
                stops.push(stop.clone());
            }
        }
        stops
    }

    pub fn has(&self, stop: &StoppedAnswer) -> bool {
        self.0.contains_key(stop)
    }

    /// Returns true if an answer was stopped.
    pub fn have(&self, room: &RoomName, answer: &UnfinishedAnswer) -> bool {
        let UnfinishedAnswer { author, reply_to, .. } = answer;
        let stop = || StoppedAnswer { room: room.clone(), reply_to: *reply_to, author_id: author.id.clone() };
        !self.0.is_empty() && self.has(&stop())
    }

    pub fn expire(&mut self, now: Instant) {
        self.0.retain(|_, known| now.saturating_duration_since(known.since) < STOP_LASTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(reply_to: Position) -> StoppedAnswer {
        StoppedAnswer { room: RoomName::new("lobby").unwrap(), reply_to, author_id: "b_bot".into() }
    }

    #[test]
    fn a_stop_is_told_once_a_second_by_the_node_that_made_it_until_it_is_over() {
        let (mut stops, start) = (Stops::default(), Instant::now());
        stops.make(stop(1), start);
        assert!(stops.hear(&stop(2), start));
        assert!(!stops.hear(&stop(2), start), "it is known");
        assert_eq!(stops.due(start), [stop(1)]);
        assert_eq!(stops.due(start + SIGNAL_INTERVAL / 2), []);
        assert_eq!(stops.due(start + SIGNAL_INTERVAL), [stop(1)]);
        assert_eq!(stops.due(start + STOP_TOLD_FOR), []);
        stops.expire(start + STOP_TOLD_FOR);
        assert!(stops.has(&stop(1)) && stops.has(&stop(2)), "they are remembered");
        stops.expire(start + STOP_LASTS);
        assert!(stops.0.is_empty());
    }

    #[test]
    fn stops_have_a_bound() {
        let (mut stops, start) = (Stops::default(), Instant::now());
        for position in 0..STOPS_MAX as u64 {
            stops.make(stop(position), start + Duration::from_millis(position));
        }
        assert!(stops.hear(&stop(Position::MAX), start + STOP_TOLD_FOR));
        assert_eq!((stops.0.len(), stops.has(&stop(0)), stops.has(&stop(1))), (STOPS_MAX, false, true));
        assert_eq!(stops.due(start + STOP_TOLD_FOR / 2).len(), STOPS_TOLD_MAX);
    }
}
