//! Failures of commands, as one sentence and an exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use millchat::log::LogError;

use crate::exit::{EXIT_FAILED, EXIT_REFUSED};
use crate::stderr;

/// Why a command did not end well, as one sentence.
#[derive(Debug)]
pub enum Failure {
    /// The command could not begin: exit code 2.
    Refused(String),
    /// The command went wrong on the way, or found something wrong: exit code 1. Nothing is said when there
    /// is no sentence.
    Failed(Option<String>),
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
        Self::failed(format!("{name}: {error}; `millchat check {name}` lists what is wrong"))
    }

    /// stdout takes no more of what was to go there.
    pub fn stdout(error: &io::Error) -> Self {
        Self::failed(format!("stdout takes no more: {error}"))
    }

    /// Says the sentence, and gives the exit code.
    pub fn report(self) -> ExitCode {
        let (sentence, code) = match self {
            Self::Refused(sentence) => (Some(sentence), EXIT_REFUSED),
            Self::Failed(sentence) => (sentence, EXIT_FAILED),
        };
        if let Some(sentence) = sentence {
            stderr::say(sentence);
        }
        ExitCode::from(code)
    }
}
