//! The command line: the load, the server and the outputs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::check::stamp::STAMP_BYTES_MAX;
use crate::greedy::settings::{ChildCommand, GreedyFlags};
use crate::load::profile::{Load, Profile};
use crate::load::rate::Rate;
use crate::load::room_choice::Spread;
use crate::server_api::presets::TargetFlags;

/// Most bytes of a message's content: the server's own limit.
const SIZE_BYTES_MAX: u64 = 65_536;
/// With several nodes: the parts of a run, between which all readers move.
const MOVES: u32 = 3;

/// Loads a chat over server-sent events, and verifies every delivery while it does.
///
/// Readers join first; then senders send on a fixed schedule (open loop: a message leaves at its time
/// whether or not the one before was answered, and every latency counts from that time). At the end each
/// acknowledged message must have reached each reader. Exits with 1 if it did not, or if nothing was
/// verified.
#[derive(Debug, Clone, Parser)]
#[command(version, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Flags {
    #[command(subcommand)]
    child: Option<ChildCommand>,

    /// A named load; the flags below change parts of it
    #[arg(long, value_enum, value_name = "NAME")]
    profile: Option<Profile>,

    /// Readers that join first and follow to the end [default: 1000]
    #[arg(long, value_parser = at_least_one)]
    readers: Option<usize>,

    /// Readers that come, read the history, leave and come back with their last id [default: 0]
    #[arg(long)]
    visitors: Option<usize>,

    /// Readers of which half read slowly and half stop, until the last message is sent [default: 0]
    #[arg(long = "laggards")]
    slow_readers: Option<usize>,

    /// All readers lose their connections at once, each time this has passed, and go on, with several
    /// nodes at the next one; 0: never [default: never; with several nodes a third of the duration]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    storm_every: Option<Duration>,

    /// Rooms, all of them fresh [default: 1]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rooms: Option<u64>,

    /// Distribution of readers and messages over the rooms [default: even]
    #[arg(long, value_enum)]
    spread: Option<Spread>,

    /// Messages a second, all senders together; 0: none, readers only idle; max: each sender sends its
    /// next one as soon as the last is acknowledged [default: 50]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,

    /// Senders [default: 8]
    #[arg(long, value_parser = at_least_one)]
    senders: Option<usize>,

    /// Time for which messages are sent, once all readers have joined [default: 10s]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    duration: Option<Duration>,

    /// Bytes of a message's content [default: 200]
    #[arg(long, value_parser = clap::value_parser!(u64).range(STAMP_BYTES_MAX..=SIZE_BYTES_MAX))]
    size: Option<u64>,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    target: TargetFlags,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    greedy: GreedyFlags,
}

/// The location of the server.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The server to load, for example <http://127.0.0.1:8080>, or all nodes of a cluster, separated by commas.
    /// Without it a server is started, on a throwaway log
    #[arg(long, value_name = "URL", value_delimiter = ',', conflicts_with = "server")]
    pub url: Vec<String>,

    /// The server program to start. Default: `millchat` beside this program
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,

    /// With --url: the server's process, or those of all nodes, to measure their CPU and memory by
    #[arg(long, value_name = "PID", value_delimiter = ',', requires = "url")]
    pub pid: Vec<u32>,
}

/// The files to write.
#[derive(Debug, Clone, clap::Args)]
pub struct Output {
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,

    /// Also write the report as a page of HTML with plots, in one file
    #[arg(long, value_name = "FILE")]
    pub report_html: Option<PathBuf>,

    /// Also write goose's own report (joins and acknowledgements): .html, .md or .json
    #[arg(long, value_name = "FILE")]
    pub goose_report: Option<PathBuf>,
}

/// The settings of a run: the flags, with the values of the profile where a flag is absent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The profile's name, if one was named.
    pub profile: Option<Profile>,
    /// The amount of load.
    pub load: Load,
    /// The location of the server.
    pub place: Place,
    /// The kind of server, and its protocol.
    pub target: TargetFlags,
    /// The files to write.
    pub output: Output,
    /// The flags of the profile `greedy`.
    pub greedy: GreedyFlags,
    /// Set in a child process of the profile `greedy`.
    pub child: Option<ChildCommand>,
}

impl Settings {
    /// Parses the command line; on an error and on --help the process ends here.
    pub fn from_command_line() -> Self {
        Self::resolve(Flags::parse())
    }

    fn resolve(flags: Flags) -> Self {
        let profile = Load::of(flags.profile);
        let duration = flags.duration.unwrap_or(profile.duration);
        // With several nodes a storm is what moves the readers.
        let moves = (flags.place.url.len() > 1).then_some(duration / MOVES);
        let load = Load {
            readers: flags.readers.unwrap_or(profile.readers),
            visitors: flags.visitors.unwrap_or(profile.visitors),
            slow_readers: flags.slow_readers.unwrap_or(profile.slow_readers),
            rooms: flags.rooms.unwrap_or(profile.rooms),
            spread: flags.spread.unwrap_or(profile.spread),
            rate: flags.rate.unwrap_or(profile.rate),
            senders: flags.senders.unwrap_or(profile.senders),
            duration,
            size: flags.size.unwrap_or(profile.size),
            storm_every: flags.storm_every.or(profile.storm_every).or(moves).filter(|every| !every.is_zero()),
        };
        Self {
            profile: flags.profile,
            load,
            place: flags.place,
            target: flags.target,
            output: flags.output,
            greedy: flags.greedy,
            child: flags.child,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number from 1 on".to_owned()),
        Ok(count) => Ok(count),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is a number with ms, s, m or h: 10s".to_owned()),
    };
    let number =
        number.parse::<f64>().map_err(|_| "a time is a number with ms, s, m or h: 10s".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_nonsense_is_refused() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("soon").is_err() && parse_duration("-1s").is_err());
    }

    fn load(arguments: &[&str]) -> Load {
        let arguments = ["millchat-loadtest"].iter().chain(arguments);
        Settings::resolve(Flags::try_parse_from(arguments).unwrap()).load
    }

    #[test]
    fn the_defaults_are_a_valid_command_line() {
        assert_eq!((load(&[]).readers, load(&[]).rate), (1000, Rate::PerSecond(50.0)));
    }

    #[test]
    fn a_child_of_the_greedy_profile_needs_no_other_flag() {
        let arguments = ["millchat-loadtest", "greedy-attacker", "costly-texts", "127.0.0.1:1"];
        let settings = Settings::resolve(Flags::try_parse_from(arguments).unwrap());
        assert!(matches!(settings.child, Some(ChildCommand::GreedyAttacker { .. })));
        assert!(Flags::try_parse_from(["millchat-loadtest", "--attacks", "none-such"]).is_err());
    }

    #[test]
    fn a_flag_changes_that_part_of_a_profile_and_no_other() {
        let town = Load::of(Some(Profile::Town));
        assert_eq!(load(&["--profile", "town"]), town);
        assert_eq!(load(&["--profile", "town", "--rooms", "7"]), Load { rooms: 7, ..town });
        assert_eq!(load(&["--profile", "storm", "--storm-every", "0"]).storm_every, None);
    }

    #[test]
    fn readers_of_several_nodes_move_unless_they_are_told_to_stay() {
        let nodes = ["--url", "http://127.0.0.1:1,http://127.0.0.1:2", "--duration", "30s"];
        assert_eq!(load(&nodes).storm_every, Some(Duration::from_secs(10)));
        assert_eq!(load(&[&nodes[..], &["--storm-every", "0"]].concat()).storm_every, None);
        assert_eq!(load(&["--url", "http://127.0.0.1:1"]).storm_every, None);
    }
}
