//! The client against servers: recorded ones that are cut and broken, hostile ones, and two that are real.

mod attacks;
mod llama;
mod ollama;
mod peer;
mod recorded;
mod refusals;
mod replayed;
mod scripted;
mod times;

use std::time::Duration;

use super::answer::Answer;
use super::{Api, Endpoint, Failure, Finished, Model, Piece, Prompt, Times, Turn};

/// Time that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// Returns a model at an address, with the limits of the product.
fn model(url: &str, api: Api) -> Model {
    Model {
        endpoint: Endpoint::parse(url, api).unwrap(),
        name: "tiny".into(),
        context_tokens: 4096,
        answer_tokens: 1024,
        key: None,
        think: None,
        keep_alive: None,
        times: Times::default(),
        trust: None,
    }
}

/// Returns a prompt that asks this.
fn ask(text: &str) -> Prompt {
    Prompt { system: "Be brief.".into(), turns: vec![Turn::User(format!("Ada: {text}"))] }
}

/// The head of an answer.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
/// A piece of an answer of Ollama's.
const PIECE: &str = "{\"message\":{\"content\":\"tick\"},\"done\":false}\n";
/// The same in OpenAI's API.
const EVENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"tick\"}}]}\n\n";

/// Returns a model of each API, with a piece of its answer.
fn both() -> [(Model, &'static str); 2] {
    [(model("http://127.0.0.1:9", Api::Ollama), PIECE), (model("http://127.0.0.1:9/v1", Api::OpenAi), EVENT)]
}

/// Waits for a thing that comes, or fails.
async fn within<T>(thing: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, thing).await.expect("it came in no time")
}

/// An answer, as people get it.
#[derive(Debug, Default)]
struct Told {
    thinks: bool,
    text: String,
}

impl Told {
    /// Takes all pieces of an answer up to its end.
    async fn take(&mut self, answer: &mut Answer) -> Result<Finished, Failure> {
        loop {
            match answer.next().await? {
                Piece::Thinking => self.thinks = true,
                Piece::Text(text) => {
                    assert!(!text.is_empty());
                    self.text += &text;
                }
                Piece::Finished(finished) => return Ok(finished),
            }
        }
    }
}
