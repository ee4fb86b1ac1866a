//! The body of a request.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::Api;
use super::prompt::{Prompt, Turn};
use super::settings::{Model, Think};

/// A user's turn before the first of the assistant's own: many models begin with a user, or fail.
const LEFT_OUT: &str = "…";

/// A message of a request.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

/// Returns the body of a request, as JSON.
pub fn body(model: &Model, prompt: &Prompt) -> Bytes {
    let body = match model.endpoint.api {
        Api::Ollama => ollama(model, prompt),
        Api::OpenAi => openai(model, prompt),
    };
    body.to_string().into()
}

/// Ollama cuts a prompt without a word, by a default of its own, so it is told the length and not to cut.
fn ollama(model: &Model, prompt: &Prompt) -> Value {
    let mut body = json!({
        "model": model.name,
        "messages": messages(prompt),
        "stream": true,
        "truncate": false,
        "shift": false,
        "options": { "num_ctx": model.context_tokens, "num_predict": model.answer_tokens },
    });
    if let Some(think) = &model.think {
        body["think"] = json!(think);
    }
    if let Some(keep_alive) = &model.keep_alive {
        body["keep_alive"] = json!(keep_alive);
    }
    body
}

fn openai(model: &Model, prompt: &Prompt) -> Value {
    let mut body = json!({
        "model": model.name,
        "messages": in_turns(messages(prompt)),
        "stream": true,
        "stream_options": { "include_usage": true },
        "max_tokens": model.answer_tokens,
    });
    match &model.think {
        // As llama.cpp and vLLM take it.
        Some(Think::Flag(think)) => body["chat_template_kwargs"] = json!({ "enable_thinking": think }),
        Some(Think::Level(level)) => body["reasoning_effort"] = json!(level),
        None => {}
    }
    body
}

fn messages(prompt: &Prompt) -> Vec<Message> {
    let system = Some(&prompt.system).filter(|system| !system.is_empty());
    let system = system.map(|system| Message { role: "system", content: system.clone() });
    let turns = prompt.turns.iter().map(|turn| match turn {
        Turn::User(text) => Message { role: "user", content: text.clone() },
        Turn::Assistant(text) => Message { role: "assistant", content: text.clone() },
    });
    system.into_iter().chain(turns).collect()
}

/// Lets user and assistant take turns: servers of this API fill in the form that came with the model, and
/// many forms refuse two messages of one side in a row.
fn in_turns(messages: Vec<Message>) -> Vec<Message> {
    let mut taken: Vec<Message> = Vec::new();
    for message in messages {
        match taken.last_mut() {
            Some(last) if last.role == message.role => {
                last.content.push('\n');
                last.content.push_str(&message.content);
                continue;
            }
            Some(last) if last.role != "system" => {}
            _ if message.role == "assistant" => {
                taken.push(Message { role: "user", content: LEFT_OUT.to_owned() });
            }
            _ => {}
        }
        taken.push(message);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::model::{Endpoint, Times};

    fn model(url: &str, api: Api) -> Model {
        Model {
            endpoint: Endpoint::parse(url, api).unwrap(),
            name: "llama3.2".into(),
            context_tokens: 4096,
            answer_tokens: 1024,
            key: None,
            think: None,
            keep_alive: None,
            times: Times::default(),
            trust: None,
        }
    }

    fn prompt(turns: &[Turn]) -> Prompt {
        Prompt { system: "Be brief.".into(), turns: turns.to_vec() }
    }

    fn sent(model: &Model, prompt: &Prompt) -> Value {
        serde_json::from_slice(&body(model, prompt)).unwrap()
    }

    #[test]
    fn ollama_is_always_told_the_length_of_context_and_answer() {
        let mut model = model("http://127.0.0.1:11434", Api::Ollama);
        let prompt = prompt(&[Turn::User("Ada: hi".into())]);
        let mut expected = json!({
            "model": "llama3.2",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ada: hi"}],
            "stream": true,
            "truncate": false,
            "shift": false,
            "options": {"num_ctx": 4096, "num_predict": 1024},
        });
        assert_eq!(sent(&model, &prompt), expected);
        (model.think, model.keep_alive) = (Some(Think::Flag(false)), Some("30m".into()));
        (expected["think"], expected["keep_alive"]) = (json!(false), json!("30m"));
        assert_eq!(sent(&model, &prompt), expected);
        model.think = Some(Think::Level("low".into()));
        expected["think"] = json!("low");
        assert_eq!(sent(&model, &prompt), expected);
    }

    #[test]
    fn openais_api_is_told_the_length_of_the_answer_and_asked_for_its_tokens() {
        let mut model = model("http://127.0.0.1:8080/v1", Api::OpenAi);
        let prompt = prompt(&[Turn::User("Ada: hi".into())]);
        let expected = json!({
            "model": "llama3.2",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ada: hi"}],
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 1024,
        });
        assert_eq!(sent(&model, &prompt), expected);
        model.think = Some(Think::Flag(false));
        assert_eq!(sent(&model, &prompt)["chat_template_kwargs"], json!({"enable_thinking": false}));
        model.think = Some(Think::Level("low".into()));
        assert_eq!(sent(&model, &prompt)["reasoning_effort"], "low");
    }

    #[test]
    fn user_and_assistant_take_turns_in_openais_api_alone() {
        let (user, own) = (|text: &str| Turn::User(text.into()), |text: &str| Turn::Assistant(text.into()));
        let prompt = prompt(&[own("a"), user("Ada: b"), user("Bo: c"), own("d"), own("e"), user("Ada: f")]);
        let expected = [
            ("system", "Be brief."),
            ("user", "…"),
            ("assistant", "a"),
            ("user", "Ada: b\nBo: c"),
            ("assistant", "d\ne"),
            ("user", "Ada: f"),
        ];
        let expected: Vec<Value> =
            expected.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
        let openai = model("http://127.0.0.1:8080/v1", Api::OpenAi);
        assert_eq!(sent(&openai, &prompt)["messages"], json!(expected));
        let ollama = model("http://127.0.0.1:11434", Api::Ollama);
        assert_eq!(sent(&ollama, &prompt)["messages"].as_array().unwrap().len(), 7);
        let without = Prompt { system: String::new(), ..prompt };
        assert_eq!(sent(&openai, &without)["messages"], json!(expected[1..]));
    }
}
