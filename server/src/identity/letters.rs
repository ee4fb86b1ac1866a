//! Ids of letters and digits that are easy to read out: of people, sessions and tokens.

use rand::RngExt;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Returns this many random letters of 32 kinds: 5 bits each.
pub fn random(count: usize) -> String {
    let mut rng = rand::rng();
    (0..count).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}

/// Returns a letter for each byte: 5 bits of it.
pub fn of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// Returns true if a text has this many letters, and nothing else.
pub fn are(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| LETTERS.contains(&byte))
}
