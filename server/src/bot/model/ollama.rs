//! A line of Ollama's answer.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::chunk::Chunk;
use super::failure::Break;
use super::piece::Finished;

/// A line. What it has beside is ignored.
#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<IgnoredAny>,
}

/// Reads a line.
pub fn read(line: &[u8]) -> Result<Chunk, Break> {
    if line.is_empty() {
        return Ok(Chunk::default());
    }
    let line: Line = serde_json::from_str(&String::from_utf8_lossy(line)).map_err(|_| Break::Foreign)?;
    if line.error.is_some() {
        return Err(Break::Reported);
    }
    let message = line.message.unwrap_or_default();
    let finished = line.done.then(|| Finished {
        cut: line.done_reason.as_deref() == Some("length"),
        prompt_tokens: line.prompt_eval_count,
        answer_tokens: line.eval_count,
    });
    let is_thinking = message.tool_calls.is_some() || message.thinking.is_some_and(|text| !text.is_empty());
    Ok(Chunk { is_thinking, text: message.content.unwrap_or_default(), finished })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Chunk {
        Chunk { text: text.into(), ..Chunk::default() }
    }

    #[test]
    fn a_line_has_text_or_thinking_or_the_end() {
        let end = Finished { cut: true, prompt_tokens: Some(15), answer_tokens: Some(5) };
        for (line, expected) in [
            (r#"{"message":{"role":"assistant","content":" sky"},"done":false}"#, text(" sky")),
            (r#"{"message":{"content":null}}"#, text("")),
            (
                r#"{"message":{"content":"","thinking":"Hm"},"done":false}"#,
                Chunk { is_thinking: true, ..text("") },
            ),
            (r#"{"message":{"content":"","thinking":""}}"#, text("")),
            (r#"{"message":{"content":"","tool_calls":[{}]}}"#, Chunk { is_thinking: true, ..text("") }),
            (r#"{"unheard":[1],"done":false}"#, text("")),
            (
                r#"{"done":true,"done_reason":"stop"}"#,
                Chunk { finished: Some(Finished::default()), ..text("") },
            ),
            (
                r#"{"message":{"content":"x"},"done":true,"done_reason":"length","prompt_eval_count":15,
                    "eval_count":5}"#,
                Chunk { finished: Some(end), ..text("x") },
            ),
            ("", text("")),
        ] {
            assert_eq!(read(line.as_bytes()).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn an_error_is_not_text_and_a_foreign_line_is_none() {
        assert!(matches!(read(br#"{"error":"unexpected EOF"}"#), Err(Break::Reported)));
        for line in ["<html>", "[]", "data: {}", r#"{"message":3}"#, r#"{"done":"#] {
            assert!(matches!(read(line.as_bytes()), Err(Break::Foreign)), "{line}");
        }
    }
}
