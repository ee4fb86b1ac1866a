//! Looks at the run every second, keeps what it saw and has it shown.

use std::time::{Duration, Instant};

use crate::process;
use crate::report::live::{Glance, Live};
use crate::report::timer_probe::Ticker;
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::series::{Sample, Series};
use crate::run::stats::Latencies;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// What was counted up to one look.
#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Instant,
    delivered: u64,
    bytes: u64,
    server_cpu: Option<Duration>,
    own_cpu: Option<Duration>,
}

impl Counted {
    fn now(run: &Run) -> Self {
        Self {
            at: Instant::now(),
            delivered: run.progress.counts.delivered.get(),
            bytes: run.progress.counts.bytes.get(),
            server_cpu: run.plan.pid.and_then(process::cpu_time),
            own_cpu: process::cpu_time_alone(std::process::id()),
        }
    }
}

/// Who looks.
pub struct Monitor {
    live: Live,
    ticker: Ticker,
    /// How late the ticker was, from the first message on.
    scheduling: Latencies,
    scheduling_p99_us: u64,
    begun: Instant,
    first: Option<Instant>,
    last: Counted,
    series: Series,
}

impl Monitor {
    /// One that has seen nothing.
    pub fn new(run: &Run) -> Self {
        Self {
            live: Live::new(run),
            ticker: Ticker::start(),
            scheduling: Latencies::default(),
            scheduling_p99_us: 0,
            begun: Instant::now(),
            first: None,
            last: Counted::now(run),
            series: Series::default(),
        }
    }

    /// When the first message is due: what was measured before is not of the load.
    pub fn first_message_at(&mut self, first: Instant) {
        self.first = Some(first);
        self.ticker.take();
    }

    /// Looks, if it is time, and has shown what is to be shown.
    pub fn tick(&mut self, run: &Run) {
        if self.last.at.elapsed() >= EVERY {
            self.look(run);
        }
        let phase = run.progress.phase().borrow().clone();
        let glance = Glance {
            run,
            phase: &phase,
            since_begun: self.begun.elapsed(),
            scheduling_p99_us: self.scheduling_p99_us,
        };
        self.live.show(&glance);
    }

    fn look(&mut self, run: &Run) {
        let (before, now) = (self.last, Counted::now(run));
        self.last = now;
        let seconds = (now.at - before.at).as_secs_f64();
        let cores = |now: Option<Duration>, before: Option<Duration>| {
            Some(now?.checked_sub(before?)?.as_secs_f64() / seconds)
        };
        let latencies = run.progress.window.take();
        let late = self.ticker.take();
        self.scheduling_p99_us = late.quantile_us(0.99);
        if matches!(*run.progress.phase().borrow(), Phase::Sending(_)) {
            self.scheduling.add(&late);
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
            connected: run.progress.counts.connected.get(),
            server_cores: cores(now.server_cpu, before.server_cpu),
            server_resident: run.plan.pid.and_then(process::resident_bytes_roughly),
            tester_cores: cores(now.own_cpu, before.own_cpu),
        };
        if self.first.is_some_and(|first| first <= now.at) {
            self.series.add(sample);
        }
        self.live.note(sample);
    }

    /// The run is over: what was seen, and how late the tester's own clock was.
    pub fn end(mut self) -> (Series, Latencies) {
        self.live.end();
        self.scheduling.add(&self.ticker.take());
        (self.series, self.scheduling)
    }
}
