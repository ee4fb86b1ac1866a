//! The client against servers: recorded ones that are cut and broken, hostile ones, and two that are real.

mod attacks;
mod llama;
mod ollama;
mod peer;
mod recorded;
mod refusals;
mod replayed;
mod scripted;

use super::answer::Answer;
use super::{Api, Endpoint, Failure, Finished, Model, Piece, Prompt, Times, Turn};

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
