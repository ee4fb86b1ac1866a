//! A start that is refused: exit code 2, one sentence, and a file that is as it was.

use std::fs;
use std::path::Path;

use super::server::run;

/// Fails unless these are the exit code and the one sentence of a start that was refused.
#[track_caller]
pub fn assert_refused(log: &Path, (code, stdout, stderr): &(Option<i32>, String, String), words: &[&str]) {
    assert_eq!((*code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "one sentence: {stderr}");
    assert!(stderr.contains(log.to_str().unwrap()), "the file is named: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word} is missing: {stderr}");
    }
}

/// Starts a server on a log, which must be refused with these words and leave the file as it is.
pub async fn assert_left_as_it_is(log: &Path, words: &[&str]) {
    let before = fs::read(log).unwrap();
    let refused = run(&["--address", "127.0.0.1:0", "--log", log.to_str().unwrap()]).await;
    assert_refused(log, &refused, words);
    assert!(fs::read(log).unwrap() == before, "the file was changed: {}", refused.2);
}
