//! The table `[[webhook]]` of the settings: a receiver of messages.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::address::Address;
use crate::as_text::as_text;
use crate::program_rooms::{ProgramRooms, When};
use crate::sanitize;
use crate::standard_webhooks::Secret;

/// Most secrets of one webhook: the one in use, and the next one while they change.
const SECRETS_MAX: usize = 2;
/// Longest first wait.
const FIRST_WAIT_MAX: Duration = Duration::from_mins(5);

/// A table as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookTable {
    id: String,
    name: String,
    url: String,
    secret_file: PathBuf,
    rooms: Vec<String>,
    #[serde(default)]
    when: When,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    first_wait: FirstWait,
}

/// The wait after the first failure, which is doubled after each further one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FirstWait(pub Duration);

impl Default for FirstWait {
    fn default() -> Self {
        Self(Duration::from_secs(1))
    }
}

impl FromStr for FirstWait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = humantime::parse_duration(text).ok();
        let time = time.filter(|time| (Duration::from_millis(1)..=FIRST_WAIT_MAX).contains(time));
        time.map(Self).ok_or_else(|| format!("`{text}` is no wait; it is 1ms to 5m, such as 1s"))
    }
}

as_text!(FirstWait);

/// A webhook that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id, which is the author's of its answers with `b_` before it.
    pub id: String,
    /// The name that people read, and by which it is mentioned.
    pub name: String,
    /// The receiver.
    pub address: Address,
    /// The secrets by which each request is signed; at least one.
    pub secrets: Vec<Secret>,
    /// Its rooms.
    pub rooms: ProgramRooms,
    /// The messages that it sends.
    pub when: When,
    /// The wait after the first failure.
    pub first_wait: Duration,
}

/// A table that cannot be used, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[webhook]] {id}: {sentence}")]
pub struct WebhookError {
    id: String,
    sentence: String,
}

/// Checks the tables, and reads the secrets that they name. The ids must have passed [`crate::program_id::check`].
pub fn webhooks(tables: &[WebhookTable]) -> Result<Vec<Webhook>, WebhookError> {
    let error = |table: &WebhookTable, sentence| WebhookError { id: table.id.clone(), sentence };
    tables.iter().map(|table| table.webhook().map_err(|sentence| error(table, sentence))).collect()
}

impl WebhookTable {
    /// Returns its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the file that holds its secrets.
    pub fn secret_file(&self) -> &Path {
        &self.secret_file
    }

    fn webhook(&self) -> Result<Webhook, String> {
        let name = sanitize::name(&self.name).map_err(|error| format!("`name`: {error}"))?;
        let address = Address::read(&self.url, self.private).map_err(|rule| format!("`url`: {rule}"))?;
        let (id, when) = (self.id.clone(), self.when);
        let (rooms, secrets) = (ProgramRooms::read(&self.rooms)?, read_secrets(&self.secret_file)?);
        Ok(Webhook { id, name, address, secrets, rooms, when, first_wait: self.first_wait.0 })
    }
}

/// Reads the secrets of a file, one in each line. No error repeats any of it.
fn read_secrets(file: &Path) -> Result<Vec<Secret>, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Vec<Secret> = lines.map(str::parse).collect::<Result<_, _>>().map_err(|error| {
        format!("{name}: {error}; `openssl rand -base64 32` makes one, with whsec_ before it")
    })?;
    if secrets.is_empty() || secrets.len() > SECRETS_MAX {
        return Err(format!("{name}: there are 1 to {SECRETS_MAX} secrets in it, each in a line"));
    }
    Ok(secrets)
}

impl fmt::Display for FirstWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}
