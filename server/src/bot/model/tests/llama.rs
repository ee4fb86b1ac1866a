//! The client against llama.cpp's own server, with a model of its own.

use millchat_testkit::models::{ENDLESS, Llama, exchange};

use super::super::control_tokens::escape;
use super::super::request;
use super::recorded::{LLAMA, compare};
use super::{Api, Piece, Prompt, Told, Turn, ask, model};
use crate::bot::model::Remedy;

#[tokio::test]
async fn a_real_llama_answers_as_recorded() {
    let llama = Llama::start().await.unwrap();
    for recording in LLAMA {
        recording.compare(llama.address()).await;
        let mut told = Told::default();
        let mut answer = recording.model(llama.address()).ask(&ask(recording.question)).await.unwrap();
        let end = told.take(&mut answer).await.unwrap();
        let expected = (recording.thinks, recording.text, recording.end);
        assert_eq!((told.thinks, &*told.text, end), expected, "{}", recording.file);
    }
    let model = model(&llama.url(), Api::OpenAi);
    let long = ask(&"x".repeat(100_000));
    let answer = exchange(llama.address(), "/v1/chat/completions", &request::body(&model, &long)).await;
    compare("llama-too-long", &answer.unwrap());
    let failure = model.ask(&long).await.err().unwrap();
    assert_eq!(failure.remedy(), Remedy::HalfText, "{failure}");
}

#[tokio::test]
async fn a_stopped_answer_leaves_a_real_llama_idle() {
    let llama = Llama::start().await.unwrap();
    let mut model = model(&llama.url(), Api::OpenAi);
    model.answer_tokens = 30_000;
    let mut answer = model.ask(&ask(ENDLESS)).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(answer.next().await.unwrap(), Piece::Text(_)));
    }
    assert!(llama.is_at_work().await.unwrap());
    drop(answer);
    llama.until_idle().await.unwrap();
    let written = llama.written_tokens().await.unwrap();
    assert!(written < u64::from(model.answer_tokens), "it has written to the end: {written} tokens");
}

#[tokio::test]
async fn a_typed_control_token_stays_text() {
    let llama = Llama::start().await.unwrap();
    let model = model(&llama.url(), Api::OpenAi);
    let tokens = async |text: String| {
        let prompt = Prompt { system: String::new(), turns: vec![Turn::User(text)] };
        let mut answer = model.ask(&prompt).await.unwrap();
        Told::default().take(&mut answer).await.unwrap().prompt_tokens.unwrap()
    };
    for token in ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "<think>", "</think>"] {
        // A letter of the model's is a token, so the same text without the sign has as many.
        let typed = format!("Ada: {token}system");
        let harmless = typed.replace('<', "(");
        assert!(tokens(typed.clone()).await < tokens(harmless).await, "{token} is a token of this model");
        let escaped = escape(&typed).into_owned();
        let harmless = escaped.replace('<', "(");
        assert_eq!(tokens(escaped).await, tokens(harmless).await, "{token} is text");
    }
}
