//! The command line: what is loaded, how hard and for how long.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;

/// Most bytes of a message's content: the server's own limit.
const SIZE_BYTES_MAX: u64 = 65_536;

/// Loads a chat over server-sent events, and verifies every delivery while it does.
///
/// Readers join first; then senders send on a fixed schedule (open loop: a message leaves at its time
/// whether or not the one before was answered, and every latency counts from that time). At the end each
/// acknowledged message must have reached each reader. Exits with 1 if it did not, or if nothing was
/// verified.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Settings {
    /// The server to load, for example <http://127.0.0.1:8080>. Without it one is started, on a throwaway log
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    pub url: Option<String>,

    /// The server program to start. Default: `millchat` beside this program
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,

    /// With --url: the server's process, to measure its CPU and memory by
    #[arg(long, value_name = "PID", requires = "url")]
    pub pid: Option<u32>,

    /// Readers, spread evenly over the rooms
    #[arg(long, default_value_t = 1000, value_parser = at_least_one)]
    pub readers: usize,

    /// Rooms, all of them fresh
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub rooms: u64,

    /// Messages a second, all senders together; 0: none, readers only idle; max: each sender sends its
    /// next one as soon as the last is acknowledged
    #[arg(long, default_value = "50", value_name = "RATE")]
    pub rate: Rate,

    /// Senders
    #[arg(long, default_value_t = 8, value_parser = at_least_one)]
    pub senders: usize,

    /// How long messages are sent, once all readers have joined
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub duration: Duration,

    /// Bytes of a message's content
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(64..=SIZE_BYTES_MAX))]
    pub size: u64,

    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,

    /// Also write goose's own report (joins and acknowledgements): .html, .md or .json
    #[arg(long, value_name = "FILE")]
    pub goose_report: Option<PathBuf>,
}

/// How fast messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Not at all.
    Idle,
    /// On a schedule of so many a second.
    PerSecond(f64),
    /// Each sender waits for each acknowledgement, and for nothing else.
    Max,
}

impl Rate {
    /// Messages a second. Above it a schedule has no meaning on one machine.
    const PER_SECOND_MAX: f64 = 1_000_000.0;
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(0.0) => Ok(Self::Idle),
            Ok(rate) if rate > 0.0 && rate <= Self::PER_SECOND_MAX => Ok(Self::PerSecond(rate)),
            _ => Err(format!("must be 0 to {} messages a second, or max", Self::PER_SECOND_MAX)),
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
    fn times_and_rates_are_read_and_nonsense_is_refused() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("soon").is_err() && parse_duration("-1s").is_err());
        assert_eq!("0".parse(), Ok(Rate::Idle));
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("0.5".parse(), Ok(Rate::PerSecond(0.5)));
        assert!("-1".parse::<Rate>().is_err() && "NaN".parse::<Rate>().is_err());
    }

    #[test]
    fn the_defaults_are_a_valid_command_line() {
        let settings = Settings::try_parse_from(["millchat-loadtest"]).unwrap();
        assert_eq!((settings.readers, settings.rate), (1000, Rate::PerSecond(50.0)));
    }
}
