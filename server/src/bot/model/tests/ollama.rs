//! The client against Ollama itself: `make prove` runs these tests.

use millchat_testkit::models::{ENDLESS, Ollama, exchange};

use super::super::request;
use super::recorded::{OLLAMA, compare};
use super::{Api, Failure, Model, Piece, Prompt, Told, Turn, ask, model};
use crate::bot::model::{Break, Remedy};

async fn endless(ollama: &Ollama) -> (Model, super::Answer) {
    let mut model = model(&ollama.url(), Api::Ollama);
    // More than it writes while a test waits for it to become idle.
    (model.context_tokens, model.answer_tokens) = (1 << 17, 120_000);
    let mut answer = model.ask(&ask(ENDLESS)).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(answer.next().await.unwrap(), Piece::Text(_)));
    }
    (model, answer)
}

#[tokio::test]
#[ignore = "needs Ollama; `make prove` runs it"]
async fn the_recordings_are_what_a_real_server_says() {
    let ollama = Ollama::start(&[]).await.unwrap();
    for recording in OLLAMA {
        recording.compare(ollama.address()).await;
        let mut told = Told::default();
        let mut answer = recording.model(ollama.address()).ask(&ask(recording.question)).await.unwrap();
        let end = told.take(&mut answer).await.unwrap();
        let expected = (recording.thinks, recording.text, recording.end);
        assert_eq!((told.thinks, &*told.text, end), expected, "{}", recording.file);
    }
    let asked = async |model: &Model, prompt: &Prompt| {
        exchange(ollama.address(), "/api/chat", &request::body(model, prompt)).await.unwrap()
    };
    let mut unknown = model(&ollama.url(), Api::Ollama);
    unknown.name = "nowhere".into();
    compare("ollama-no-model", &asked(&unknown, &ask("Why?")).await);
    let mut short = model(&ollama.url(), Api::Ollama);
    (short.context_tokens, short.answer_tokens) = (64, 8);
    compare("ollama-too-long", &asked(&short, &ask(&"x".repeat(200))).await);
}

#[tokio::test]
#[ignore = "needs Ollama; `make prove` runs it"]
async fn a_real_ollama_that_is_busy_says_so() {
    // One may wait while the model loads.
    let ollama = Ollama::start(&[("OLLAMA_MAX_QUEUE", "1")]).await.unwrap();
    let body = request::body(&model(&ollama.url(), Api::Ollama), &ask("Why?"));
    let asked = (0..20).map(|_| exchange(ollama.address(), "/api/chat", &body));
    let answers = futures_util::future::join_all(asked).await;
    let busy = answers.into_iter().flatten().find(|answer| answer.starts_with(b"HTTP/1.1 503"));
    compare("ollama-busy", &busy.expect("of twenty at once not all are let in"));
}

#[tokio::test]
#[ignore = "needs Ollama; `make prove` runs it"]
async fn a_stopped_answer_leaves_a_real_ollama_idle() {
    let ollama = Ollama::start(&[]).await.unwrap();
    let (_, answer) = endless(&ollama).await;
    assert!(!ollama.runners().is_empty());
    drop(answer);
    ollama.until_idle().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Ollama; `make prove` runs it"]
async fn a_real_ollama_killed_in_the_middle_of_an_answer_is_a_failure() {
    let mut ollama = Ollama::start(&[]).await.unwrap();
    let (model, mut answer) = endless(&ollama).await;
    ollama.kill_runners().unwrap();
    let failure = Told::default().take(&mut answer).await.unwrap_err();
    assert!(matches!(failure, Failure::Broken { source: Break::Reported, .. }), "{failure:?}");
    // It loads the model again.
    let mut answer = model.ask(&ask("Why?")).await.unwrap();
    Told::default().take(&mut answer).await.unwrap();
    let (_, mut answer) = endless(&ollama).await;
    ollama.kill().await.unwrap();
    let failure = Told::default().take(&mut answer).await.unwrap_err();
    assert!(matches!(failure, Failure::Broken { source: Break::Connection(_), .. }), "{failure:?}");
    let failure = model.ask(&ask("Why?")).await.err().unwrap();
    assert_eq!((failure.remedy(), failure.status()), (Remedy::Retry { after: None }, None), "{failure:?}");
}

#[tokio::test]
#[ignore = "needs Ollama; `make prove` runs it"]
async fn a_real_ollama_reads_all_of_a_prompt_or_refuses_it() {
    let ollama = Ollama::start(&[]).await.unwrap();
    let mut model = model(&ollama.url(), Api::Ollama);
    (model.context_tokens, model.answer_tokens) = (256, 16);
    let mut counts = Vec::new();
    for messages in 1..20 {
        let turns = vec![Turn::User("Ada: twenty letters more.".into()); messages];
        match model.ask(&Prompt { system: "Be brief.".into(), turns }).await {
            Ok(mut answer) => {
                let end = Told::default().take(&mut answer).await.unwrap();
                counts.push(end.prompt_tokens.unwrap());
            }
            Err(failure) => {
                assert_eq!(failure.remedy(), Remedy::HalfText, "{failure}");
                break;
            }
        }
    }
    assert!(counts.len() > 2 && counts.len() < 19, "{counts:?}");
    assert!(counts.is_sorted_by(|a, b| a < b) && counts.iter().all(|count| *count <= 256), "{counts:?}");
}
