//! Failures of commands, as one sentence and an exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use millchat::log::LogError;

use super::number::grouped;
use crate::exit::{EXIT_FAILED, EXIT_REFUSED, EXIT_SKIPPED};
use crate::stderr;

/// The way to save the rest of a damaged log.
pub const SKIP_HINT: &str = "`millchat backup --skip-damaged` saves all records that can be read";

/// Why a command did not end well, as one sentence.
#[derive(Debug)]
pub enum Failure {
    /// The command could not begin: exit code 2.
    Refused(String),
    /// The command went wrong on the way, or found something wrong: exit code 1. Nothing is said when there
    /// is no sentence.
    Failed(Option<String>),
    /// The command has done its work, but for this many damaged records that it skipped: exit code 3.
    Skipped(u64),
}

impl Failure {
    /// A command that could not begin.
    pub fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }

    /// A command that went wrong on the way.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(Some(error.to_string()))
    }

    /// A log that does not read to its end.
    pub fn damaged(path: &Path, error: &LogError) -> Self {
        let name = path.display();
        Self::failed(format!("{name}: {error}; `millchat check {name}` lists what is wrong, and {SKIP_HINT}"))
    }

    /// A running server whose log does not read to its end.
    pub fn unreadable(why: &str) -> Self {
        Self::failed(format!("the server's log: {why}; nothing was left behind; {SKIP_HINT}"))
    }

    /// Fails if damaged records were skipped.
    pub fn of_skipped(count: u64) -> Result<(), Self> {
        if count == 0 { Ok(()) } else { Err(Self::Skipped(count)) }
    }

    /// stdout takes no more of what was to go there.
    pub fn stdout(error: &io::Error) -> Self {
        Self::failed(format!("stdout takes no more: {error}"))
    }

    /// The same, for a list: a reader that closes stdout has read enough.
    pub fn of_list(written: io::Result<()>) -> Result<(), Self> {
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Self::stdout(&error)),
            _ => Ok(()),
        }
    }

    /// Says the sentence, and gives the exit code.
    pub fn report(self) -> ExitCode {
        let (sentence, code) = match self {
            Self::Refused(sentence) => (Some(sentence), EXIT_REFUSED),
            Self::Failed(sentence) => (sentence, EXIT_FAILED),
            Self::Skipped(count) => {
                let (what, count) = (if count == 1 { "record was" } else { "records were" }, grouped(count));
                (Some(format!("{count} damaged {what} skipped; all others are there")), EXIT_SKIPPED)
            }
        };
        if let Some(sentence) = sentence {
            stderr::say(sentence);
        }
        ExitCode::from(code)
    }
}
