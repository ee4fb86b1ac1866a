//! The goose scenarios: readers, visitors, slow readers, storms and senders.
//!
//! Goose stops a user only between transactions. State that lives longer than a turn (streams, messages in
//! flight) is kept in the user's session data, and turns take a few seconds. The run's phase decides when a
//! user is finished, not goose.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use goose::goose::{GooseUser, Scenario, Transaction, TransactionError, TransactionResult};
use millchat_testkit::translate::HistoryPage;
use parking_lot::Mutex;
use rand::RngExt;

use crate::client::readers::Readers;
use crate::load::sender::Sender;
use crate::run::Run;
use crate::run::plan::Group;
use crate::run::progress::Phase;
use crate::run::stats::Stats;
use crate::server_api::target::Target;

/// Time that a user is busy before goose may stop it.
const TURN: Duration = Duration::from_secs(2);

/// A user's session data. Goose requires it to be cloneable and shared. It is neither: a turn takes it out
/// and puts it back.
struct Session<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Session<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

fn put<T: Send + 'static>(user: &mut GooseUser, value: T) {
    user.set_session_data(Session(Arc::new(Mutex::new(Some(value)))));
}

fn take<T: Send + 'static>(user: &GooseUser) -> Option<T> {
    user.get_session_data::<Session<T>>().and_then(|session| session.0.lock().take())
}

/// Returns a scenario with `count` users.
fn scenario(name: &str, count: usize) -> Option<Scenario> {
    // Goose rejects a weight of 0; a scenario without users is left out.
    Scenario::new(name).set_weight(count).ok()
}

fn transaction<F>(run: &Arc<Run>, name: &str, function: F) -> Transaction
where
    F: for<'r> Fn(
            Arc<Run>,
            &'r mut GooseUser,
        ) -> Pin<Box<dyn Future<Output = TransactionResult> + Send + 'r>>
        + Send
        + Sync
        + 'static,
{
    let run = Arc::clone(run);
    Transaction::new(Arc::new(move |user| function(Arc::clone(&run), user))).set_name(name)
}

/// Returns the scenario of the users that carry readers of one group, many readers each.
pub fn readers(run: &Arc<Run>, group: Group) -> Option<Scenario> {
    let scenario = scenario(&format!("{group:?}"), run.plan.users(group))?
        .register_transaction(
            transaction(run, "begin", move |run, user| Box::pin(ready(begin_reading(&run, user, group))))
                .set_on_start(),
        )
        .register_transaction(transaction(run, "follow", |run, user| Box::pin(follow(run, user))))
        .register_transaction(
            transaction(run, "end", |run, user| Box::pin(ready(end_reading(&run, user)))).set_on_stop(),
        );
    Some(scenario)
}

struct Reading {
    readers: Readers,
    group: Group,
    drained: bool,
}

fn begin_reading(run: &Arc<Run>, user: &mut GooseUser, group: Group) -> TransactionResult {
    // Only the readers of the first group are divided between several users.
    let user_number = if group == Group::Readers { run.progress.next_reader_user() } else { 0 };
    match Readers::new(run, run.plan.readers(group, user_number).into_iter()) {
        Ok(readers) => put(user, Reading { readers, group, drained: false }),
        Err(error) => return failed(run, &error.to_string()),
    }
    Ok(())
}

async fn follow(run: Arc<Run>, user: &mut GooseUser) -> TransactionResult {
    let Some(mut reading) = take::<Reading>(user) else { return idle().await };
    let until = Instant::now() + TURN;
    let result = match reading.readers.phase() {
        Phase::Over { .. } => {
            put(user, reading);
            return idle().await;
        }
        Phase::Draining(heads) if !reading.drained => {
            reading.readers.hurry();
            let result = reading.readers.read(until, |readers| readers.all_reached(&heads)).await;
            if reading.readers.all_reached(&heads) {
                reading.drained = true;
                run.progress.counters.users_drained.add(1);
            }
            result
        }
        Phase::Sending(_) if reading.group == Group::Visitors && run.plan.target.is_millchat() => {
            let result = reading.readers.read(until, |_| false).await;
            look_back(&run, user, &mut reading.readers.stats).await?;
            result
        }
        _ => reading.readers.read(until, |_| false).await,
    };
    let joins = std::mem::take(&mut reading.readers.stats.joins);
    for latency in joins.into_iter().filter(|_| run.plan.settings.output.goose_report.is_some()) {
        user.record_custom_request_duration("JOIN", "events", latency, true, None, None).await?;
    }
    put(user, reading);
    result.or_else(|error| failed(&run, &error.to_string()))
}

