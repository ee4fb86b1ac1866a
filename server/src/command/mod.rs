//! The operator's commands: check, backup, cluster, export, import, probe, rotate-key, token.
//!
//! Each reads a log that no server has open, but for `backup --from`, `probe`, `rotate-key` and `token`, which ask
//! a running server. None changes the log it reads. They exit with 0 when all is well, with 1 when something was found or went
//! wrong on the way, with 2 when they could not begin, and with 3 when they skipped damaged records as they
//! were told; what was half made is gone then. Progress is shown on a terminal only.

mod at_server;
mod backup;
mod check;
mod cluster;
mod config;
mod export;
pub mod failure;
mod import;
mod number;
mod probe;
mod progress;
mod remote_backup;
mod rooms;
mod rotate_key;
mod server_address;
mod terminal;
mod token;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Subcommand;

use failure::{Failure, SKIP_HINT};

use crate::origin::Origins;

/// A command of the operator, done instead of serving.
#[derive(Subcommand, Debug)]
pub enum Command {
    Check(check::Check),
    Cluster(cluster::Cluster),
    Config(Box<config::Config>),
    Backup(backup::Backup),
    Export(export::Export),
    Import(import::Import),
    Probe(probe::Probe),
    RotateKey(rotate_key::RotateKey),
    Token(token::Token),
}

impl Command {
    /// Does it. `origins`: where its flags were set.
    pub fn run(&self, origins: &Origins) -> ExitCode {
        // The storage may panic on the pages of a damaged log. That is said as a sentence.
        if std::env::var_os("RUST_BACKTRACE").is_none_or(|wish| wish.is_empty()) {
            std::panic::set_hook(Box::new(|_| {}));
        }
        let done = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Check(check) => check.run(),
            Self::Cluster(cluster) => cluster.run(),
            Self::Config(config) => config.run(origins),
            Self::Backup(backup) => backup.run(origins),
            Self::Export(export) => export.run(),
            Self::Import(import) => import.run(),
            Self::Probe(probe) => probe.run(),
            Self::RotateKey(rotate_key) => rotate_key.run(origins),
            Self::Token(token) => token.run(origins),
        }));
        let done = done.unwrap_or_else(|_| {
            Err(Failure::failed(format!(
                "the log is damaged in a way that stops the reading; `millchat check LOG` says more, and \
                 {SKIP_HINT}"
            )))
        });
        done.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
    }
}
