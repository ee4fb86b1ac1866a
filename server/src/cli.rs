//! The command line: a command of the operator, or the flags of the settings.

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;

use clap::Parser;

use crate::command::Command;
use crate::command::failure::Failure;
use crate::config::Flags;
use crate::environment;
use crate::exit::EXIT_REFUSED;
use crate::origin::Origins;
use crate::stderr;

/// A durable live chat that never loses a message.
///
/// Open the printed address in a browser: you land in a fresh room, and everybody who gets the room's address
/// is in it with you. Every message is on disk before anybody sees it. Programs use the JSON API; its
/// description is served at /api/openapi.json.
#[derive(Parser, Debug)]
#[command(name = "millchat", version, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// A command, done instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The settings to serve with.
    #[command(flatten)]
    pub flags: Flags,

    /// The origin of each setting.
    #[arg(skip)]
    pub origins: Origins,
}

impl Cli {
    /// Reads the command line. What is not to be done was said when it returns, with the exit code.
    pub fn parse() -> Result<Self, ExitCode> {
        let error = match environment::parse::<Self>(std::env::args_os()) {
            Ok((cli, origins)) => return Ok(Self { origins, ..cli }),
            Err(error) => error,
        };
        let text = error.render();
        let shown = |in_terminal| if in_terminal { text.ansi().to_string() } else { text.to_string() };
        if error.use_stderr() {
            stderr::write(shown(stderr::is_terminal()).as_bytes());
            return Err(ExitCode::from(EXIT_REFUSED));
        }
        let mut out = stdout().lock();
        let written = out.write_all(shown(out.is_terminal()).as_bytes()).and_then(|()| out.flush());
        Err(Failure::of_list(written).map_or_else(Failure::report, |()| ExitCode::SUCCESS))
    }
}

const AFTER_HELP: &str = "\
A flag is stronger than the environment, the environment than the file, the file than the default. A
variable that is empty counts as unset.
RUST_LOG chooses which log lines are shown, for example RUST_LOG=debug; the default is info.

Examples:
  millchat                                 on this machine only, log in ./millchat.redb
  millchat -a 0.0.0.0:8080 -l /var/lib/millchat/log.redb
  millchat -a 127.0.0.1:0 -l temp:         to try something out: leaves nothing behind
  millchat --acme chat.example.org         on the internet: HTTPS, with a certificate of its own
  millchat --public-url https://chat.example.org --trusted-proxies 127.0.0.1 --rate-limit author=5/20
                                           behind a proxy on the same machine
  millchat backup --from http://127.0.0.1:8080 --admin-token-file admin.token backup.redb
  millchat check backup.redb
  millchat probe                           is the server of these settings ready?";
