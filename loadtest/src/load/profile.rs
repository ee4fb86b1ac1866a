//! Named loads: the defaults of a run, which each flag can override.

use std::time::Duration;

use clap::ValueEnum;

use crate::load::rate::Rate;
use crate::load::room_choice::Spread;

/// A load by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// 10 seconds of everything, more than 10,000 verified deliveries: for every change
    Smoke,
    /// 1,000 readers in one room, 50 messages a second
    Lobby,
    /// 5,000 readers in 1,000 rooms, most of them in a few
    Town,
    /// 2,000 readers that lose their connections all at once, again and again
    Storm,
    /// 8 hours of a bit of everything
    Soak,
    /// Innocent clients, and one greedy attacker after the other beside them
    Greedy,
}

/// The amount of load.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Readers that join before the first message and follow to the last.
    pub readers: usize,
    /// Readers that come, read the history, leave and resume with their last id.
    pub visitors: usize,
    /// Readers that read slowly, or stop.
    pub slow_readers: usize,
    /// Rooms, all of them fresh.
    pub rooms: u64,
    /// Distribution of readers and messages over the rooms.
    pub spread: Spread,
    /// Rate of the messages.
    pub rate: Rate,
    /// Senders.
    pub senders: usize,
    /// Time for which messages are sent.
    pub duration: Duration,
    /// Bytes of a message's content.
    pub size: u64,
    /// Interval at which all readers lose their connection.
    pub storm_every: Option<Duration>,
}

impl Load {
    /// Returns the load of a profile; without one, a lobby of ten seconds.
    pub fn of(profile: Option<Profile>) -> Self {
        let base = Self {
            readers: 1000,
            visitors: 0,
            slow_readers: 0,
            rooms: 1,
            spread: Spread::Even,
            rate: Rate::PerSecond(50.0),
            senders: 8,
            duration: Duration::from_secs(10),
            size: 200,
            storm_every: None,
        };
        match profile {
            // The profile has participants of its own.
            None | Some(Profile::Greedy) => base,
            Some(Profile::Lobby) => Self { duration: Duration::from_secs(30), ..base },
            Some(Profile::Smoke) => Self {
                readers: 60,
                visitors: 9,
                slow_readers: 6,
                rooms: 3,
                rate: Rate::PerSecond(100.0),
                senders: 6,
                storm_every: Some(Duration::from_secs(3)),
                ..base
            },
            Some(Profile::Town) => Self {
                readers: 5000,
                visitors: 200,
                slow_readers: 50,
                rooms: 1000,
                spread: Spread::Zipf,
                rate: Rate::PerSecond(200.0),
                senders: 32,
                duration: Duration::from_mins(1),
                ..base
            },
            Some(Profile::Storm) => Self {
                readers: 2000,
                rooms: 10,
                duration: Duration::from_mins(1),
                storm_every: Some(Duration::from_secs(10)),
                ..base
            },
            Some(Profile::Soak) => Self {
                visitors: 50,
                slow_readers: 20,
                rooms: 100,
                spread: Spread::Zipf,
                rate: Rate::PerSecond(20.0),
                duration: Duration::from_hours(8),
                storm_every: Some(Duration::from_mins(10)),
                ..base
            },
        }
    }

    /// Returns the number of readers of all kinds.
    pub fn streams(&self) -> usize {
        self.readers + self.visitors + self.slow_readers
    }
}
