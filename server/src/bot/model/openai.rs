//! The events of an answer in OpenAI's API: `data:` lines of JSON, and `[DONE]`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::chunk::Chunk;
use super::failure::Break;
use super::piece::Finished;

/// An event. What it has beside is ignored.
#[derive(Deserialize)]
struct Event {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    reasoning: Option<Value>,
    reasoning_content: Option<Value>,
    tool_calls: Option<Value>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// Reads the lines of an answer.
#[derive(Debug, Default)]
pub struct Reader {
    /// The end, as events before it tell it.
    end: Finished,
}

impl Reader {
    /// Reads a line. Each event is one line of JSON, so an empty line after it says nothing.
    pub fn read(&mut self, line: &[u8]) -> Result<Chunk, Break> {
        let line = String::from_utf8_lossy(line);
        let Some((field, value)) = line.split_once(':') else { return skipped(&line) };
        match field {
            "data" => self.data(value.trim()),
            // llama.cpp had this field of its own.
            "error" => Err(Break::Reported),
            // A comment, and the other fields of an event.
            "" | "event" | "id" | "retry" => Ok(Chunk::default()),
            _ => Err(Break::Foreign),
        }
    }

    fn data(&mut self, data: &str) -> Result<Chunk, Break> {
        if data == "[DONE]" {
            return Ok(Chunk { finished: Some(self.end), ..Chunk::default() });
        }
        let event: Event = serde_json::from_str(data).map_err(|_| Break::Foreign)?;
        if event.error.is_some() {
            return Err(Break::Reported);
        }
        if let Some(usage) = event.usage {
            self.end.prompt_tokens = usage.prompt_tokens.or(self.end.prompt_tokens);
            self.end.answer_tokens = usage.completion_tokens.or(self.end.answer_tokens);
        }
        // One was asked for.
        let Some(choice) = event.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(Chunk::default());
        };
        self.end.cut |= choice.finish_reason.as_deref() == Some("length");
        let delta = choice.delta.unwrap_or_default();
        let is_thinking =
            [delta.reasoning, delta.reasoning_content, delta.tool_calls].iter().flatten().any(is_said);
        Ok(Chunk { is_thinking, text: delta.content.unwrap_or_default(), finished: None })
    }
}

/// Returns true if a field has something in it.
fn is_said(field: &Value) -> bool {
    match field {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// Reads a line without a colon: the end of an event, or a field without a value.
fn skipped(line: &str) -> Result<Chunk, Break> {
    if matches!(line, "" | "data" | "event" | "id" | "retry") {
        Ok(Chunk::default())
    } else {
        Err(Break::Foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Chunk {
        Chunk { text: text.into(), ..Chunk::default() }
    }

    #[test]
    fn an_event_has_text_or_thinking_or_nothing() {
        let thinking = || Chunk { is_thinking: true, ..text("") };
        for (line, expected) in [
            (
                r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":" sky"}}]}"#,
                text(" sky"),
            ),
            (r#"data:{"choices":[{"delta":{"content":"x"},"finish_reason":null}]}"#, text("x")),
            (r#"data: {"choices":[{"delta":{"role":"assistant","content":null}}]}"#, text("")),
            (r#"data: {"choices":[]}"#, text("")),
            (r#"data: {"choices":null,"usage":null}"#, text("")),
            (r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#, text("")),
            (r#"data: {"choices":[{"delta":{"reasoning":"Hm"}}]}"#, thinking()),
            (r#"data: {"choices":[{"delta":{"reasoning_content":"Hm","content":null}}]}"#, thinking()),
            (r#"data: {"choices":[{"delta":{"reasoning":null,"reasoning_content":""}}]}"#, text("")),
            (r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, thinking()),
            (r#"data: {"choices":[{"delta":{"tool_calls":[]}}]}"#, text("")),
            (": still here", text("")),
            ("event: message", text("")),
            ("id: 5", text("")),
            ("", text("")),
        ] {
            assert_eq!(Reader::default().read(line.as_bytes()).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn the_end_has_what_was_said_of_it_before() {
        let mut reader = Reader::default();
        for line in [
            r#"data: {"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}"#,
            r#"data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":17,"total_tokens":29}}"#,
        ] {
            reader.read(line.as_bytes()).unwrap();
        }
        let end = Finished { cut: true, prompt_tokens: Some(12), answer_tokens: Some(17) };
        assert_eq!(reader.read(b"data: [DONE]").unwrap(), Chunk { finished: Some(end), ..text("") });
    }

    #[test]
    fn an_error_is_not_text_and_a_foreign_line_is_none() {
        for line in [r#"data: {"error":{"code":500}}"#, r#"error: {"code":500}"#] {
            assert!(matches!(Reader::default().read(line.as_bytes()), Err(Break::Reported)), "{line}");
        }
        for line in ["<html>", "data: [1]", "data: {", r#"{"message":{}}"#, r#"data: {"choices":3}"#] {
            assert!(matches!(Reader::default().read(line.as_bytes()), Err(Break::Foreign)), "{line}");
        }
    }
}
