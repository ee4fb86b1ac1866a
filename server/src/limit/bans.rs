//! Addresses that the operator has banned for a time. They are in memory only: a restart removes them.

use std::collections::HashMap;
use std::iter::successors;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use parking_lot::Mutex;

/// Most bans at one moment.
pub const ADDRESS_BANS_MAX: usize = 10_000;
/// Longest time of a ban.
pub const ADDRESS_BAN_MAX: Duration = Duration::from_hours(24 * 30);

/// The bans, by network.
#[derive(Default)]
pub struct AddressBans {
    /// Held for look-ups.
    until: Mutex<HashMap<IpNet, Instant>>,
    /// There may be one: most servers have none, and then a request takes no lock. It guards nothing, so
    /// relaxed.
    any: AtomicBool,
}

/// There are as many bans as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyBans;

impl AddressBans {
    /// Bans a network, or sets another time for it.
    pub fn ban(&self, network: IpNet, time: Duration) -> Result<(), TooManyBans> {
        let now = Instant::now();
        let mut until = self.until.lock();
        let network = network.trunc();
        if until.len() >= ADDRESS_BANS_MAX && !until.contains_key(&network) {
            until.retain(|_, end| *end > now);
            if until.len() >= ADDRESS_BANS_MAX {
                return Err(TooManyBans);
            }
        }
        until.insert(network, now + time.min(ADDRESS_BAN_MAX));
        self.any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Ends a ban; returns true if there was one.
    pub fn unban(&self, network: IpNet) -> bool {
        self.until.lock().remove(&network.trunc()).is_some()
    }

    /// Returns the bans with the time that is left of each, in the order of their addresses.
    pub fn list(&self) -> Vec<(IpNet, Duration)> {
        let now = Instant::now();
        let mut until = self.until.lock();
        until.retain(|_, end| *end > now);
        let mut list: Vec<_> = until.iter().map(|(network, end)| (*network, *end - now)).collect();
        list.sort_unstable_by_key(|(network, _)| *network);
        list
    }

    /// Returns the time that is left of an address's longest ban.
    pub fn left(&self, address: IpAddr) -> Option<Duration> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let now = Instant::now();
        let until = self.until.lock();
        let alone = IpNet::from(address.to_canonical());
        // A look-up for each length that a network can have, whatever their number.
        let ends = successors(Some(alone), IpNet::supernet).filter_map(|network| until.get(&network));
        ends.max().map(|end| end.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_network_is_banned_for_its_time_and_no_other() {
        let bans = AddressBans::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let network = |text: &str| text.parse::<IpNet>().unwrap();
        assert_eq!(bans.left(address("203.0.113.7")), None);
        bans.ban(network("203.0.113.9/24"), HOUR).unwrap();
        bans.ban(network("2001:db8::/32"), HOUR * 10_000).unwrap();
        bans.ban(network("198.51.100.1/32"), Duration::ZERO).unwrap();
        assert!(bans.left(address("203.0.113.7")).unwrap() <= HOUR);
        assert!(bans.left(address("::ffff:203.0.113.7")).is_some());
        assert!(bans.left(address("2001:db8:1::1")).unwrap() <= ADDRESS_BAN_MAX);
        assert_eq!(bans.left(address("203.0.114.7")), None);
        assert_eq!(bans.left(address("198.51.100.1")), None, "its time is over");
        let listed: Vec<String> = bans.list().iter().map(|(network, _)| network.to_string()).collect();
        assert_eq!(listed, ["203.0.113.0/24", "2001:db8::/32"]);
        assert!(bans.unban(network("203.0.113.0/24")) && !bans.unban(network("203.0.113.0/24")));
        assert_eq!(bans.left(address("203.0.113.7")), None);
    }

    #[test]
    fn there_are_at_most_so_many_bans_and_those_that_ended_make_room() {
        let bans = AddressBans::default();
        let network = |n: u32| IpNet::from(IpAddr::from(n.to_be_bytes()));
        for n in 0..ADDRESS_BANS_MAX as u32 {
            bans.ban(network(n), if n == 0 { Duration::ZERO } else { HOUR }).unwrap();
        }
        bans.ban(network(1_000_000), HOUR).unwrap();
        assert_eq!(bans.ban(network(1_000_001), HOUR), Err(TooManyBans));
        bans.ban(network(1), HOUR).unwrap();
        assert_eq!(bans.list().len(), ADDRESS_BANS_MAX);
    }
}
