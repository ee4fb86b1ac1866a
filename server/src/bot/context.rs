//! The text that a model reads about a room: read from the log again for each answer, so that nothing is in it that
//! was deleted, edited away or emptied, and nothing of another room.

use std::collections::{HashMap, HashSet};

use millchat::{Author, Chat, HistoryRange, Message, ReadError};

use super::model::Prompt;
use super::model::prompt::{Budget, PROMPT_MESSAGES_MAX, Said, pack};
use super::question::Question;
use super::settings::Bot;
use crate::sanitize::tag;

/// Most times that the text is read again because some of it was deleted meanwhile.
const READS_MAX: usize = 8;

/// Returns the prompt for a question; `None` if the question is not there any more.
pub async fn prompt(
    chat: &Chat,
    bot: &Bot,
    question: &Question,
    budget: Budget,
) -> Result<Option<Prompt>, ReadError> {
    for _ in 0..READS_MAX {
        let mark = chat.redaction_mark();
        let before = HistoryRange::Before(question.position.saturating_add(1));
        let mut messages = chat.history(&question.room, before, PROMPT_MESSAGES_MAX).await?.messages;
        let asked =
            messages.pop().filter(|last| last.position == question.position && last.content.is_some());
        let Some(asked) = asked else { return Ok(None) };
        let answered = match asked.reply_to {
            Some(target) => chat.message(&question.room, target).await?,
            None => None,
        };
        let all = || messages.iter().chain(&answered).chain([&asked]);
        if chat.is_current(mark, |position| all().any(|message| message.position == position)) {
            return Ok(Some(packed(bot, &messages, answered.as_ref(), &asked, budget)));
        }
    }
    Err(ReadError::Busy)
}

fn packed(
    bot: &Bot,
    before: &[Message],
    answered: Option<&Message>,
    asked: &Message,
    budget: Budget,
) -> Prompt {
    let all: Vec<&Message> = before.iter().chain(answered).chain([asked]).collect();
    let shared = shared_names(all.iter().filter_map(|message| message.author.as_ref()));
    let texts: HashMap<_, String> = all
        .iter()
        .filter_map(|message| {
            let text = message.content.as_deref()?;
            Some((message.position, without_mention(text, &bot.author.name)))
        })
        .collect();
    let said = |message: &&Message| {
        let author = message.author.as_ref()?;
        Some((message.position, author.clone(), texts.get(&message.position)?.as_str()))
    };
    let kept: Vec<_> = all.iter().filter_map(said).collect();
    let shown: Vec<Said<'_>> = kept
        .iter()
        .map(|(position, author, text)| Said {
            position: *position,
            name: &author.name,
            tag: shared.contains(&*author.name).then(|| tag(&author.id)),
            is_self: author.id == bot.author.id,
            text,
        })
        .collect();
    let of = |position| shown.iter().find(|said| said.position == position);
    let Some(question) = of(asked.position) else { return Prompt::default() };
    let answered = answered.and_then(|message| of(message.position));
    let newest_first: Vec<Said<'_>> =
        before.iter().rev().filter_map(|message| of(message.position)).copied().collect();
    pack(&bot.system, question, answered, &newest_first, budget)
}

/// Returns the names that more than one of these authors has.
fn shared_names<'a>(authors: impl Iterator<Item = &'a Author>) -> HashSet<&'a str> {
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut shared = HashSet::new();
    for author in authors {
        if *first.entry(&author.name).or_insert(&author.id) != &*author.id {
            shared.insert(&*author.name);
        }
    }
    shared
}

/// Returns a text without `@NAME`, in upper or lower case.
fn without_mention(text: &str, name: &str) -> String {
    let mut left = text;
    let mut out = String::with_capacity(text.len());
    while let Some(at) = left.find('@') {
        let (before, rest) = left.split_at(at);
        out.push_str(before);
        if let Some(after) = after_name(&rest[1..], name) {
            left = after.trim_start_matches([' ', ',', ':']);
        } else {
            out.push('@');
            left = &rest[1..];
        }
    }
    out.push_str(left);
    out.trim().to_owned()
}

/// Returns the text behind a name, if it begins with it and no letter follows.
fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in name.chars() {
        if !rest.next()?.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    let rest = rest.as_str();
    (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mention_of_the_bot_is_left_out() {
        for (text, expected) in [
            ("@Ollama who are you?", "who are you?"),
            ("hello @OLLAMA, who?", "hello who?"),
            ("@Ollamas are animals", "@Ollamas are animals"),
            ("mail me@ollama.example", "mail me.example"),
            ("@", "@"),
            ("@Ollama", ""),
        ] {
            assert_eq!(without_mention(text, "Ollama"), expected, "{text}");
        }
    }
}
