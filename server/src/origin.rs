//! Origins of settings: a flag, a variable of the environment, or a line of the settings file. An error about
//! a setting names its origin.

use std::collections::BTreeMap;
use std::fmt;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// The place where a setting was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line, with its dashes.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// A line of a settings file.
    File {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File { path, line } => write!(f, "{path}, line {line}"),
        }
    }
}

/// The origins of the settings that are not the defaults, by the names of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Returns the origins of what was read from the command line and the environment; of a command with
    /// those of its own.
    pub fn of(command: &Command, matches: &ArgMatches) -> Self {
        let mut origins = BTreeMap::new();
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let origin = match matches.value_source(arg.get_id().as_str()) {
                Some(ValueSource::CommandLine) => Origin::Flag(format!("--{long}")),
                Some(ValueSource::EnvVariable) => match arg.get_env() {
                    Some(name) => Origin::Variable(name.to_string_lossy().into_owned()),
                    None => continue,
                },
                _ => continue,
            };
            origins.insert(long.to_owned(), origin);
        }
        if let Some((name, matches)) = matches.subcommand()
            && let Some(command) = command.find_subcommand(name)
        {
            origins.extend(Self::of(command, matches).0);
        }
        Self(origins)
    }

    /// Returns these, and under them those of the file: what is in both is set by these.
    pub fn over(&self, file: impl IntoIterator<Item = (String, Origin)>) -> Self {
        let mut origins: BTreeMap<_, _> = file.into_iter().collect();
        origins.extend(self.0.clone());
        Self(origins)
    }

    /// Returns where a setting was set; `None` when it has its default.
    pub fn get(&self, setting: &str) -> Option<&Origin> {
        self.0.get(setting)
    }

    /// Returns the words after a sentence about a setting: none when it has its default.
    pub fn told(&self, setting: &str) -> String {
        self.get(setting).map(|origin| format!(" ({setting} is set by {origin})")).unwrap_or_default()
    }
}
