//! The kinds of reaction: what one can react to a message with.
//!
//! A reaction is a logged event that adds one of a few kinds to a message or takes it back. An author has
//! each kind once at most: a repeated request gets a receipt and makes no event.

use std::fmt;
use std::str::FromStr;

/// A kind of reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reaction {
    /// 👍
    ThumbsUp,
    /// ❤️
    Heart,
    /// 😂
    Joy,
    /// 🎉
    Party,
    /// 😮
    Surprise,
    /// 😢
    Tears,
}

/// The text is none of the reactions that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reaction is one of 👍 ❤️ 😂 🎉 😮 😢")]
pub struct UnknownReaction;

impl Reaction {
    /// All that there are, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::ThumbsUp, Self::Heart, Self::Joy, Self::Party, Self::Surprise, Self::Tears];

    /// The emoji.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThumbsUp => "👍",
            Self::Heart => "❤️",
            Self::Joy => "😂",
            Self::Party => "🎉",
            Self::Surprise => "😮",
            Self::Tears => "😢",
        }
    }

    /// Its number in records: never changes, and is never used for another.
    pub fn number(self) -> u8 {
        match self {
            Self::ThumbsUp => 1,
            Self::Heart => 2,
            Self::Joy => 3,
            Self::Party => 4,
            Self::Surprise => 5,
            Self::Tears => 6,
        }
    }

    /// The one of this number; `None` for one that a newer release knows.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reaction| reaction.number() == number)
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reaction {
    type Err = UnknownReaction;

    /// Reads the emoji; the variation selector, which some keyboards leave out, does not count.
    fn from_str(text: &str) -> Result<Self, UnknownReaction> {
        let bare = |text: &str| text.replace('\u{fe0f}', "");
        let same = |reaction: &Self| bare(reaction.as_str()) == bare(text);
        Self::ALL.into_iter().find(same).ok_or(UnknownReaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reaction_is_known_by_its_emoji_and_its_number() {
        for reaction in Reaction::ALL {
            assert_eq!(reaction.as_str().parse(), Ok(reaction));
            assert_eq!(Reaction::of_number(reaction.number()), Some(reaction));
        }
        assert_eq!("\u{2764}".parse(), Ok(Reaction::Heart), "without its variation selector");
        for other in ["", "👎", "👍👍", "👍 ", "+1", "\u{fe0f}"] {
            assert_eq!(other.parse::<Reaction>(), Err(UnknownReaction), "{other:?}");
        }
        assert_eq!((Reaction::of_number(0), Reaction::of_number(7)), (None, None));
    }
}
