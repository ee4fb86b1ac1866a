//! Ids of users: of those who signed in at a login, and of those for whom a site vouches.

use super::letters;

/// Letters of a user's id: 100 bits.
const USER_ID_LETTERS: usize = 20;
/// Derives the secret from the log's signing key, which never changes.
const SECRET_CONTEXT: &str = "millchat 2026-11-28 ids of users";

/// Returns the secret by which the ids of a log's users are made. It is the same for as long as the log is,
/// also in a restored backup, whatever keys are rotated.
pub fn secret(signing_key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key(SECRET_CONTEXT, signing_key)
}

/// Returns the id of a user: always the same one for the same `sub` of the same login or site, and another one
/// for any other. Nobody can tell the `sub` from it.
pub fn of(secret: &[u8; 32], (kind, name): (&str, &str), sub: &str) -> String {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    for part in [kind, name, sub] {
        // With its length before it, so that no other three parts make the same text.
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let hash = hasher.finalize();
    format!("u_{}", letters::of(&hash.as_bytes()[..USER_ID_LETTERS]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_one_sub_of_one_login_or_site() {
        let [one, other] = [[1; 32], [2; 32]];
        let id = of(&one, ("site", "shop"), "7");
        assert!(id.len() == 22 && id.starts_with("u_"), "{id}");
        assert_eq!(id, of(&one, ("site", "shop"), "7"));
        for another in [
            of(&other, ("site", "shop"), "7"),
            of(&one, ("login", "shop"), "7"),
            of(&one, ("site", "shop2"), "7"),
            of(&one, ("site", "shop"), "\u{0}7"),
            of(&one, ("site", "shop"), "77"),
            of(&one, ("site", "sho"), "p7"),
        ] {
            assert_ne!(id, another);
        }
    }
}
