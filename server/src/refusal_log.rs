//! Log lines of refusals: who is refused, by address, several in one line.
//!
//! An operator who sees them knows whom to ban. Refusals are what a flood makes most of, so a line is written
//! each [`LINE_EVERY`] at most, and names at most [`ADDRESSES_OF_LINE_MAX`] addresses, those with the most
//! refusals.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;
use parking_lot::Mutex;

use crate::client_ip::counted_network;

/// Time between two lines.
pub const LINE_EVERY: Duration = Duration::from_secs(10);
/// Addresses that are counted for a line; those that come after them are one number.
const ADDRESSES_MAX: usize = 4_096;
/// Addresses that a line names.
const ADDRESSES_OF_LINE_MAX: usize = 16;

/// The refusals since the last line.
#[derive(Default)]
pub struct RefusalLog(Mutex<Refused>);

#[derive(Default)]
struct Refused {
    by_address: HashMap<IpAddr, HashMap<&'static str, u64>>,
    others: u64,
}

/// Returns true if the answer refuses somebody who took too much. Who tried to be the operator is counted
/// where the token is looked at.
pub fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
    )
}

impl RefusalLog {
    /// Counts a refusal.
    pub fn refused(&self, address: IpAddr, why: &'static str) {
        let mut refused = self.0.lock();
        if refused.by_address.len() >= ADDRESSES_MAX && !refused.by_address.contains_key(&address) {
            refused.others += 1;
        } else {
            *refused.by_address.entry(address).or_default().entry(why).or_default() += 1;
        }
    }

    /// Writes the line of what was refused since the last one, if anything was.
    pub fn write(&self) {
        if let Some(line) = self.line() {
            tracing::warn!(addresses = %line, "requests were refused");
        }
    }

    fn line(&self) -> Option<String> {
        let Refused { by_address, mut others } = std::mem::take(&mut *self.0.lock());
        let mut refused: Vec<(u64, IpAddr, HashMap<_, _>)> =
            by_address.into_iter().map(|(address, kinds)| (kinds.values().sum(), address, kinds)).collect();
        refused.sort_unstable_by_key(|(count, address, _)| (std::cmp::Reverse(*count), *address));
        let mut line = String::new();
        for (at, (count, address, kinds)) in refused.iter().enumerate() {
            if at >= ADDRESSES_OF_LINE_MAX {
                others += count;
                continue;
            }
            let mut kinds: Vec<_> = kinds.iter().collect();
            kinds.sort_unstable();
            let network = counted_network(*address);
            let shown = if address.is_ipv6() { network.to_string() } else { address.to_string() };
            let _ = write!(line, "{}{shown}:", if at == 0 { "" } else { "; " });
            for (kind, count) in kinds {
                let _ = write!(line, " {count} {kind}");
            }
        }
        if others > 0 {
            let _ = write!(line, "; {others} of other addresses");
        }
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_refusals_are_one_line_that_names_the_greediest() {
        let log = RefusalLog::default();
        assert_eq!(log.line(), None);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        for _ in 0..3 {
            log.refused(address(7), "rate-limited");
        }
        log.refused(address(7), "too-large");
        log.refused(address(1), "slow-body");
        assert_eq!(log.line().unwrap(), "0.0.0.7: 3 rate-limited 1 too-large; 0.0.0.1: 1 slow-body");
        assert_eq!(log.line(), None);
        log.refused("2001:db8:1:2::".parse().unwrap(), "rate-limited");
        assert_eq!(log.line().unwrap(), "2001:db8:1:2::/64: 1 rate-limited", "as it is banned");
    }

    #[test]
    fn a_line_is_bounded_and_nothing_of_it_is_lost() {
        let log = RefusalLog::default();
        for n in 0..10_000_u32 {
            log.refused(IpAddr::from(n.to_be_bytes()), "rate-limited");
        }
        assert_eq!(log.0.lock().by_address.len(), ADDRESSES_MAX);
        let line = log.line().unwrap();
        assert!(line.ends_with("; 9984 of other addresses"), "{line}");
        assert!(line.len() < 1_000, "{line}");
    }
}
