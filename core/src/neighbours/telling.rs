//! The rooms of this node as they were told to the others, and what is to be told next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::event::Position;
use crate::neighbours::stops::StoppedAnswer;
use crate::neighbours::wire::{ROOMS_PER_MESSAGE_MAX, Writing};
use crate::room::elsewhere::RoomSignals;
use crate::room::encoder::Presence;
use crate::room::live::Room;
use crate::room::signals::SIGNAL_INTERVAL;

/// Most rooms of which a node tells its readers. Of others they are shown at that node only, until there is a place.
pub(super) const ROOMS_TOLD_MAX: usize = 1_024;
/// Most further rooms of which it tells who types, and unfinished answers.
pub(super) const ROOMS_BUSY_MAX: usize = 1_024;
/// A room that has not changed is repeated after this time.
const REPEAT_EVERY: Duration = Duration::from_secs(2);

/// See the module. It belongs to the housekeeping thread.
#[derive(Default)]
pub(crate) struct Telling {
    /// By the rooms' numbers: those that were told, and those that were touched since the last message. No more than there
    /// are in memory.
    rooms: HashMap<u64, Telt>,
}

struct Telt {
    room: Arc<Room>,
    /// The signals that were told last, and when.
    told: Option<(RoomSignals, Instant)>,
    /// It was touched since.
    is_touched: bool,
}

impl Telt {
    /// Returns true if its readers take one of the places.
    fn has_place(&self) -> bool {
        self.told.as_ref().is_some_and(|(told, _)| told.presence.count > 0)
    }

    fn is_due(&self, now: Instant) -> bool {
        let interval = if self.is_touched { SIGNAL_INTERVAL } else { REPEAT_EVERY };
        self.told.as_ref().is_none_or(|(_, at)| now.saturating_duration_since(*at) >= interval)
    }
}

impl Telling {
    /// Notes that something of a room may have changed.
    pub fn touch(&mut self, room: &Arc<Room>) {
        let telt = || Telt { room: room.clone(), told: None, is_touched: false };
        self.rooms.entry(room.number).or_insert_with(telt).is_touched = true;
    }

    /// Makes a message of what is due, if there is anything: what was told the longest time ago comes first. `published`
    /// is a position of the log whose events have passed all rooms.
    pub fn message(&mut self, published: Position, stops: &[StoppedAnswer], now: Instant) -> Option<Bytes> {
        let mut writing = Writing::new(published, stops);
        let mut due: Vec<_> = self.rooms.iter().filter(|(_, telt)| telt.is_due(now)).collect();
        due.sort_unstable_by_key(|(_, telt)| telt.told.as_ref().map(|(_, at)| *at));
        let due: Vec<u64> = due.into_iter().map(|(number, _)| *number).collect();
        let mut places = self.rooms.values().filter(|telt| telt.has_place()).count();
        let mut busy = self.rooms.values().filter(|telt| telt.told.is_some() && !telt.has_place()).count();
        for number in due {
            if writing.rooms() >= ROOMS_PER_MESSAGE_MAX || writing.is_full() {
                break;
            }
            let Some(telt) = self.rooms.get_mut(&number) else { continue };
            let (had_place, was_told) = (telt.has_place(), telt.told.is_some());
            places -= usize::from(had_place);
            busy -= usize::from(was_told && !had_place);
            let mut signals = telt.room.signals.here();
            if places >= ROOMS_TOLD_MAX {
                signals.presence = Presence::default();
            }
            if signals.presence.count == 0 && busy >= ROOMS_BUSY_MAX {
                signals = RoomSignals::default();
            }
            telt.is_touched = false;
            let is_new = match &telt.told {
                Some((told, at)) => *told != signals || now.saturating_duration_since(*at) >= REPEAT_EVERY,
                None => !signals.is_empty(),
            };
            if is_new {
                writing.room(&telt.room.name, &signals);
            }
            if signals.is_empty() {
                self.rooms.remove(&number);
                continue;
            }
            if is_new {
                telt.told = Some((signals, now));
            }
            places += usize::from(telt.has_place());
            busy += usize::from(!telt.has_place());
        }
        writing.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Author, AuthorKind, RoomName};
    use crate::neighbours::wire::{Told, decode};

