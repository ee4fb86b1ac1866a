//! Millchat, the server: command line to settings, settings to a running chat, or to a command of the
//! operator; nothing else. The binary calls [`main`]; the benches reach the encoders in [`frames`].
//!
//! Data flows one way: socket, route, chat, log, room, subscription, stream, socket. On stdout there is one
//! line, once the server is ready; everything else goes to stderr, by [`stderr`]. It exits with 2 when it
//! cannot start as it was told to, and says why.

mod access;
mod actions;
mod admin;
mod api;
mod app;
mod as_text;
mod avatars;
mod body;
mod bot;
mod byte_budget;
mod cli;
mod client_ip;
pub mod cluster;
mod command;
mod config;
mod connection;
mod cross_site;
mod current;
mod desk;
mod detached;
mod drafts;
mod drain;
mod drain_delay;
mod embed_origins;
mod environment;
mod exit;
mod export_format;
mod follow;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod hops;
mod http;
mod http1;
mod http2;
mod http_socket;
mod https_client;
mod identity;
mod json_line;
mod limit;
mod listen;
mod listen_address;
mod listener;
mod log_throttle;
mod loose_paths;
mod mention;
mod metrics;
mod origin;
mod outgoing;
mod own;
mod page;
mod panic_hook;
mod paths;
mod peer_socket;
mod probes;
mod problem;
mod program_id;
mod program_rooms;
mod programs;
mod public_url;
mod refusal_log;
mod reload;
mod request_body;
mod resolve;
mod retention;
mod retry_after;
mod room_address;
mod route;
mod route_table;
mod sanitize;
mod schema;
mod service_manager;
mod session_time;
mod settings_file;
mod sharded_counter;
mod sign_in;
mod source_name;
mod sse;
mod standard_webhooks;
mod start;
mod start_error;
mod stderr;
mod tls;
mod turns;
mod unix_socket;
mod unsent;
mod untrusted;
mod waits;
mod watchdog;
mod webhook;
mod write_timeout;

use std::net::TcpListener;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Arc;

use millchat::Connections;
use tokio::sync::Semaphore;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::app::App;
use crate::cli::Cli;
use crate::cluster::Node;
use crate::config::{LogFormat, Settings};
use crate::exit::{EXIT_FAILED, EXIT_REFUSED};
use crate::listen::Listeners;
use crate::listener::Bound;
use crate::origin::Origins;
use crate::reload::Reload;
use crate::sign_in::Logins;
use crate::start_error::StartError;
use crate::tls::RedirectAddress;

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
    panic_hook::set();
    let code = obey();
    stderr::settle();
    code
}

fn obey() -> ExitCode {
    let cli = match Cli::parse() {
        Ok(cli) => cli,
        // A wrong flag: a sentence, and 2; `--help` and `--version`: 0.
        Err(code) => return code,
    };
    if let Some(command) = &cli.command {
        return command.run(&cli.origins);
    }
    let passed = match service_manager::listener() {
        Ok(passed) => passed,
        Err(error) => return refuse(&error, &cli.origins),
    };
    let (settings, origins) = match cli.flags.settings(&cli.origins) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error, &cli.origins),
    };
    start_log(settings.log_format);
    let settings = settings.on_socket(passed.as_ref().map(|(_, address)| *address), &origins);
    settings
        .and_then(|settings| run(cli, &settings, passed.map(|(listener, _)| listener)))
        .unwrap_or_else(|error| refuse(&error, &origins))
}

fn run(cli: Cli, settings: &Settings, passed: Option<TcpListener>) -> Result<ExitCode, StartError> {
    // Without a terminal the signal is the wish to reload.
    let is_in_terminal = stderr::is_terminal();
    let connections_max = listen::raise_descriptor_limit();
    let writer = settings.stream_writer.resolve()?;
    let logins = start::logins(settings)?;
    let passed_address = passed.as_ref().map(|_| settings.address);
    // The port first: who comes while the log recovers waits instead of being turned away, and a taken port
    // leaves the log alone.
    let listeners = Listeners {
        public: passed.map_or_else(|| Bound::public(settings.address), |socket| Ok(Bound::passed(socket)))?,
        admin: settings.admin_address.as_ref().map(Bound::admin).transpose()?,
        redirect: settings.redirect.and_then(RedirectAddress::address).map(Bound::redirect).transpose()?,
    };
    let main = listen::MainThread::new().map_err(StartError::NoRuntime)?;
    let tls = start::tls(settings)?;
    let node = settings.node.as_ref().map(|node| Node::prepare(node, &settings.log)).transpose()?;
    let (node, connections) = node.unzip();
    let mut app = open(settings, logins, connections)?;
    if let Some(node) = node {
        node.open(&app.chat);
    }
    (app.tls, app.certificate_source) = tls.unzip();
    app.connections = Arc::new(Semaphore::new(connections_max));
    let app = Arc::new(app);
    settings.tell_limits();
    settings.tell_token_file();
    settings.tell_doubts();
    let reload =
        (!is_in_terminal).then(|| Reload::new(Arc::clone(&app), cli, settings.clone(), passed_address));
    match main.run(
        &app,
        listeners,
        connections_max,
        (writer, settings.drain_delay, reload),
        &settings.webhooks,
    ) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!(%error, "the server ended");
            Ok(ExitCode::from(EXIT_FAILED))
        }
    }
}

/// Opens the log. The storage may panic on the pages of a damaged one; that is said as a sentence.
fn open(settings: &Settings, logins: Logins, connections: Option<Connections>) -> Result<App, StartError> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|info| tracing::debug!(%info, "a panic while the log was opened")));
    let opened = panic::catch_unwind(AssertUnwindSafe(|| start::open(settings, logins, connections)));
    panic::set_hook(hook);
    opened.map_err(|_| StartError::DamagedLog(settings.log.clone()))?
}

fn refuse(error: &StartError, origins: &Origins) -> ExitCode {
    stderr::say(format_args!("{error}{}", error.told(origins)));
    ExitCode::from(EXIT_REFUSED)
}

/// The variable that chooses the log lines that are written.
const LINES_VARIABLE: &str = "RUST_LOG";

/// Returns false for lines by which the clients of the journal tell what they send: all that people write, and the
/// secrets that the log keeps.
fn is_without_messages(line: &tracing::Metadata<'_>) -> bool {
    let is_of_client =
        ["async_nats", "tokio_postgres"].iter().any(|client| line.target().starts_with(client));
    !is_of_client || *line.level() <= tracing::Level::INFO
}

fn start_log(format: LogFormat) {
    let chosen = std::env::var(LINES_VARIABLE).ok().filter(|chosen| !chosen.is_empty());
    let filter = chosen.as_deref().map(EnvFilter::try_new).transpose();
    let (filter, wrong) = match filter {
        Ok(filter) => (filter, None),
        Err(error) => (None, Some(error)),
    };
    let filter = filter.unwrap_or_else(|| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr::LogLines);
    // It would be told by what panics when stderr is dead.
    let lines = lines.log_internal_errors(false);
    let without_messages = filter_fn(is_without_messages);
    match format {
        LogFormat::Text => lines.with_ansi(stderr::is_terminal()).finish().with(without_messages).init(),
        LogFormat::Json => lines.json().finish().with(without_messages).init(),
    }
    if let Some(error) = wrong {
        tracing::warn!(%error, "{LINES_VARIABLE} is not understood, and the log lines are those of info");
    }
}
