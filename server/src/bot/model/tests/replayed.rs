//! Recorded answers, cut into pieces and broken off.

use tokio::time::Instant;

use super::recorded::{self, Recording};
use super::scripted::{Scripted, Then};
use super::{Failure, Finished, Told, ask};
use crate::bot::model::{Break, Remedy};

/// Asks over a connection on which these bytes come, in pieces of this size.
async fn replay(recording: &Recording, bytes: &[u8], size: usize) -> (Told, Result<Finished, Failure>) {
    let model = recording.model("127.0.0.1:9".parse().unwrap());
    let socket = Scripted::new(bytes, size, Then::Close);
    let mut told = Told::default();
    let end = match model.ask_over(socket, &ask(recording.question), Instant::now()).await {
        Ok(mut answer) => told.take(&mut answer).await,
        Err(failure) => Err(failure),
    };
    (told, end)
}

#[tokio::test]
async fn a_recorded_answer_is_the_same_however_its_bytes_come() {
    for recording in recorded::all() {
        let bytes = recording.bytes();
        for size in [1, 2, 3, 7, 64, 1000, bytes.len()] {
            let (told, end) = replay(&recording, &bytes, size).await;
            let expected = (recording.thinks, recording.text, recording.end);
            assert_eq!((told.thinks, &*told.text, end.unwrap()), expected, "{} by {size}", recording.file);
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_anywhere_is_a_failure_and_says_if_text_was_shown() {
    for recording in recorded::all().filter(|recording| recording.thinks) {
        let bytes = recording.bytes();
        let mut remedies = Vec::new();
        for len in 0..bytes.len() {
            let (told, end) = replay(&recording, &bytes[..len], 512).await;
            let Err(failure) = end else {
                assert_eq!(
                    (told.text.as_str(), remedies.len()),
                    (recording.text, 2),
                    "{} {len}",
                    recording.file
                );
                break;
            };
            assert!(recording.text.starts_with(&told.text), "{}", told.text);
            let has_begun = told.thinks || !told.text.is_empty();
            let expected = if has_begun { Remedy::RetryOnce } else { Remedy::Retry { after: None } };
            assert_eq!(failure.remedy(), expected, "{} {len}: {failure}", recording.file);
            remedies.push(expected);
            remedies.dedup();
        }
        assert_eq!(remedies.len(), 2, "both sides of the first piece were tried");
    }
}

#[tokio::test]
async fn an_error_of_the_server_in_the_middle_of_an_answer_is_no_text() {
    // The process in which the model ran was killed.
    let recording = recorded::OLLAMA[1];
    let (told, end) = replay(&recording, &recorded::bytes("ollama-killed"), 100).await;
    assert!(told.text.starts_with("tick tock tick") && !told.text.contains("error"), "{}", told.text);
    let failure = end.unwrap_err();
    assert!(matches!(failure, Failure::Broken { source: Break::Reported, .. }), "{failure:?}");
    assert_eq!(failure.remedy(), Remedy::RetryOnce);
    assert!(!failure.to_string().contains("EOF"), "its words are not repeated: {failure}");
}
