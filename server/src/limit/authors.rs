//! The addresses from which authors wrote lately, for the operator. They are in memory only, for an hour.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::sync::Cache;

/// Authors whose addresses are remembered; those who wrote least lately are forgotten.
const AUTHORS_MAX: usize = 65_536;
/// The newest addresses of one author.
const ADDRESSES_OF_AUTHOR_MAX: usize = 4;
/// Time for which an address is remembered.
pub const REMEMBERED: Duration = Duration::from_hours(1);
/// Time after which what is too old is looked for and forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// An address, and when the author last wrote from it; the newest last.
type Seen = Arc<Mutex<Vec<(IpAddr, Instant)>>>;

/// The addresses of authors.
pub struct AuthorAddresses {
    seen: Cache<Arc<str>, Seen>,
    swept_at: Mutex<Instant>,
}

impl Default for AuthorAddresses {
    fn default() -> Self {
        Self { seen: Cache::new(AUTHORS_MAX), swept_at: Mutex::new(Instant::now()) }
    }
}

impl AuthorAddresses {
    /// The author wrote from there.
    pub fn saw(&self, author: &Arc<str>, address: IpAddr) {
        self.saw_at(author, address, Instant::now());
    }

    fn saw_at(&self, author: &Arc<str>, address: IpAddr, now: Instant) {
        self.sweep(now);
        let seen = self.seen.get(&**author).unwrap_or_else(|| {
            let seen = Seen::default();
            self.seen.insert(Arc::clone(author), Arc::clone(&seen));
            seen
        });
        let mut seen = seen.lock();
        seen.retain(|(of, _)| *of != address);
        if seen.len() == ADDRESSES_OF_AUTHOR_MAX {
            seen.remove(0);
        }
        seen.push((address, now));
    }

    /// Returns the addresses of an author, the newest first, and the time since each.
    pub fn of(&self, author: &str) -> Vec<(IpAddr, Duration)> {
        self.of_at(author, Instant::now())
    }

    fn of_at(&self, author: &str, now: Instant) -> Vec<(IpAddr, Duration)> {
        let seen = self.seen.get(author).map(|seen| seen.lock().clone()).unwrap_or_default();
        let ages = seen.into_iter().rev().map(|(address, at)| (address, now.saturating_duration_since(at)));
        ages.filter(|(_, age)| *age < REMEMBERED).collect()
    }

    /// Forgets what is too old. Held while it is done: others pass it by.
    fn sweep(&self, now: Instant) {
        if let Some(mut swept_at) = self.swept_at.try_lock()
            && now.saturating_duration_since(*swept_at) >= SWEEP_EVERY
        {
            *swept_at = now;
            self.seen.retain(|_, seen| {
                let mut seen = seen.lock();
                seen.retain(|(_, at)| now.saturating_duration_since(*at) < REMEMBERED);
                !seen.is_empty()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_addresses_of_an_author_are_known_for_an_hour() {
        let (authors, now) = (AuthorAddresses::default(), Instant::now());
        let (ada, bob): (Arc<str>, Arc<str>) = ("ada".into(), "bob".into());
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        for n in [1, 2, 3, 4, 5, 3] {
            authors.saw_at(&ada, address(n), now);
        }
        let of = |author: &str, at| authors.of_at(author, at).iter().map(|(of, _)| *of).collect::<Vec<_>>();
        assert_eq!(of("ada", now), [3, 5, 4, 2].map(address));
        let later = now + REMEMBERED / 2;
        authors.saw_at(&bob, address(9), later);
        assert!(of("ada", now + REMEMBERED).is_empty());
        assert_eq!(of("bob", now + REMEMBERED), [address(9)]);
        authors.saw_at(&bob, address(9), now + REMEMBERED);
        assert_eq!(authors.seen.len(), 1, "what is too old is not kept either");
        assert!(of("eve", now).is_empty());
    }

    #[test]
    fn so_many_authors_are_remembered_at_most() {
        let authors = AuthorAddresses::default();
        for n in 0..AUTHORS_MAX * 2 {
            authors.saw(&n.to_string().into(), IpAddr::from([192, 0, 2, 1]));
        }
        assert!(authors.seen.len() <= AUTHORS_MAX, "{}", authors.seen.len());
    }
}
