//! The table `[[bot]]` of the settings, and `--ollama`: a model that answers people.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use millchat::{Author, AuthorKind};
use serde::Deserialize;

use super::model::{Api, Endpoint, Key, Model, Think, Times};
use crate::as_text::as_text;
use crate::program_id;
use crate::program_rooms::{ProgramRooms, When};
use crate::sanitize;

/// Longest system text, in bytes.
const SYSTEM_BYTES_MAX: usize = 8 * 1024;
/// Longest time for which a question is answered: keys of messages are remembered for twice as long.
const ANSWER_WITHIN_MAX: Duration = Duration::from_hours(12);
/// Most answers at once, of one bot.
const PARALLEL_MAX: u32 = 16;
/// Most tokens of a prompt with its answer.
const CONTEXT_TOKENS_MAX: u32 = 1_048_576;

/// A table as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BotTable {
    id: String,
    name: String,
    url: String,
    #[serde(default = "ollama_api")]
    api: Api,
    model: String,
    rooms: Vec<String>,
    #[serde(default)]
    answers: When,
    system: Option<String>,
    #[serde(default = "context_tokens")]
    context_tokens: u32,
    #[serde(default = "answer_tokens")]
    answer_tokens: u32,
    #[serde(default = "per_author")]
    per_author: u32,
    #[serde(default = "per_room")]
    per_room: u32,
    #[serde(default = "parallel")]
    parallel: u32,
    #[serde(default)]
    answer_within: AnswerWithin,
    key_file: Option<PathBuf>,
    think: Option<Think>,
    keep_alive: Option<String>,
    tokens_a_day: Option<u64>,
}

fn ollama_api() -> Api {
    Api::Ollama
}

fn context_tokens() -> u32 {
    4_096
}

fn answer_tokens() -> u32 {
    1_024
}

fn per_author() -> u32 {
    6
}

fn per_room() -> u32 {
    60
}

fn parallel() -> u32 {
    1
}

/// The age up to which a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AnswerWithin(pub Duration);

impl Default for AnswerWithin {
    fn default() -> Self {
        Self(Duration::from_mins(10))
    }
}

impl FromStr for AnswerWithin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = humantime::parse_duration(text).ok();
        let time = time.filter(|time| (Duration::from_secs(1)..=ANSWER_WITHIN_MAX).contains(time));
        time.map(Self)
            .ok_or_else(|| format!("`{text}` is no age of a question; it is 1s to 12h, such as 10m"))
    }
}

as_text!(AnswerWithin);

impl fmt::Display for AnswerWithin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A bot that can be used.
#[derive(Debug, Clone)]
pub struct Bot {
    /// Its id in the settings.
    pub id: String,
    /// The author of its answers.
    pub author: Author,
    /// Its model.
    pub model: Model,
    /// Its rooms.
    pub rooms: ProgramRooms,
    /// The messages that it answers.
    pub answers: When,
    /// The text that its model reads before all else.
    pub system: String,
    /// Most answers a minute to one author.
    pub per_author: u32,
    /// Most answers an hour in one room.
    pub per_room: u32,
    /// Most answers at once.
    pub parallel: usize,
    /// The age up to which a question is answered.
    pub answer_within: Duration,
    /// Tokens of prompts and answers that it may use in a day.
    pub tokens_a_day: Option<u64>,
}

/// A table that cannot be used, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[bot]] {id}: {sentence}")]
pub struct BotError {
    id: String,
    sentence: String,
}

/// Checks the tables, and reads the keys that they name. The ids must have passed [`program_id::check`].
pub fn bots(tables: &[BotTable]) -> Result<Vec<Bot>, BotError> {
    let error = |table: &BotTable, sentence| BotError { id: table.id.clone(), sentence };
    tables.iter().map(|table| table.bot().map_err(|sentence| error(table, sentence))).collect()
}

impl BotTable {
    /// Returns the one bot of `--ollama`: it answers everything in its rooms.
    pub fn of_ollama(url: String, model: String, rooms: Vec<String>) -> Self {
        Self {
            id: "ollama".to_owned(),
            name: "Ollama".to_owned(),
            url,
            api: Api::Ollama,
            model,
            rooms,
            answers: When::All,
            system: None,
            context_tokens: context_tokens(),
            answer_tokens: answer_tokens(),
            per_author: per_author(),
            per_room: per_room(),
            parallel: parallel(),
            answer_within: AnswerWithin::default(),
            key_file: None,
            think: None,
            keep_alive: None,
            tokens_a_day: None,
        }
    }

    /// Returns its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the file that holds its key, if it has one.
    pub fn key_file(&self) -> Option<&Path> {
        self.key_file.as_deref()
    }

