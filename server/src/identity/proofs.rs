//! Proofs that were given lately: nearly every request has a token that an earlier one had.
//!
//! To compute a token's MAC and to read its claims costs more than all else by which a request is decided. Here is
//! remembered only what cannot change: that a key of ours has signed these claims. The end of the token and of its
//! key are looked at each time, and so is what was revoked, by whoever asks here.

use millchat::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::error::TokenError;
use super::keys::Ring;
use super::session::{self, Proof};

/// Bytes of all proofs that are remembered.
const PROOFS_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes that a proof takes beside its texts. What the texts take follows from its token's length.
const PROOF_COST_BYTES: u64 = 512;
/// Bytes that each of its lists' texts takes beside its letters, which may be few.
const TEXT_COST_BYTES: u64 = 64;
/// The cache makes room for this many at the start.
const PROOFS_ESTIMATE: usize = 1_024;

/// Weighs a proof by the bytes that it takes.
#[derive(Clone)]
struct ByBytes;

impl Weighter<Box<str>, Proof> for ByBytes {
    fn weight(&self, token: &Box<str>, proof: &Proof) -> u64 {
        let texts = proof.person.groups.len() + proof.person.was.len();
        2 * token.len() as u64 + texts as u64 * TEXT_COST_BYTES + PROOF_COST_BYTES
    }
}

/// See the module.
pub struct Proofs {
    /// By the whole token, so that whoever guesses a part of one learns nothing from the time that it takes.
    cache: Cache<Box<str>, Proof, ByBytes>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self { cache: Cache::with_weighter(PROOFS_ESTIMATE, PROOFS_BYTES_MAX, ByBytes) }
    }
}

impl Proofs {
    /// Returns the holder of a token of a session, as [`session::verify`] does.
    pub fn verify(&self, ring: &Ring, token: &str, now: Timestamp) -> Result<Proof, TokenError> {
        if let Some(proof) = self.cache.get(token).filter(|proof| is_good(proof, ring, now)) {
            return Ok(proof);
        }
        let proof = session::verify(ring, token, now)?;
        self.cache.insert(token.into(), proof.clone());
        Ok(proof)
    }
}

/// Returns true if neither the token has ended nor its key.
fn is_good(proof: &Proof, ring: &Ring, now: Timestamp) -> bool {
    let key = proof.person.session.as_ref().map(|session| session.key);
    proof.person.expires_at.is_some_and(|end| now < end) && key.is_some_and(|key| ring.is_good(key, now))
}

#[cfg(test)]
mod tests {
    use millchat::Chat;

    use super::*;
    use crate::identity::Identity;
    use crate::identity::session::Lifetimes;

    #[test]
    fn proofs_take_a_bounded_memory_and_what_proves_nothing_takes_none() {
        let (ring, now) = (Ring::read(&Chat::open("memory:").unwrap()), Timestamp::now());
        let foreign = Ring::read(&Chat::open("memory:").unwrap());
        let sign = |ring: &Ring| {
            session::sign(ring, &Identity::new_guest("Ada"), Lifetimes::default(), now).unwrap().0
        };
        let proofs = Proofs::default();
        for _ in 0..100 {
            assert!(proofs.verify(&ring, &sign(&foreign), now).is_err());
        }
        assert_eq!(proofs.cache.len(), 0);
        let first = sign(&ring);
        for _ in 0..2 * PROOFS_BYTES_MAX / PROOF_COST_BYTES / 3 {
            proofs.verify(&ring, &sign(&ring), now).unwrap();
        }
        assert!(proofs.cache.weight() <= PROOFS_BYTES_MAX);
        assert!(proofs.cache.weight() > PROOFS_BYTES_MAX / 2, "{}", proofs.cache.weight());
        // Whoever is no longer remembered is verified again.
        assert!(proofs.verify(&ring, &first, now).is_ok());
    }
}
