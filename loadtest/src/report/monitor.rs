//! Samples the run every second, keeps the samples and updates the live view.

use std::time::{Duration, Instant};

use millchat_testkit::process;

use crate::report::live::{LiveState, LiveView};
use crate::report::timer_probe::TimerProbe;
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::series::{Sample, Series};
use crate::run::stats::Latencies;

/// Interval of the samples.
const EVERY: Duration = Duration::from_secs(1);

/// The totals at the time of a sample.
#[derive(Debug, Clone, Copy)]
struct Totals {
    at: Instant,
    delivered: u64,
    bytes: u64,
    server_cpu: Option<Duration>,
    own_cpu: Option<Duration>,
}

impl Totals {
    fn now(run: &Run) -> Self {
        Self {
            at: Instant::now(),
            delivered: run.progress.counters.delivered.get(),
            bytes: run.progress.counters.bytes.get(),
            server_cpu: run.plan.of_processes(process::cpu_time),
            own_cpu: process::cpu_time_alone(std::process::id()),
        }
    }
}

/// The state of the sampling.
pub struct Monitor {
    live: LiveView,
    timer_probe: TimerProbe,
    /// The delay of the timer probe, from the first message on.
    scheduling: Latencies,
    scheduling_p99_us: u64,
    begun: Instant,
    first: Option<Instant>,
    last: Totals,
    series: Series,
}

impl Monitor {
    /// Creates a monitor without samples.
    pub fn new(run: &Run) -> Self {
        Self {
            live: LiveView::new(run),
            timer_probe: TimerProbe::start(),
            scheduling: Latencies::default(),
            scheduling_p99_us: 0,
            begun: Instant::now(),
            first: None,
            last: Totals::now(run),
            series: Series::default(),
        }
    }

    /// Sets the time of the first message: measurements before it do not belong to the load.
    pub fn first_message_at(&mut self, first: Instant) {
        self.first = Some(first);
        self.timer_probe.take();
    }

    /// Takes a sample, if it is time, and updates the live view.
    pub fn tick(&mut self, run: &Run) {
        if self.last.at.elapsed() >= EVERY {
            self.sample(run);
        }
        let phase = run.progress.phase().borrow().clone();
        let state = LiveState {
            run,
            phase: &phase,
            since_begun: self.begun.elapsed(),
            scheduling_p99_us: self.scheduling_p99_us,
        };
        self.live.show(&state);
    }

    fn sample(&mut self, run: &Run) {
        let (before, now) = (self.last, Totals::now(run));
        self.last = now;
        let seconds = (now.at - before.at).as_secs_f64();
        let cores = |now: Option<Duration>, before: Option<Duration>| {
            Some(now?.checked_sub(before?)?.as_secs_f64() / seconds)
        };
        let latencies = run.progress.recent.take();
        let late = self.timer_probe.take();
        self.scheduling_p99_us = late.quantile_us(0.99);
        if matches!(*run.progress.phase().borrow(), Phase::Sending(_)) {
            self.scheduling.merge(&late);
        }
        let from = self.first.unwrap_or(now.at);
        let at_s = now.at.saturating_duration_since(from).as_secs_f64();
        let sample = Sample {
            at_s,
            deliveries_per_s: (now.delivered - before.delivered) as f64 / seconds,
            bytes_per_s: (now.bytes - before.bytes) as f64 / seconds,
            p50_us: latencies.quantile_us(0.5),
            p99_us: latencies.quantile_us(0.99),
            max_us: latencies.0.max(),
            connected: run.progress.counters.connected.get(),
            server_cores: cores(now.server_cpu, before.server_cpu),
            server_resident: run.plan.of_processes(process::resident_bytes_roughly),
            tester_cores: cores(now.own_cpu, before.own_cpu),
        };
        if self.first.is_some_and(|first| first <= now.at) {
            self.series.add(sample);
        }
        self.live.add_sample(sample);
    }

    /// Ends the sampling; returns the samples, and the delay of the tester's own timers.
    pub fn end(mut self) -> (Series, Latencies) {
        self.live.end();
        self.scheduling.merge(&self.timer_probe.take());
        (self.series, self.scheduling)
    }
}
