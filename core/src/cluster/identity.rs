//! The id of a cluster, and the place of a log in it.

use std::fmt;
use std::str::FromStr;

use crate::cluster::chain::Mark;
use crate::event::Epoch;

const ID_BYTES: usize = 16;

/// The id of a cluster: random, made once, and in the log of each of its nodes. As text it is 32 digits, in
/// hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterId(pub [u8; ID_BYTES]);

/// The place of a node of a cluster, as its log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The cluster; `None` of the log of a single node.
    pub cluster: Option<ClusterId>,
    /// The epoch of the log.
    pub epoch: Epoch,
    /// The place in the journal, and the newest position; the former at the beginning if the log has read none of
    /// it.
    pub mark: Mark,
}

/// The text is no id of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a cluster is {} digits of 0-9 and a-f", 2 * ID_BYTES)]
pub struct InvalidClusterId;

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for ClusterId {
    type Err = InvalidClusterId;

    fn from_str(text: &str) -> Result<Self, InvalidClusterId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 2 * ID_BYTES || !text.bytes().all(is_digit) {
            return Err(InvalidClusterId);
        }
        u128::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| InvalidClusterId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text_and_nothing_else_does() {
        let id = ClusterId([0, 1, 0xab, 0xff, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let text = id.to_string();
        assert_eq!(text, "0001abff0405060708090a0b0c0d0e0f");
        assert_eq!(text.parse(), Ok(id));
        for other in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &text.replacen('0', "+", 1)]
        {
            assert_eq!(other.parse::<ClusterId>(), Err(InvalidClusterId), "{other}");
        }
    }
}
