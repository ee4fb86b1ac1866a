//! The plan of a run: the settings, the server, the rooms, and which reader reads where.

use std::iter::Sum;
use std::time::Instant;

use millchat::RoomName;

use crate::check::stamp::Clock;
use crate::load::rate::Rate;
use crate::load::role::Role;
use crate::load::room_choice::RoomChoice;
use crate::server_api::target::Target;
use crate::settings::Settings;

/// The readers that the goose users of one scenario carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// [`Role::Reader`].
    Readers,
    /// [`Role::Visitor`].
    Visitors,
    /// [`Role::Slow`] and [`Role::Stopped`].
    SlowReaders,
}

/// The fixed parts of a run.
pub struct Plan {
    /// A random number that the run's messages carry.
    pub id: u32,
    /// The settings of the command line.
    pub settings: Settings,
    /// The server.
    pub target: Target,
    /// The server's process, or those of all nodes, as far as they are known.
    pub pids: Vec<u32>,
    /// The rooms, none of which existed before.
    pub rooms: Vec<RoomName>,
    /// Assigns readers and messages to the rooms.
    pub room_choice: RoomChoice,
    /// The clock that messages are stamped by.
    pub clock: Clock,
}

impl Plan {
    /// Plans a run against this server, in fresh rooms.
    pub fn new(settings: Settings, target: Target, pids: Vec<u32>) -> Self {
        let id: u32 = rand::random();
        let name =
            |number| RoomName::new(&format!("load-{id:08x}-{number}")).expect("such a name obeys the rule");
        let rooms: Vec<RoomName> = (0..settings.load.rooms).map(name).collect();
        Self {
            id,
            target,
            pids,
            room_choice: RoomChoice::new(settings.load.spread, rooms.len()),
            rooms,
            settings,
            clock: Clock { origin: Instant::now() },
        }
    }

    /// Returns the sum of a figure of the server's processes; `None` when one of them has none.
    pub fn of_processes<T: Sum>(&self, figure: impl Fn(u32) -> Option<T>) -> Option<T> {
        if self.pids.is_empty() { None } else { self.pids.iter().map(|&pid| figure(pid)).sum() }
    }

    /// Returns the number of senders that take part.
    pub fn senders(&self) -> usize {
        if self.settings.load.rate == Rate::Idle { 0 } else { self.settings.load.senders }
    }

    /// Returns the number of goose users that carry the readers of this group.
    pub fn users(&self, group: Group) -> usize {
        let load = &self.settings.load;
        match group {
            Group::Readers => load.readers.min(std::thread::available_parallelism().map_or(1, usize::from)),
            Group::Visitors => load.visitors.min(1),
            Group::SlowReaders => load.slow_readers.min(1),
        }
    }

    /// Returns the number of goose users that carry readers of any kind.
    pub fn stream_users(&self) -> usize {
        [Group::Readers, Group::Visitors, Group::SlowReaders].iter().map(|&group| self.users(group)).sum()
    }

    /// Returns the readers that the goose user with this number in the group carries: number, room and role
    /// of each.
    pub fn readers(&self, group: Group, user: usize) -> Vec<(usize, usize, Role)> {
        let load = &self.settings.load;
        let (first, count) = match group {
            Group::Readers => (0, load.readers),
            Group::Visitors => (load.readers, load.visitors),
            Group::SlowReaders => (load.readers + load.visitors, load.slow_readers),
        };
        let role = |number: usize| match group {
            Group::Readers => Role::Reader,
            Group::Visitors => Role::Visitor,
            Group::SlowReaders if number.is_multiple_of(2) => Role::Slow,
            Group::SlowReaders => Role::Stopped,
        };
        let numbers = (first + user..first + count).step_by(self.users(group).max(1));
        numbers.map(|number| (number, self.room_choice.room((number - first) as u64), role(number))).collect()
    }
}