    fn room(number: u64) -> Arc<Room> {
        Arc::new(Room::new(RoomName::new(&format!("room-{number}")).unwrap(), number, &Arc::default()))
    }

    fn author(id: &str) -> Author {
        Author { id: id.into(), name: id.into(), kind: AuthorKind::Guest }
    }

    /// The rooms of the next message: their names, readers, and those who type.
    fn told(telling: &mut Telling, now: Instant) -> Vec<(String, usize, usize)> {
        let Some(message) = telling.message(7, &[], now) else { return Vec::new() };
        let Ok(Told { published: 7, rooms, .. }) = decode(&message) else { panic!("it is readable") };
        let row = |(name, signals): (RoomName, RoomSignals)| {
            (name.as_str().to_owned(), signals.presence.count, signals.typing.len())
        };
        rooms.into_iter().map(row).collect()
    }

    #[test]
    fn a_room_is_told_when_it_changes_once_a_second_at_most_and_repeated() {
        let (mut telling, room, start) = (Telling::default(), room(1), Instant::now());
        telling.touch(&room);
        assert_eq!(told(&mut telling, start), [], "nobody is there");
        room.signals.enter(Some(&author("ada")));
        telling.touch(&room);
        assert_eq!(told(&mut telling, start), [("room-1".into(), 1, 0)]);
        room.signals.enter(None);
        telling.touch(&room);
        assert_eq!(told(&mut telling, start + SIGNAL_INTERVAL / 2), []);
        let second = start + SIGNAL_INTERVAL;
        assert_eq!(told(&mut telling, second), [("room-1".into(), 2, 0)]);
        telling.touch(&room);
        assert_eq!(told(&mut telling, second + SIGNAL_INTERVAL), [], "it is the same");
        assert_eq!(told(&mut telling, second + REPEAT_EVERY), [("room-1".into(), 2, 0)]);
        room.signals.leave(None);
        room.signals.leave(Some(&author("ada")));
        telling.touch(&room);
        assert_eq!(
            told(&mut telling, second + 2 * REPEAT_EVERY),
            [("room-1".into(), 0, 0)],
            "they are told to be gone"
        );
        assert!(telling.rooms.is_empty() && Arc::strong_count(&room) == 1);
    }

    #[test]
    fn of_more_rooms_than_are_told_those_that_were_first_keep_their_places_and_typing_is_told_of_all() {
        let (mut telling, mut now) = (Telling::default(), Instant::now());
        let rooms: Vec<_> = (0..ROOMS_TOLD_MAX as u64 + 9).map(room).collect();
        for room in &rooms {
            room.signals.enter(None);
            telling.touch(room);
        }
        let first = told(&mut telling, now);
        assert_eq!(first.len(), ROOMS_PER_MESSAGE_MAX);
        assert_eq!(told(&mut telling, now), [], "the others have no place");
        let without =
            rooms.iter().find(|room| first.iter().all(|(name, ..)| name != room.name.as_str())).unwrap();
        without.signals.type_now(&author("ada"));
        telling.touch(without);
        assert_eq!(told(&mut telling, now), [(without.name.as_str().to_owned(), 0, 1)]);
        now += REPEAT_EVERY;
        let mut names = |now| told(&mut telling, now).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        let mut again = names(now);
        again.extend(names(now));
        again.retain(|name| name != without.name.as_str());
        let mut first: Vec<_> = first.into_iter().map(|(name, ..)| name).collect();
        first.sort_unstable();
        again.sort_unstable();
        assert_eq!(again, first);
    }
}
