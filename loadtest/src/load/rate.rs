//! The rate at which messages are sent.

use std::str::FromStr;

/// The rate of the messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Not at all.
    Idle,
    /// On a schedule, at this number a second.
    PerSecond(f64),
    /// Each sender waits for each acknowledgement, and for nothing else.
    Max,
}

impl Rate {
    /// Messages a second. Above it a schedule has no meaning on one machine.
    const PER_SECOND_MAX: f64 = 1_000_000.0;
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(0.0) => Ok(Self::Idle),
            Ok(rate) if rate > 0.0 && rate <= Self::PER_SECOND_MAX => Ok(Self::PerSecond(rate)),
            _ => Err(format!("must be 0 to {} messages a second, or max", Self::PER_SECOND_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_nonsense_is_refused() {
        assert_eq!("0".parse(), Ok(Rate::Idle));
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("0.5".parse(), Ok(Rate::PerSecond(0.5)));
        assert!("-1".parse::<Rate>().is_err() && "NaN".parse::<Rate>().is_err());
    }
}
