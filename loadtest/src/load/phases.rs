//! The phases of a run: readers join; when the last one has, senders send for the given time; when every
//! message has its outcome, readers continue until they have everything in their room, or time is up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use millchat::Position;
use millchat_testkit::process;

use crate::client::rest::{http_client, room_overview};
use crate::client::sender_connection::ACKNOWLEDGE_TIMEOUT;
use crate::load::rate::Rate;
use crate::load::schedule;
use crate::report::monitor::Monitor;
use crate::run::Run;
use crate::run::measurements::Measurements;
use crate::run::progress::Phase;

/// Time in which all readers must have joined.
const JOIN_TIMEOUT: Duration = Duration::from_mins(2);
/// Time without any delivery after which readers that have not reached the head of their room have lost
/// messages.
const DRAIN_SILENCE: Duration = Duration::from_secs(10);
/// Interval at which the phases are checked and the live view is updated.
const TICK: Duration = Duration::from_millis(100);
/// Pause between the last join and the first message.
const PAUSE_BEFORE_SENDING: Duration = Duration::from_millis(200);

/// Takes the run through its phases. At the end it stops goose.
pub async fn run_phases(run: Arc<Run>) -> Measurements {
    let mut monitor = Monitor::new(&run);
    let mut measured = Measurements { resident_before: resident(&run), ..Measurements::default() };
    let begun = Instant::now();
    let load = &run.plan.settings.load;
    let ready = || {
        run.progress.counters.joined.get() + run.progress.counters.lost.get() >= load.streams() as u64
            && run.progress.counters.senders_ready.get() >= run.plan.senders() as u64
    };
    if !wait(&run, JOIN_TIMEOUT, &mut monitor, ready).await {
        run.findings.fail(format!("not all readers and senders were ready within {JOIN_TIMEOUT:?}"));
    }
    measured.joining = begun.elapsed();
    measured.resident_joined = resident(&run);

    let own = std::process::id();
    let cpu =
        (run.plan.of_processes(process::cpu_time), process::cpu_time_alone(own), process::machine_time());
    let first = Instant::now() + PAUSE_BEFORE_SENDING;
    let last = first + load.duration;
    measured.first = Some(first);
    monitor.first_message_at(first);
    run.progress.enter(Phase::Sending(last));
    let schedule = run.progress.take_schedule();
    if let Rate::PerSecond(rate) = load.rate {
        schedule::start(schedule, first, load.duration, rate);
    }
    let timeout = last.saturating_duration_since(Instant::now());
    if run.plan.senders() == 0 {
        wait(&run, timeout, &mut monitor, || false).await;
    } else {
        let sent = || run.progress.counters.senders_done.get() >= run.plan.senders() as u64;
        if !wait(&run, timeout + ACKNOWLEDGE_TIMEOUT, &mut monitor, sent).await {
            run.findings.fail("some senders did not finish".to_owned());
        }
    }
    measured.resident_after = resident(&run);

    run.progress.enter(Phase::Draining(heads(&run).await));
    let drained = || run.progress.counters.users_drained.get() >= run.plan.stream_users() as u64;
    loop {
        let delivered = run.progress.counters.delivered.get();
        if wait(&run, DRAIN_SILENCE, &mut monitor, drained).await {
            break;
        }
        if run.progress.counters.delivered.get() == delivered {
            run.findings
                .fail(format!("not every reader got every message, and nothing came for {DRAIN_SILENCE:?}"));
            break;
        }
    }
    measured.server_cpu = difference(run.plan.of_processes(process::cpu_time), cpu.0);
    measured.own_cpu = difference(process::cpu_time_alone(own), cpu.1);
    measured.machine_idle = process::machine_time().zip(cpu.2).and_then(|(now, then)| now.idle_since(then));
    measured.loaded = first.elapsed();
    measured.interrupted = goose::is_killswitch_triggered();
    (measured.series, measured.scheduling) = monitor.end();
    run.progress.enter(Phase::Over { whole: !measured.interrupted });
    goose::trigger_killswitch("the run is over");
    measured
}

/// Waits until `done`, at most for `timeout`; returns true if it was done. Ends at once on Ctrl-C, which
/// goose catches.
async fn wait(run: &Run, timeout: Duration, monitor: &mut Monitor, done: impl Fn() -> bool) -> bool {
    let until = Instant::now() + timeout;
    loop {
        monitor.tick(run);
        if done() || goose::is_killswitch_triggered() {
            return true;
        }
        let now = Instant::now();
        if now >= until {
            return false;
        }
        tokio::time::sleep(TICK.min(until - now)).await;
    }
}

/// Returns the newest position of each room: the larger of what the server states now and what senders were
/// acknowledged; zeros for a server without positions.
async fn heads(run: &Run) -> Arc<[Position]> {
    let mut heads = Vec::with_capacity(run.plan.rooms.len());
    let client = match http_client() {
        Ok(client) => client,
        Err(error) => {
            run.findings.fail(format!("no HTTP client: {error}"));
            return vec![0; run.plan.rooms.len()].into();
        }
    };
    for (room, acknowledged) in run.plan.rooms.iter().zip(&run.findings.acknowledged) {
        if goose::is_killswitch_triggered() || !run.plan.target.is_millchat() {
            heads.push(0);
            continue;
        }
        let stated = match room_overview(&client, run.plan.target.base(), room).await {
            Ok(overview) => overview.head,
            Err(error) => {
                run.findings.fail(format!("room {room} could not be looked at: {error}"));
                0
            }
        };
        heads.push(stated.max(acknowledged.load(Ordering::Relaxed)));
    }
    heads.into()
}

fn resident(run: &Run) -> Option<u64> {
    run.plan.of_processes(process::resident_bytes)
}

fn difference(after: Option<Duration>, before: Option<Duration>) -> Option<Duration> {
    after?.checked_sub(before?)
}
