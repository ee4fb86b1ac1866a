//! The goose scenarios: readers, visitors, laggards, storms and senders.
//!
//! Goose stops a user only between transactions, so what lives longer than a turn (streams, messages under
//! way) is kept in the user's session data and gone on with in turns of a few seconds. Whether there is
//! still something to do is said by the run's phase, not by goose.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use goose::goose::{GooseUser, Scenario, Transaction, TransactionError, TransactionResult};
use parking_lot::Mutex;
use rand::RngExt;

use crate::check::recover::HistoryAnswer;
use crate::client::readers::Streams;
use crate::load::sender::Sender;
use crate::run::Run;
use crate::run::plan::Group;
use crate::run::progress::Phase;
use crate::run::stats::Tally;
use crate::server_api::target::Target;

/// How long a user is busy before goose may stop it.
const TURN: Duration = Duration::from_secs(2);

/// A user's session data. Goose wants it cloned and shared; it is neither: a turn takes it out and puts it
/// back.
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

/// The users of one kind, `count` of them.
fn scenario(name: &str, count: usize) -> Option<Scenario> {
    // A weight of 0 is refused; a scenario without users is left out.
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

/// Users that carry readers of one group, each many.
pub fn streams(run: &Arc<Run>, group: Group) -> Option<Scenario> {
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
    streams: Streams,
    group: Group,
    drained: bool,
}

fn begin_reading(run: &Arc<Run>, user: &mut GooseUser, group: Group) -> TransactionResult {
    // Only the readers of the first group are divided between several users.
    let user_number = if group == Group::Readers { run.progress.next_reader_user() } else { 0 };
    match Streams::new(run, run.plan.readers(group, user_number).into_iter()) {
        Ok(streams) => put(user, Reading { streams, group, drained: false }),
        Err(error) => return failed(run, &error.to_string()),
    }
    Ok(())
}

async fn follow(run: Arc<Run>, user: &mut GooseUser) -> TransactionResult {
    let Some(mut reading) = take::<Reading>(user) else { return idle().await };
    let until = Instant::now() + TURN;
    let result = match reading.streams.phase() {
        Phase::Over { .. } => {
            put(user, reading);
            return idle().await;
        }
        Phase::Draining(heads) if !reading.drained => {
            reading.streams.hurry();
            let result = reading.streams.read(until, |streams| streams.all_reached(&heads)).await;
            if reading.streams.all_reached(&heads) {
                reading.drained = true;
                run.progress.counts.users_drained.add(1);
            }
            result
        }
        Phase::Sending(_) if reading.group == Group::Visitors && run.plan.target.is_millchat() => {
            let result = reading.streams.read(until, |_| false).await;
            look_back(&run, user, &mut reading.streams.tally).await?;
            result
        }
        _ => reading.streams.read(until, |_| false).await,
    };
    let joins = std::mem::take(&mut reading.streams.tally.joins);
    for latency in joins.into_iter().filter(|_| run.plan.settings.output.goose_report.is_some()) {
        user.record_custom_request_duration("JOIN", "events", latency, true, None, None).await?;
    }
    put(user, reading);
    result.or_else(|error| failed(&run, &error.to_string()))
}

/// A visitor scrolls back: a page of history of some room.
async fn look_back(run: &Run, user: &mut GooseUser, tally: &mut Tally) -> TransactionResult {
    let room = &run.plan.rooms[rand::rng().random_range(0..run.plan.rooms.len())];
    let path = format!("{}/messages", Target::room_path(room.as_str()));
    let begun = Instant::now();
    let answer = match user.get_named(&path, "history").await?.response {
        Ok(response) if response.status().is_success() => response.json::<HistoryAnswer>().await,
        Ok(response) => {
            tally.error(&format!("history answered {}", response.status().as_u16()));
            return Ok(());
        }
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            tally.history.record(begun.elapsed());
            if run.findings.takes_page() {
                run.findings.oracle.page(room, "a visitor's", answer.page());
            }
        }
        Err(_) => tally.error("history could not be read"),
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "what goose wants of a transaction")]
fn end_reading(run: &Run, user: &GooseUser) -> TransactionResult {
    if let Some(mut reading) = take::<Reading>(user) {
        // Whoever is stopped from outside has not stayed until the end.
        if *run.progress.phase().borrow() == (Phase::Over { whole: true }) {
            reading.streams.complete();
        }
        run.merge(&mut reading.streams.tally);
    }
    Ok(())
}

/// The storm: one user, who cuts everybody's line at an interval.
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

/// Senders: a user each.
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
    run.progress.counts.senders_ready.add(1);
    match sender {
        Ok(sender) => put(user, sender),
        Err(error) => {
            run.progress.counts.senders_done.add(1);
            return failed(&run, &error);
        }
    }
    Ok(())
}

async fn send(run: Arc<Run>, user: &mut GooseUser) -> TransactionResult {
    let Some(mut sender) = take::<Sender>(user) else { return idle().await };
    let sent = sender.turn(Instant::now() + TURN).await;
    let finished = sender.finished();
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
        run.merge(&mut sender.tally);
    }
    Ok(())
}

/// There is nothing to do but to be stopped.
async fn idle() -> TransactionResult {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

fn failed(run: &Run, what: &str) -> TransactionResult {
    run.findings.fail(what.to_owned());
    Err(Box::new(TransactionError::Custom(what.to_owned())))
}
