//! `millchat config check`: reads the settings as the server would, and asks the providers of the logins.

use std::io::{self, Write as _};

use clap::Subcommand;

use super::failure::Failure;
use crate::config::Flags;
use crate::origin::Origins;
use crate::sign_in::Logins;
use crate::start;

/// The settings, looked at without serving.
#[derive(clap::Args, Debug)]
pub struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand, Debug)]
enum ConfigCommand {
    Check(Check),
}

/// Reads the settings as the server would, and says what is wrong with them: exit code 2. Then says which rights
/// in them have no effect, asks the provider of each login, and says what it answers: exit code 1 if there is such
/// a right, or a provider does not answer as it should.
///
/// It opens no log and listens nowhere, so it may run beside the server.
#[derive(clap::Args, Debug)]
struct Check {
    #[command(flatten)]
    flags: Flags,
}

impl Config {
    pub fn run(&self, origins: &Origins) -> Result<(), Failure> {
        let ConfigCommand::Check(check) = &self.command;
        let (settings, origins) = check
            .flags
            .settings(origins)
            .map_err(|error| Failure::refused(format!("{error}{}", error.told(origins))))?;
        let logins = start::logins(&settings)
            .map_err(|error| Failure::refused(format!("{error}{}", origins.told("login"))))?;
        let doubts = settings.doubts();
        say(if doubts.is_empty() { "the settings are good" } else { "the settings can be served, but:" })?;
        for doubt in &doubts {
            say(doubt)?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Failure::refused)?.block_on(ask(&logins))?;
        if doubts.is_empty() {
            Ok(())
        } else {
            Err(Failure::failed("rights in the settings have no effect, as is said above"))
        }
    }
}

/// Asks the providers, one after the other.
async fn ask(logins: &Logins) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for login in logins.iter() {
        let name = &login.settings.name;
        match login.check(&logins.outgoing).await {
            Ok(found) => say(&format!("login {name}: {found}"))?,
            Err(error) => wrong.push(format!("login {name}: {error}")),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::failed(wrong.join("; "))) }
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(|error| Failure::stdout(&error))
}
