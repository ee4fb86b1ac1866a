//! The answers of real servers, as the files of `server/tests/recorded` have them: every byte, head and
//! framing too.

use std::net::SocketAddr;
use std::path::PathBuf;

use millchat_testkit::http::{Body, Head, Piece};
use millchat_testkit::models::{ENDLESS, HOSTILE, MUTE, SENTENCE, THINKING, exchange};
use serde_json::Value;

use super::super::request;
use super::{Api, Finished, Model, ask, model};

/// The text of the hostile answer: markup, both ends of a line, a mark that turns the direction, an emoji.
pub const HOSTILE_TEXT: &str =
    "<script>alert(1)</script>\ndata: 1/2\rid: 3/4\n\n@all\u{202e} ![](http://192.0.2.1/x.png)😀";

/// A recorded answer, and what people get of it.
#[derive(Debug, Clone, Copy)]
pub struct Recording {
    /// The name of its file, without `.http`.
    pub file: &'static str,
    pub api: Api,
    /// The model that is asked.
    pub name: &'static str,
    pub question: &'static str,
    /// True if it thinks.
    pub thinks: bool,
    pub text: &'static str,
    pub end: Finished,
}

/// Longest answer of the recordings, in tokens.
const ANSWER_TOKENS: u32 = 20;

const fn end(prompt_tokens: u64, answer_tokens: u64, cut: bool) -> Finished {
    Finished { cut, prompt_tokens: Some(prompt_tokens), answer_tokens: Some(answer_tokens) }
}

const fn recording(
    (file, api, name): (&'static str, Api, &'static str),
    question: &'static str,
    (thinks, text): (bool, &'static str),
    end: Finished,
) -> Recording {
    Recording { file, api, name, question, thinks, text, end }
}

const TICKS: &str =
    "tick tock tick tock tick tock tick tock tick tock tick tock tick tock tick tock tick tock tick tock";
const SEVEN: &str = "Seven, of course.";

/// Of llama.cpp. It does not know that the model thinks, and gives its thoughts as text.
pub const LLAMA: [Recording; 5] = [
    recording(("llama-sentence", Api::OpenAi, "tiny"), "Why?", (false, SENTENCE), end(34, 10, false)),
    recording(("llama-endless", Api::OpenAi, "tiny"), ENDLESS, (false, TICKS), end(31, 20, true)),
    recording(("llama-thinking", Api::OpenAi, "tiny"), THINKING, (true, SEVEN), end(31, 9, false)),
    recording(("llama-hostile", Api::OpenAi, "tiny"), HOSTILE, (false, HOSTILE_TEXT), end(31, 18, false)),
    recording(("llama-mute", Api::OpenAi, "tiny"), MUTE, (false, ""), end(31, 1, false)),
];

/// Of Ollama, by its own API and by OpenAI's. It knows that the model `thinker` thinks.
pub const OLLAMA: [Recording; 7] = [
    recording(("ollama-sentence", Api::Ollama, "tiny"), "Why?", (false, SENTENCE), end(35, 10, false)),
    recording(("ollama-endless", Api::Ollama, "tiny"), ENDLESS, (false, TICKS), end(32, 20, true)),
    recording(("ollama-thinking", Api::Ollama, "thinker"), THINKING, (true, SEVEN), end(32, 9, false)),
    recording(("ollama-thinking-as-text", Api::Ollama, "tiny"), THINKING, (true, SEVEN), end(32, 9, false)),
    recording(("ollama-hostile", Api::Ollama, "tiny"), HOSTILE, (false, HOSTILE_TEXT), end(32, 18, false)),
    recording(("ollama-mute", Api::Ollama, "tiny"), MUTE, (false, ""), end(32, 1, false)),
    recording(("ollama-v1-thinking", Api::OpenAi, "thinker"), THINKING, (true, SEVEN), end(32, 9, false)),
];

/// Returns all of them.
pub fn all() -> impl Iterator<Item = Recording> {
    LLAMA.into_iter().chain(OLLAMA)
}

impl Recording {
    /// Returns the bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(self.file)
    }

    /// Returns the model that was asked, at the address where it is now.
    pub fn model(&self, address: SocketAddr) -> Model {
        let version = if self.api == Api::OpenAi { "/v1" } else { "" };
        let mut model = model(&format!("http://{address}{version}"), self.api);
        (model.name, model.answer_tokens) = (self.name.into(), ANSWER_TOKENS);
        model
    }

    /// Asks the server again: its answer is the recorded one, but for times and names of its making.
    pub async fn compare(&self, address: SocketAddr) {
        let model = self.model(address);
        let body = request::body(&model, &ask(self.question));
        let answer = exchange(address, model.endpoint.path.path(), &body).await.unwrap();
        compare(self.file, &answer);
    }
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(file).with_extension("http")
}

/// Returns the bytes of a recording.
pub fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(path(file)).unwrap()
}

/// Sees that an answer is the recorded one. `MILLCHAT_WRITE_RECORDINGS=1` writes the recording.
pub fn compare(file: &str, answer: &[u8]) {
    if std::env::var_os("MILLCHAT_WRITE_RECORDINGS").is_some() {
        std::fs::write(path(file), answer).unwrap();
    }
    assert_eq!(said(answer), said(&bytes(file)), "{file}");
}

/// Returns the status of an answer and the lines of its body, without what is different each time.
fn said(answer: &[u8]) -> (u16, Vec<Value>) {
    let head = Head::parse(answer).unwrap().unwrap();
    let (mut input, mut framing, mut body) = (&answer[head.len..], head.body, Vec::new());
    while let Piece::Data(data) = framing.next(&mut input).unwrap() {
        body.extend_from_slice(data);
        if matches!(framing, Body::ToEnd) {
            break;
        }
    }
    let body = String::from_utf8(body).unwrap();
    let lines = body.lines().filter(|line| !line.is_empty());
    (head.status, lines.map(line).collect())
}

fn line(line: &str) -> Value {
    let line = line.strip_prefix("data: ").unwrap_or(line);
    let Ok(mut value) = serde_json::from_str(line) else { return Value::String(line.to_owned()) };
    forget(&mut value);
    value
}

/// Removes what is different each time.
fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                let is_of_now = matches!(name.as_str(), "created" | "created_at" | "id" | "timings");
                !is_of_now && !name.ends_with("_duration") && name != "prompt_tokens_details"
            });
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
