//! A load tester for chats over server-sent events that verifies while it loads.
//!
//! Command line → server → goose users → recovered log → report. It exits with 0 when every promise held,
//! with 1 when one was broken or nothing was verified, with 2 when the run could not begin.

mod check;
mod client;
mod greedy;
mod load;
mod report;
mod run;
mod server;
mod server_api;
mod settings;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use goose::GooseAttack;
use goose::config::GooseConfiguration;
use millchat_oracle::{Rule, Violation};
use millchat_testkit::descriptors;
use rustix::process::nice;

use crate::check::recover;
use crate::greedy::settings::ChildCommand;
use crate::greedy::{attacker, sink};
use crate::load::profile::Profile;
use crate::load::{phases, users};
use crate::report::{Report, html, terminal};
use crate::run::Run;
use crate::run::plan::{Group, Plan};
use crate::server::Server;
use crate::settings::Settings;

/// Threads per core: readers keep one thread a core busy; a second one is free for timers, and the kernel
/// shares the cores fairly.
const THREADS_PER_CORE: usize = 2;
/// Descriptors that the tester needs beside its readers.
const DESCRIPTORS_RESERVED: u64 = 512;

fn main() -> ExitCode {
    let settings = Settings::from_command_line();
    if let Some(ChildCommand::GreedyAttacker { .. }) = settings.child
        && let Err(error) = nice(attacker::NICE)
    {
        eprintln!("millchat-loadtest: the attackers keep their priority: {error}");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores * THREADS_PER_CORE)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run_load(settings)),
        Err(error) => Err(format!("the runtime could not be started: {error}")),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("millchat-loadtest: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the load, or a child process of the greedy profile; returns true if it passed.
async fn run_load(settings: Settings) -> Result<bool, String> {
    match &settings.child {
        Some(ChildCommand::GreedySink) => {
            return sink::run().await.map(|()| true).map_err(|error| error.to_string());
        }
        Some(ChildCommand::GreedyAttacker { attack, server, one_source }) => {
            return attacker::run(attack, *server, *one_source).await.map(|()| true);
        }
        None => {}
    }
    if settings.profile == Some(Profile::Greedy) {
        if !settings.place.url.is_empty() {
            return Err("the profile greedy starts its own servers; leave out --url".to_owned());
        }
        let program = server::program(settings.place.server.as_deref())?;
        return greedy::profile::run(&settings.greedy, &program).await;
    }
    descriptors::raise_limit(settings.load.streams() as u64 + DESCRIPTORS_RESERVED)?;
    let server = Server::open(&settings).await?;
    let result = Box::pin(run_load_on(settings, &server)).await;
    server.close().await;
    result
}

async fn run_load_on(settings: Settings, server: &Server) -> Result<bool, String> {
    let output = settings.output.clone();
    let run = Arc::new(Run::new(Plan::new(settings, server.target.clone(), server.pids.clone())));
    let attack = attack(&run).map_err(|error| error.to_string())?;
    let phases = tokio::spawn(phases::run_phases(Arc::clone(&run)));
    Box::pin(attack.execute()).await.map_err(|error| error.to_string())?;
    let measured = phases.await.map_err(|error| error.to_string())?;

    let mut violations = run.findings.failures();
    if measured.interrupted {
        // Ctrl-C also reaches a server that was started here: it may be gone already.
        violations.push("the run was interrupted, so nothing was held against the log".to_owned());
    } else if let Some(&epoch) = run.findings.epoch.get() {
        let recovered = recover::recover(&run, epoch).await;
        let found = run.findings.oracle.check(&recovered.logs);
        // The reason for which a room was not read is reported once, below, and not for each reader.
        let said =
            |violation: &&Violation| recovered.errors.is_empty() || violation.rule != Rule::NotLookedAt;
        violations.extend(found.iter().filter(said).map(ToString::to_string));
        violations.extend(recovered.errors);
    }
    let report = Report::new(&run, run.findings.take_stats(), measured, violations);
    print!("{}", terminal::render(&report, std::io::stdout().is_terminal()));
    if let Some(path) = &output.report_json {
        write(path, &serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?)?;
    }
    if let Some(path) = &output.report_html {
        write(path, &html::page(&report))?;
    }
    Ok(report.verdict.passed)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Creates the goose attack with the users of this run.
fn attack(run: &Arc<Run>) -> Result<GooseAttack, goose::GooseError> {
    let storms = usize::from(run.plan.settings.load.storm_every.is_some());
    let users = run.plan.stream_users() + run.plan.senders() + storms;
    // All users start in the first 50 ms. They are few: one carries many readers.
    let (rate, users) = ((users * 20).to_string(), users.to_string());
    let mut arguments: Vec<&str> = vec![
        "--host",
        run.plan.target.base(),
        "--users",
        &users,
        "--increase-rate",
        &rate,
        "--no-telnet",
        "--quiet",
        "--no-print-metrics",
    ];
    let report = run.plan.settings.output.goose_report.as_ref().map(|path| path.to_string_lossy());
    match &report {
        Some(path) => arguments.extend(["--no-reset-metrics", "--report-file", path]),
        None => arguments.push("--no-metrics"),
    }
    let configuration = GooseConfiguration::parse_args_default(&arguments)?;
    let mut attack = GooseAttack::initialize_with_config(configuration)?;
    let streams =
        [Group::Readers, Group::Visitors, Group::SlowReaders].map(|group| users::readers(run, group));
    for scenario in streams.into_iter().chain([users::senders(run), users::storms(run)]).flatten() {
        attack = attack.register_scenario(scenario);
    }
    Ok(attack)
}