    fn bot(&self) -> Result<Bot, String> {
        let name = sanitize::name(&self.name).map_err(|error| format!("`name`: {error}"))?;
        let system = self.system.clone().unwrap_or_else(|| system(&name));
        if system.len() > SYSTEM_BYTES_MAX {
            return Err(format!("`system` is {} bytes; the limit is {SYSTEM_BYTES_MAX}", system.len()));
        }
        for (setting, value, max) in [
            ("context-tokens", self.context_tokens, CONTEXT_TOKENS_MAX),
            ("answer-tokens", self.answer_tokens, self.context_tokens),
            ("per-author", self.per_author, u32::MAX),
            ("per-room", self.per_room, u32::MAX),
            ("parallel", self.parallel, PARALLEL_MAX),
        ] {
            if value == 0 || value > max {
                return Err(format!("`{setting}` is {value}; it is 1 to {max}"));
            }
        }
        let rooms = ProgramRooms::read(&self.rooms)?;
        if rooms == ProgramRooms::All && self.answers == When::All {
            let why = "it would answer everything that anybody says anywhere";
            return Err(format!("`rooms = [\"*\"]` goes with `answers = \"mention\"` alone: {why}"));
        }
        let author =
            Author { id: program_id::author_id(&self.id).into(), name: name.into(), kind: AuthorKind::Bot };
        Ok(Bot {
            id: self.id.clone(),
            author,
            model: self.model()?,
            rooms,
            answers: self.answers,
            system,
            per_author: self.per_author,
            per_room: self.per_room,
            parallel: self.parallel as usize,
            answer_within: self.answer_within.0,
            tokens_a_day: self.tokens_a_day,
        })
    }

    fn model(&self) -> Result<Model, String> {
        let endpoint = Endpoint::parse(&self.url, self.api).map_err(|error| format!("`url`: {error}"))?;
        if self.model.trim().is_empty() {
            return Err("`model` is empty; it is the name by which the server knows it".to_owned());
        }
        Ok(Model {
            endpoint,
            name: self.model.clone(),
            context_tokens: self.context_tokens,
            answer_tokens: self.answer_tokens,
            key: self.key_file.as_deref().map(read_key).transpose()?,
            think: self.think.clone(),
            keep_alive: self.keep_alive.clone(),
            times: Times::default(),
            trust: None,
        })
    }
}

/// Reads the key in a file. No error repeats any of it.
fn read_key(file: &Path) -> Result<Key, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    Key::parse(&text).map_err(|error| format!("{name}: {error}"))
}

/// The system text of a bot that has none of its own.
fn system(name: &str) -> String {
    format!(
        "You are {name}, a bot in a chat room where several people talk. Each message of theirs begins with the name of \
         its author. Answer the last message, briefly, in the language in which it is written. Write the answer alone, \
         without your own name before it."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        "id = \"a\"\nname = \"A\"\nurl = \"http://127.0.0.1:1\"\nmodel = \"m\"\nrooms = [\"lobby\"]\n";

    fn read(more: &str) -> Result<Bot, String> {
        let table: BotTable = toml::from_str(&format!("{LEAST}{more}")).map_err(|error| error.to_string())?;
        bots(&[table]).map(|mut bots| bots.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_has_the_defaults_of_the_documentation() {
        let bot = read("").unwrap();
        assert_eq!((&*bot.author.id, &*bot.author.name, bot.author.kind), ("b_a", "A", AuthorKind::Bot));
        assert_eq!((bot.model.context_tokens, bot.model.answer_tokens), (4_096, 1_024));
        assert_eq!((bot.per_author, bot.per_room, bot.parallel), (6, 60, 1));
        assert_eq!((bot.answer_within, bot.answers), (Duration::from_mins(10), When::Mention));
        assert!(bot.system.contains("You are A"));
    }

    #[test]
    fn a_wrong_table_is_refused_with_a_sentence() {
        for (more, sentence) in [
            ("answers = \"all\"\ncolour = 1", "unknown field `colour`"),
            ("answer-within = \"13h\"", "1s to 12h"),
            ("parallel = 0", "`parallel` is 0; it is 1 to 16"),
            ("parallel = 17", "`parallel` is 17; it is 1 to 16"),
            ("answer-tokens = 5000", "`answer-tokens` is 5000; it is 1 to 4096"),
            ("api = \"openai\"", "does not end in /v1"),
            ("key-file = \"/nowhere\"", "/nowhere cannot be read"),
        ] {
            let error = read(more).unwrap_err();
            assert!(error.contains(sentence), "{more}: {error}");
        }
        let everywhere = LEAST.replace("[\"lobby\"]", "[\"*\"]");
        let table: BotTable = toml::from_str(&format!("{everywhere}answers = \"all\"")).unwrap();
        assert!(bots(&[table]).unwrap_err().to_string().contains("would answer everything"));
        let table: BotTable = toml::from_str(&everywhere).unwrap();
        assert!(bots(&[table]).unwrap()[0].rooms == ProgramRooms::All);
    }
}
