//! The operator's commands: check, backup, export, import.
//!
//! Each reads a log that no server has open, but for `backup --from`, which asks a running server. None changes
//! the log it reads. They exit with 0 when all is well, with 1 when something was found or went wrong on the way,
//! and with 2 when they could not begin; what was half made is gone then. Progress is shown on a terminal only.

mod backup;
mod check;
mod export;
mod fetch;
mod import;
pub mod lines;
mod progress;

use crate::{EXIT_FAILED, EXIT_REFUSED};
use clap::Subcommand;
use millchat::RoomName;
use millchat::log::Record;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// What to do instead of serving.
#[derive(Subcommand, Debug)]
pub enum Command {
    Check(check::Check),
    Backup(backup::Backup),
    Export(export::Export),
    Import(import::Import),
}

/// Why a command did not end well, as one sentence.
#[derive(Debug)]
pub enum Failure {
    /// It could not begin: exit code 2.
    Refused(String),
    /// It went wrong on the way, or found something wrong: exit code 1. Nothing is said when there is no sentence.
    Failed(Option<String>),
}

impl Failure {
    fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }

    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(Some(error.to_string()))
    }
}

impl Command {
    /// Does it.
    pub fn run(&self) -> ExitCode {
        // The storage may panic on the pages of a damaged log. That is said as a sentence.
        if std::env::var_os("RUST_BACKTRACE").is_none() {
            std::panic::set_hook(Box::new(|_| {}));
        }
        let done = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Check(check) => check.run(),
            Self::Backup(backup) => backup.run(),
            Self::Export(export) => export.run(),
            Self::Import(import) => import.run(),
        }));
        let done = done.unwrap_or_else(|_| {
            Err(Failure::failed(
                "the log is damaged in a way that stops the reading; `millchat check LOG` says more",
            ))
        });
        let (sentence, code) = match done {
            Ok(()) => return ExitCode::SUCCESS,
            Err(Failure::Refused(sentence)) => (Some(sentence), EXIT_REFUSED),
            Err(Failure::Failed(sentence)) => (sentence, EXIT_FAILED),
        };
        if let Some(sentence) = sentence {
            eprintln!("millchat: {sentence}");
        }
        ExitCode::from(code)
    }
}

/// Which rooms a command is about.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct Rooms {
    /// Only this room; give it again for more rooms [default: all]
    #[arg(long = "room", value_name = "ROOM", value_parser = parse_room)]
    names: Vec<RoomName>,
}

impl Rooms {
    /// Whether all rooms are meant.
    fn all(&self) -> bool {
        self.names.is_empty()
    }

    fn names(&self) -> &[RoomName] {
        &self.names
    }

    /// Whether a room is one of these.
    fn has(&self, room: &RoomName) -> bool {
        self.all() || self.names.contains(room)
    }

    /// Whether a record is one of these rooms. What stands outside the rooms, such as a ban, goes only with all of
    /// them.
    fn take(&self, record: &Record) -> bool {
        self.all() || record.event.as_ref().is_some_and(|event| self.has(&event.room))
    }
}

fn parse_room(text: &str) -> Result<RoomName, String> {
    RoomName::new(text).map_err(|error| error.to_string())
}

/// A number as people read it: 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
    }
}
