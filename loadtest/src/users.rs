//! The goose scenarios: readers and senders.
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

use crate::run::{Phase, Run};
use crate::sender::Sender;
use crate::streams::Streams;

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

/// Reader users: each carries many readers.
pub fn readers(run: &Arc<Run>) -> Option<Scenario> {
    let scenario = scenario("Readers", run.reader_users)?
        .register_transaction(
            transaction(run, "begin", |run, user| Box::pin(ready(begin_reading(&run, user)))).set_on_start(),
        )
        .register_transaction(transaction(run, "follow", |run, user| Box::pin(follow(run, user))))
        .register_transaction(
            transaction(run, "end", |run, user| Box::pin(ready(end_reading(&run, user)))).set_on_stop(),
        );
    Some(scenario)
}

struct Reading {
    streams: Streams,
    drained: bool,
}

fn begin_reading(run: &Arc<Run>, user: &mut GooseUser) -> TransactionResult {
    match Streams::new(run, run.next_readers()) {
        Ok(streams) => put(user, Reading { streams, drained: false }),
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
            let result = reading.streams.read(until, |streams| streams.all_reached(&heads)).await;
            if reading.streams.all_reached(&heads) {
                reading.drained = true;
                run.counts.users_drained.add(1);
            }
            result
        }
        _ => reading.streams.read(until, |_| false).await,
    };
    let joins = std::mem::take(&mut reading.streams.tally.joins);
    for latency in joins.into_iter().filter(|_| run.settings.goose_report.is_some()) {
        user.record_custom_request_duration("JOIN", "events", latency, true, None, None).await?;
    }
    put(user, reading);
    result.or_else(|error| failed(&run, &error.to_string()))
}

#[expect(clippy::unnecessary_wraps, reason = "what goose wants of a transaction")]
fn end_reading(run: &Run, user: &GooseUser) -> TransactionResult {
    if let Some(reading) = take::<Reading>(user) {
        // Whoever is stopped from outside has not stayed until the end.
        if *run.phase().borrow() == (Phase::Over { whole: true }) {
            reading.streams.complete();
        }
        run.hand_in(&reading.streams.tally);
    }
    Ok(())
}

/// Senders: a user each.
pub fn senders(run: &Arc<Run>) -> Option<Scenario> {
    let scenario = scenario("Senders", run.senders())?
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
    run.counts.senders_ready.add(1);
    match sender {
        Ok(sender) => put(user, sender),
        Err(error) => {
            run.counts.senders_done.add(1);
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
    for message in sent.iter().filter(|_| run.settings.goose_report.is_some()) {
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
        run.hand_in(&sender.tally);
    }
    Ok(())
}

/// There is nothing to do but to be stopped.
async fn idle() -> TransactionResult {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

fn failed(run: &Run, what: &str) -> TransactionResult {
    run.fail(what.to_owned());
    Err(Box::new(TransactionError::Custom(what.to_owned())))
}
