//! Open connections and streams by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::client_ip::Client;

/// Open connections by address, of those that have one: bounded as connections are. Held for a look-up.
type Open = Arc<Mutex<HashMap<IpAddr, u32>>>;

/// The connections that are open.
#[derive(Default)]
pub struct Connections {
    addresses: Open,
    sites: Open,
}

impl Connections {
    /// Takes one of the address's connections, and one of its site's; `None` when it has as many as it may.
    pub fn take(&self, client: &Client, max: NonZeroU32, site_max: u32) -> Option<ConnectionPermit> {
        let address = Share::take(&self.addresses, client.counted(), max.get())?;
        let site = match client.site() {
            Some(site) => Some(Share::take(&self.sites, site, site_max)?),
            None => None,
        };
        Some(ConnectionPermit { _address: address, _site: site })
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.addresses.lock().is_empty() && self.sites.lock().is_empty()
    }
}

/// A connection's share of its address's bound; given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    _address: Share,
    _site: Option<Share>,
}

#[derive(Debug)]
struct Share {
    open: Open,
    key: IpAddr,
}

impl Share {
    fn take(open: &Open, key: IpAddr, max: u32) -> Option<Self> {
        let mut counts = open.lock();
        let count = counts.entry(key).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Self { open: Arc::clone(open), key })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.open.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}
