//! Servers that say too much, or what is not theirs to say.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::peer::Peer;
use super::scripted::{Scripted, Then};
use super::{Api, EVENT, Failure, Finished, HEAD, Piece, Told, ask, both, model, within};
use crate::bot::model::lines::LINE_BYTES_MAX;
use crate::bot::model::{Break, Model, Remedy};

/// Time after which a wait is given up, whatever comes.
const SOON: Duration = Duration::from_millis(50);

/// Asks a server that says this and then that.
async fn told(model: &Model, said: &[u8], then: Then) -> (Told, Result<Finished, Failure>, usize) {
    let socket = Scripted::new(said, said.len().max(1), then);
    let taken = socket.taken();
    let mut told = Told::default();
    let end = match model.ask_over(socket, &ask("Why?"), Instant::now()).await {
        Ok(mut answer) => told.take(&mut answer).await,
        Err(failure) => Err(failure),
    };
    (told, end, taken.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_line_without_an_end_is_cut_at_its_limit() {
    for (model, piece) in both() {
        for (said, remedy) in [("", Remedy::GiveUp), (piece, Remedy::RetryOnce)] {
            let said = format!("{HEAD}{said}");
            let (_, end, taken) = told(&model, said.as_bytes(), Then::Repeat(vec![b' '; 64 * 1024])).await;
            let failure = end.unwrap_err();
            assert_eq!(failure.remedy(), remedy);
            assert!(failure.to_string().contains(&LINE_BYTES_MAX.to_string()), "{failure}");
            assert!(taken > LINE_BYTES_MAX && taken < 2 * LINE_BYTES_MAX, "{taken} bytes were taken");
        }
        // With its end too, and however much of it comes at once.
        let line = " ".repeat(2 * LINE_BYTES_MAX);
        let (_, end, _) = told(&model, format!("{HEAD}{line}\n").as_bytes(), Then::Hang).await;
        assert!(matches!(end, Err(Failure::Cut { source: Break::LongLine, .. })), "{end:?}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_at_its_limit() {
    let model = model("http://127.0.0.1:9", Api::Ollama);
    let filler = Then::Repeat(format!("X-Filler: {}\r\n", "x".repeat(1000)).into());
    let (_, end, taken) = told(&model, b"HTTP/1.1 200 OK\r\n", filler).await;
    assert!(matches!(end, Err(Failure::Cut { source: Break::Connection(_), .. })), "{end:?}");
    assert!(taken < 2 * 64 * 1024, "{taken} bytes were taken");
}

#[tokio::test]
async fn an_answer_that_ends_without_its_last_line_is_no_answer() {
    for (model, piece) in both() {
        let end = if piece == EVENT { "data: [DONE]" } else { "{\"done\":true}" };
        for (said, expected) in [
            (String::new(), Remedy::Retry { after: None }),
            (piece.to_owned(), Remedy::RetryOnce),
            (format!("{piece}{}", &piece[..piece.len() - 3]), Remedy::RetryOnce),
            (format!("{piece}{}", &end[..end.len() - 1]), Remedy::RetryOnce),
        ] {
            let (_, end, _) = told(&model, format!("{HEAD}{said}").as_bytes(), Then::Close).await;
            assert_eq!(end.unwrap_err().remedy(), expected, "{said}");
        }
        // The last line need not have an end of its own.
        let (told, end, _) = told(&model, format!("{HEAD}{piece}{end}").as_bytes(), Then::Close).await;
        assert_eq!((&*told.text, end.unwrap()), ("tick", Finished::default()));
    }
}

#[tokio::test]
async fn a_packed_answer_is_not_unpacked() {
    let mut zeros = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut zeros, &vec![0; 8 * LINE_BYTES_MAX]).unwrap();
    let zeros = zeros.finish().unwrap();
    let head = HEAD.replace("Content-Type", "Content-Encoding: gzip\r\nContent-Type");
    for (model, _) in both() {
        let (_, end, _) = told(&model, &[head.as_bytes(), &zeros].concat(), Then::Close).await;
        let failure = end.unwrap_err();
        assert!(matches!(failure, Failure::Cut { source: Break::Packed, .. }), "{failure:?}");
        assert_eq!(failure.remedy(), Remedy::GiveUp);
        // A server that does not even say so.
        let (told, end, _) = told(&model, &[HEAD.as_bytes(), &zeros].concat(), Then::Close).await;
        assert!(end.is_err() && told.text.is_empty(), "{end:?}");
    }
}

#[tokio::test]
async fn a_dropped_answer_closes_its_connection() {
    for (_, piece) in both() {
        let mut peer = Peer::start(&format!("{HEAD}{piece}"), Then::Hang).await;
        let (url, api) =
            if piece == EVENT { (peer.url() + "/v1", Api::OpenAi) } else { (peer.url(), Api::Ollama) };
        let model = model(&url, api);
        let mut answer = model.ask(&ask("Why?")).await.unwrap();
        assert_eq!(answer.next().await.unwrap(), Piece::Text("tick".into()));
        // A wait for the next piece can be given up, and nothing is lost by it.
        assert!(tokio::time::timeout(SOON, answer.next()).await.is_err());
        assert!(peer.closed.try_recv().is_err());
        drop(answer);
        within(peer.closed.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn a_question_that_is_given_up_before_the_answer_closes_its_connection() {
    let mut peer = Peer::start("", Then::Hang).await;
    let model = model(&peer.url(), Api::Ollama);
    let prompt = ask("Why?");
    let asked = model.ask(&prompt);
    tokio::select! {
        answer = asked => panic!("there is no answer: {:?}", answer.err()),
        request = peer.requests.recv() => assert!(request.is_some()),
    }
    within(peer.closed.recv()).await.unwrap();
}

#[tokio::test]
async fn what_a_server_says_amiss_is_in_no_failure() {
    for (model, piece) in both() {
        for amiss in
            ["a secret of Ada's\n", "data: {\"error\":\"a secret\"}\n", "{\"message\":\"a secret\"}\n"]
        {
            let said = format!("{HEAD}{piece}{amiss}");
            let (told, end, _) = told(&model, said.as_bytes(), Then::Close).await;
            let failure = end.unwrap_err();
            assert_eq!((failure.remedy(), &*told.text), (Remedy::RetryOnce, "tick"));
            assert!(!format!("{failure} {failure:?}").contains("secret"), "{failure:?}");
        }
    }
}
