//! The settings of the profile `greedy`, and the commands of its child processes.

use std::net::SocketAddr;

use clap::{Args, Subcommand, ValueEnum};

use crate::greedy::attacks::list;

/// The limits of the server under attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerLimits {
    /// The limits that are recommended for a public address
    Public,
    /// No limits, and one source address for each attack
    Off,
}

/// The flags of the profile `greedy`.
#[derive(Debug, Clone, Args)]
pub struct GreedyFlags {
    /// With --profile greedy: seconds of each attack, and of the baseline before it
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,

    /// With --profile greedy: the limits of the server
    #[arg(long, value_enum, value_name = "LIMITS", default_value = "public")]
    pub greedy_limits: ServerLimits,

    /// With --profile greedy: the attacks to run, by name [default: all of them]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = list::names())]
    pub attacks: Vec<String>,
}

/// The child processes of the profile `greedy`.
#[derive(Debug, Clone, Subcommand)]
pub enum ChildCommand {
    /// The attackers: obey lines on stdin
    #[command(hide = true)]
    GreedyAttacker {
        /// The attack's name
        #[arg(value_parser = list::names())]
        attack: String,
        /// The server, for the preparation
        server: SocketAddr,
        /// Use a single source address
        #[arg(long)]
        one_source: bool,
    },
    /// A process that only accepts what attackers send
    #[command(hide = true)]
    GreedySink,
}