/// Requests a page of history of a random room, as a visitor that scrolls back does.
async fn look_back(run: &Run, user: &mut GooseUser, stats: &mut Stats) -> TransactionResult {
    let room = &run.plan.rooms[rand::rng().random_range(0..run.plan.rooms.len())];
    let path = format!("{}/messages", Target::room_path(room.as_str()));
    let begun = Instant::now();
    let answer = match user.get_named(&path, "history").await?.response {
        Ok(response) if response.status().is_success() => response.json::<HistoryPage>().await,
        Ok(response) => {
            stats.error(&format!("history answered {}", response.status().as_u16()));
            return Ok(());
        }
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            stats.history.record(begun.elapsed());
            if run.findings.takes_page() {
                run.findings.oracle.page(room, "a visitor's", answer.page());
            }
        }
        Err(_) => stats.error("history could not be read"),
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "what goose wants of a transaction")]
fn end_reading(run: &Run, user: &GooseUser) -> TransactionResult {
    if let Some(mut reading) = take::<Reading>(user) {
        // A reader that is stopped from outside has not stayed until the end.
        if *run.progress.phase().borrow() == (Phase::Over { whole: true }) {
            reading.readers.finish();
        }
        run.merge(&mut reading.readers.stats);
    }
    Ok(())
}

/// Returns the scenario of the storm: one user that cuts all connections at an interval.
pub fn storms(run: &Arc<Run>) -> Option<Scenario> {
    let every = run.plan.settings.load.storm_every?;
    let storm = transaction(run, "storm", move |run, _| Box::pin(storm(run, every)));
    Some(scenario("Storm", 1)?.register_transaction(storm))
}

async fn storm(run: Arc<Run>, every: Duration) -> TransactionResult {
    let mut phase = run.progress.phase();
    let now = phase.borrow_and_update().clone();
    let Phase::Sending(until) = now else { return idle().await };
    // In turns, since goose stops a user only between them.
    let begun = until.checked_sub(run.plan.settings.load.duration).unwrap_or(until);
    let passed = begun.elapsed().as_secs_f64() / every.as_secs_f64();
    let due = begun + every.mul_f64(passed.floor() + 1.0);
    if due >= until || due.saturating_duration_since(Instant::now()) > TURN {
        return idle().await;
    }
    tokio::select! {
        () = tokio::time::sleep_until(due.into()) => run.progress.storm(),
        _ = phase.changed() => {}
    }
    Ok(())
}

/// Returns the scenario of the senders: one user each.
pub fn senders(run: &Arc<Run>) -> Option<Scenario> {
    let scenario = scenario("Senders", run.plan.senders())?
        .register_transaction(
            transaction(run, "begin", |run, user| Box::pin(begin_sending(run, user))).set_on_start(),
        )
        .register_transaction(transaction(run, "send", |run, user| Box::pin(send(run, user))))
        .register_transaction(
            transaction(run, "end", |run, user| Box::pin(ready(end_sending(&run, user)))).set_on_stop(),
        );
    Some(scenario)
}

async fn begin_sending(run: Arc<Run>, user: &mut GooseUser) -> TransactionResult {
    let sender = Sender::begin(&run, user).await;
    run.progress.counters.senders_ready.add(1);
    match sender {
        Ok(sender) => put(user, sender),
        Err(error) => {
            run.progress.counters.senders_done.add(1);
            return failed(&run, &error);
        }
    }
    Ok(())
}

async fn send(run: Arc<Run>, user: &mut GooseUser) -> TransactionResult {
    let Some(mut sender) = take::<Sender>(user) else { return idle().await };
    let sent = sender.turn(Instant::now() + TURN).await;
    let finished = sender.is_finished();
    put(user, sender);
    for message in sent.iter().filter(|_| run.plan.settings.output.goose_report.is_some()) {
        let latency = message.ended.saturating_duration_since(message.ticket.due);
        let error = message.error();
        user.record_custom_request_duration("SEND", "messages", latency, error.is_none(), None, error)
            .await?;
    }
    if finished { idle().await } else { Ok(()) }
}

#[expect(clippy::unnecessary_wraps, reason = "what goose wants of a transaction")]
fn end_sending(run: &Run, user: &GooseUser) -> TransactionResult {
    if let Some(mut sender) = take::<Sender>(user) {
        sender.abandon();
        run.merge(&mut sender.stats);
    }
    Ok(())
}

/// Waits a moment when there is nothing to do.
async fn idle() -> TransactionResult {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

fn failed(run: &Run, what: &str) -> TransactionResult {
    run.findings.fail(what.to_owned());
    Err(Box::new(TransactionError::Custom(what.to_owned())))
}
