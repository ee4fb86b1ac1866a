//! Settings: defaults, then the file, then the environment, then the flags; the later one wins.
//!
//! What is wrong is said with its name and what is allowed, and nothing is guessed: an unknown key in the
//! file is refused by name. Unknown `MILLCHAT_…` variables are left alone, because orchestrators invent
//! such names for a service called millchat. There is no setting here that nobody would set.

use clap::{Parser, ValueEnum};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Deserializer, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the server listens unless told otherwise.
const ADDRESS_DEFAULT: &str = "127.0.0.1:8080";
/// Where the log is unless told otherwise.
const LOG_DEFAULT: &str = "./millchat.redb";

/// What the server runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The address and port to listen on; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub address: SocketAddr,
    /// The log: a file, `memory:` or `temp:`.
    #[serde(deserialize_with = "log")]
    pub log: String,
    /// How the server's own log lines look.
    pub log_format: LogFormat,
}

/// How the server's own log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// A durable live chat that never loses a message.
///
/// Open the printed address in a browser: you land in a fresh room, and whoever gets the room's address is
/// in it with you. Every message is on disk before anybody sees it. Programs use the JSON API; its
/// description is served at /api/openapi.json.
#[derive(Parser, Debug)]
#[command(name = "millchat", version, after_help = AFTER_HELP)]
pub struct Flags {
    /// Address and port to listen on. 0.0.0.0:8080 is every interface; port 0 takes a free port, and the
    /// line on stdout names it [default: 127.0.0.1:8080]
    #[arg(short, long, env = "MILLCHAT_ADDRESS", value_name = "IP:PORT", value_parser = parse_address)]
    address: Option<SocketAddr>,

    /// Where messages are kept: a file, made when it is not there; `temp:` is a file that goes with the
    /// process, `memory:` no file at all [default: ./millchat.redb]
    #[arg(short, long, env = "MILLCHAT_LOG", value_name = "LOG", value_parser = parse_log)]
    log: Option<String>,

    /// How the server's own log lines on stderr look [default: text]
    #[arg(long, env = "MILLCHAT_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// A TOML file with any of these settings, by the names of the flags, for example: address = "0.0.0.0:80"
    #[arg(long, env = "MILLCHAT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
A flag is stronger than the environment, the environment than the file, the file than the default.
RUST_LOG chooses which log lines are shown, for example RUST_LOG=debug; the default is info.

Examples:
  millchat                                 on this machine only, log in ./millchat.redb
  millchat -a 0.0.0.0:8080 -l /var/lib/millchat/log.redb
  millchat -a 127.0.0.1:0 -l temp:         to try something out: leaves nothing behind";

impl Flags {
    /// Puts the layers together. The error is one sentence for the person who started the server.
    pub fn settings(&self) -> Result<Settings, String> {
        let defaults = Settings {
            address: ADDRESS_DEFAULT.parse().expect("the default is an address"),
            log: LOG_DEFAULT.to_owned(),
            log_format: LogFormat::Text,
        };
        let mut layers = Figment::from(Serialized::defaults(defaults));
        if let Some(path) = &self.config {
            if !path.is_file() {
                return Err(format!("there is no settings file {}", path.display()));
            }
            layers = layers.merge(Toml::file_exact(path));
        }
        // The parser of the command line has laid the flags over the environment already.
        if let Some(address) = self.address {
            layers = layers.merge(Serialized::default("address", address));
        }
        if let Some(log) = &self.log {
            layers = layers.merge(Serialized::default("log", log));
        }
        if let Some(format) = self.log_format {
            layers = layers.merge(Serialized::default("log-format", format));
        }
        layers.extract().map_err(|error| sentences(&error))
    }
}

/// What is wrong with the file, without the words of the library that found out.
fn sentences(error: &figment::Error) -> String {
    let one = |error: figment::Error| {
        let file = match error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()) {
            Some(source) => format!("{source}"),
            None => "the settings".to_owned(),
        };
        // A key that is unknown is named by its own message.
        let key = match (&error.kind, error.path.last()) {
            (figment::error::Kind::UnknownField(..), _) | (_, None) => String::new(),
            (_, Some(key)) => format!("{key}: "),
        };
        format!("{file}: {key}{}", error.kind)
    };
    error.clone().into_iter().map(one).collect::<Vec<_>>().join("; ")
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| {
        format!(
            "`{text}` is not an address and a port; write it like 127.0.0.1:8080, 0.0.0.0:8080 (every \
             interface), [::1]:8080, with a port of 0 to 65535"
        )
    })
}

fn parse_log(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the log needs a name: a file, `temp:` or `memory:`".to_owned());
    }
    Ok(text.to_owned())
}

fn address<'de, D: Deserializer<'de>>(value: D) -> Result<SocketAddr, D::Error> {
    parse_address(&String::deserialize(value)?).map_err(serde::de::Error::custom)
}

fn log<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    parse_log(&String::deserialize(value)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn with_file(toml: &str, args: &[&str]) -> Result<Settings, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let args = ["millchat", "--config", path].into_iter().chain(args.iter().copied());
        Flags::try_parse_from(args).map_err(|e| e.to_string())?.settings()
    }

    #[test]
    fn a_flag_is_stronger_than_the_file_and_the_file_than_the_default() {
        let settings =
            with_file("address = \"127.0.0.1:1\"\nlog-format = \"json\"", &["-a", "[::1]:2"]).unwrap();
        assert_eq!(settings.address, "[::1]:2".parse().unwrap());
        assert_eq!(settings.log_format, LogFormat::Json);
        assert_eq!(settings.log, LOG_DEFAULT);
    }

    #[test]
    fn a_wrong_value_says_what_was_wrong_and_what_is_allowed() {
        for (toml, args, words) in [
            ("adress = \"127.0.0.1:1\"", &[][..], &["adress", "address"][..]),
            ("address = \"nowhere\"", &[], &["nowhere", "127.0.0.1:8080"]),
            ("address = 80", &[], &["address", "string"]),
            ("log = \"\"", &[], &["temp:", "memory:"]),
            ("log-format = \"xml\"", &[], &["xml", "text", "json"]),
            ("log = ", &[], &["TOML"]),
            ("", &["--address", "127.0.0.1:99999"], &["--address", "99999", "65535"]),
            ("", &["--log-format", "xml"], &["xml", "text", "json"]),
            ("", &["--nonsense"], &["--nonsense"]),
        ] {
            let error = with_file(toml, args).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{toml} {args:?}: {error}");
            }
        }
        let missing = Flags::try_parse_from(["millchat", "--config", "/no/such.toml"]).unwrap().settings();
        assert!(missing.unwrap_err().contains("/no/such.toml"));
    }
}
