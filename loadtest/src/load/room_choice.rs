//! The choice of the room for a reader or a message.
//!
//! It depends only on the number of the reader or message, so two runs have the same load. Even: in turn.
//! Zipf: the second room gets half of what the first gets, the third a third, as real rooms do.

use clap::ValueEnum;

/// Distribution of readers and messages over the rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spread {
    /// The same for every room
    Even,
    /// The room of rank n gets 1/n of what the first gets
    Zipf,
}

/// Steps of this length fill an interval evenly, for any number of steps: one over the golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The weights of the rooms of a run.
#[derive(Debug)]
pub struct RoomChoice {
    rooms: usize,
    /// Zipf: the sum of the shares of all rooms up to each, ending with 1. Even: empty.
    cumulative: Vec<f64>,
}

impl RoomChoice {
    /// Creates the choice between this number of rooms.
    pub fn new(spread: Spread, rooms: usize) -> Self {
        let mut cumulative = Vec::new();
        if spread == Spread::Zipf {
            let mut sum = 0.0;
            cumulative.extend((1..=rooms).map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            }));
            for share in &mut cumulative {
                *share /= sum;
            }
        }
        Self { rooms, cumulative }
    }

    /// Returns the room of the reader or message with this number.
    pub fn room(&self, number: u64) -> usize {
        if self.cumulative.is_empty() {
            return usize::try_from(number % self.rooms as u64)
                .expect("a remainder fits what it was taken by");
        }
        let point = (number as f64 * GOLDEN).fract();
        self.cumulative.partition_point(|&share| share <= point).min(self.rooms - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(spread: Spread, rooms: usize, numbers: u64) -> Vec<u64> {
        let choice = RoomChoice::new(spread, rooms);
        let mut filled = vec![0; rooms];
        for number in 0..numbers {
            filled[choice.room(number)] += 1;
        }
        filled
    }

    #[test]
    fn evenly_every_room_gets_the_same() {
        assert_eq!(filled(Spread::Even, 4, 400), [100; 4]);
    }

    #[test]
    fn by_zipf_each_room_gets_its_share_of_what_the_first_gets() {
        let filled = filled(Spread::Zipf, 10, 10_000);
        for (rank, count) in (1u64..).zip(&filled) {
            assert!((filled[0] / rank).abs_diff(*count) <= 20, "{filled:?}");
        }
    }
}
