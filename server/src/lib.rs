//! Millchat, the server: command line to settings, settings to a running chat, or to a command of the
//! operator; nothing else. The binary calls [`main`]; the benches reach the encoders in [`frames`].
//!
//! Data flows one way: socket, route, chat, log, room, subscription, stream, socket. On stdout there is one
//! line, once the server is ready; everything else goes to stderr. It exits with 2 when it cannot start as it
//! was told to, and says why.

mod actions;
mod admin;
mod api;
mod app;
mod as_text;
mod body;
mod byte_budget;
mod cli;
mod client_ip;
mod command;
mod config;
mod connection;
mod detached;
mod drain;
mod exit;
mod export_format;
mod follow;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod http;
mod identity;
mod json_line;
mod limit;
mod listen;
mod log_throttle;
mod metrics;
mod page;
mod paths;
mod probes;
mod problem;
mod public_url;
mod refusal_log;
mod retention;
mod route;
mod route_table;
mod sanitize;
mod schema;
mod sharded_counter;
mod sse;
mod start;
mod start_error;
mod turns;
mod unsent;
mod write_timeout;

use std::io::{IsTerminal, stderr};
use std::panic;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::cli::Cli;
use crate::config::{LogFormat, Settings};
use crate::exit::{EXIT_FAILED, EXIT_REFUSED};
use crate::start_error::StartError;

/// The encoders of the frames of the two streams, for benches.
pub mod frames {
    use millchat::Encoder;

    /// Makes the frames of the API's stream.
    pub fn json() -> impl Encoder {
        crate::sse::frame::encode
    }

    /// Makes the frames of the page's stream.
    pub fn html() -> impl Encoder {
        crate::page::encoder()
    }
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    // A wrong flag ends the process here, with a sentence and 2; `--help` and `--version` with 0.
    let cli = Cli::parse();
    if let Some(command) = &cli.command {
        return command.run();
    }
    let settings = match cli.flags.settings() {
        Ok(settings) => settings,
        Err(error) => return refuse(&error),
    };
    start_log(settings.log_format);
    run(&settings)
}

fn run(settings: &Settings) -> ExitCode {
    let connections_max = listen::raise_descriptor_limit();
    let writer = match settings.stream_writer.resolve() {
        Ok(writer) => writer,
        Err(error) => return refuse(&error),
    };
    // The port first: who comes while the log recovers waits instead of being turned away, and a taken port
    // leaves the log alone.
    let listener = match listen::bind(settings.address) {
        Ok(listener) => listener,
        Err(error) => return refuse(&error),
    };
    let app = match open(settings) {
        Ok(app) => Arc::new(app),
        Err(error) => return refuse(&error),
    };
    settings.tell_limits();
    match listen::run(&app, listener, connections_max, writer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the server ended");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// Opens the log. The storage may panic on the pages of a damaged one; that is said as a sentence.
fn open(settings: &Settings) -> Result<App, StartError> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|info| tracing::debug!(%info, "a panic while the log was opened")));
    let opened = panic::catch_unwind(|| start::open(settings));
    panic::set_hook(hook);
    let opened = opened.map_err(|_| StartError::DamagedLog(settings.log.clone()))?;
    Ok(opened?)
}

fn refuse(error: &StartError) -> ExitCode {
    eprintln!("millchat: {error}");
    ExitCode::from(EXIT_REFUSED)
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().init(),
    }
}
