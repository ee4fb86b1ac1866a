//! Many attackers of one kind.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Runs a worker for each of these, all at once. They end when the swarm is dropped.
pub async fn swarm<T, R, F>(inputs: impl IntoIterator<Item = T>, worker: impl Fn(usize, T) -> F) -> Vec<R>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut workers = JoinSet::new();
    for (number, input) in inputs.into_iter().enumerate() {
        workers.spawn(worker(number, input));
    }
    let mut results = Vec::new();
    while let Some(result) = workers.join_next().await {
        results.push(result.expect("a worker of the attack does not panic"));
    }
    results
}

/// Returns a pace of this many ticks a second. What was missed is not made up for.
pub fn pace(per_second: f64) -> Interval {
    let mut interval = interval(Duration::from_secs_f64(1.0 / per_second));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
