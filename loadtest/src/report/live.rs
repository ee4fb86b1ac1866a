//! The live view: a small panel where stderr is a terminal, a line a second elsewhere.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::load::rate::Rate;
use crate::report::units::{bytes, counted, grouped, time, whole};
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::series::Sample;

/// Interval at which the panel is drawn.
const REFRESH: Duration = Duration::from_millis(250);
/// Characters of the progress bar.
const BAR_CHARS: usize = 42;
/// Seconds that the sparkline shows.
const SPARKS: usize = 42;
/// Characters of the sparkline, from low to high.
const COLUMNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The state that the view shows.
pub struct LiveState<'a> {
    /// The run.
    pub run: &'a Run,
    /// The phase of the run.
    pub phase: &'a Phase,
    /// The time since the run began.
    pub since_begun: Duration,
    /// The delay of the tester's own timers in the last second (p99).
    pub scheduling_p99_us: u64,
}

/// The live view.
pub struct LiveView {
    terminal: bool,
    title: String,
    drawn: Option<Instant>,
    /// Lines of the panel on the screen.
    lines: usize,
    latest: Option<Sample>,
    /// Set when the latest sample has not been written as a line.
    fresh: bool,
    rates: VecDeque<f64>,
}

impl LiveView {
    /// Creates a view that shows nothing yet.
    pub fn new(run: &Run) -> Self {
        let load = &run.plan.settings.load;
        let rate = match load.rate {
            Rate::Idle => "no messages".to_owned(),
            Rate::PerSecond(rate) => format!("{rate} messages/s"),
            Rate::Max => "as fast as acknowledged".to_owned(),
        };
        let title = format!(
            "{} · {} · {} · {rate}",
            run.plan.target.bases(),
            counted(load.streams() as u64, "reader"),
            counted(load.rooms, "room")
        );
        Self {
            terminal: stderr().is_terminal(),
            title,
            drawn: None,
            lines: 0,
            latest: None,
            fresh: false,
            rates: VecDeque::with_capacity(SPARKS),
        }
    }

    /// Adds the sample of the second that has passed.
    pub fn add_sample(&mut self, sample: Sample) {
        self.latest = Some(sample);
        self.fresh = true;
        if self.rates.len() == SPARKS {
            self.rates.pop_front();
        }
        self.rates.push_back(sample.deliveries_per_s);
    }

    /// Shows the state, if it is time.
    pub fn show(&mut self, state: &LiveState<'_>) {
        // A terminal that cannot be written to shows nothing; the run goes on.
        if !self.terminal {
            if std::mem::take(&mut self.fresh) {
                let _ = writeln!(stderr(), "{}", self.line(state));
            }
        } else if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REFRESH) {
            self.drawn = Some(Instant::now());
            let panel = self.panel(state);
            let back = self.back();
            self.lines = panel.len();
            let _ = writeln!(stderr(), "{back}{}", panel.join("\n"));
        }
    }

    /// Removes the panel.
    pub fn end(&mut self) {
        let _ = write!(stderr(), "{}", self.back());
        self.lines = 0;
    }

    /// Returns the codes that move the cursor to the beginning of the panel, and clear from there on.
    fn back(&self) -> String {
        if self.lines == 0 { String::new() } else { format!("\x1b[{}A\r\x1b[J", self.lines) }
    }

    fn line(&self, state: &LiveState<'_>) -> String {
        let (counters, sample) = (&state.run.progress.counters, self.latest.unwrap_or_default());
        let (phase, _) = progress(state);
        let server = match (sample.server_cores, sample.server_resident) {
            (Some(cores), Some(resident)) => {
                format!(" · server {:.0} % CPU {}", cores * 100.0, bytes(resident as f64))
            }
            _ => String::new(),
        };
        format!(
            "{:>4}s {phase} · {} connected · {}/{} acknowledged · {} delivered ({}/s) · \
             p50 {} p99 {}{server} · {}",
            state.since_begun.as_secs(),
            grouped(sample.connected),
            grouped(counters.acknowledged.get()),
            grouped(counters.sent.get()),
            grouped(counters.delivered.get()),
            grouped(sample.deliveries_per_s.round()),
            time(sample.p50_us),
            time(sample.p99_us),
            counted(counters.stream_errors.get() + counters.not_acknowledged.get(), "error"),
        )
    }

    fn panel(&self, state: &LiveState<'_>) -> Vec<String> {
        let (run, counters, sample) =
            (state.run, &state.run.progress.counters, self.latest.unwrap_or_default());
        let (phase, done) = progress(state);
        let filled = whole(done * BAR_CHARS as f64).min(BAR_CHARS);
        let bar = format!("\x1b[36m{}\x1b[90m{}\x1b[0m", "━".repeat(filled), "─".repeat(BAR_CHARS - filled));
        let dim = |name: &str| format!("  \x1b[90m{name:<11}\x1b[0m");
        let storms = match counters.storms.get() {
            0 => String::new(),
            storms => format!(" · {}", counted(storms, "storm")),
        };
        let mut panel = vec![
            String::new(),
            format!("  \x1b[1mmillchat-loadtest\x1b[0m  {}", self.title),
            format!("{}{bar}", dim(phase)),
            format!(
                "{}{} of {} connected · {} made{storms}",
                dim("readers"),
                grouped(counters.connected.get()),
                grouped(run.plan.settings.load.streams()),
                grouped(counters.connections.get()),
            ),
            format!(
                "{}{} acknowledged of {} sent",
                dim("messages"),
                grouped(counters.acknowledged.get()),
                grouped(counters.sent.get())
            ),
            format!(
                "{}{} · \x1b[1m{}/s\x1b[0m · {}/s",
                dim("delivered"),
                grouped(counters.delivered.get()),
                grouped(sample.deliveries_per_s.round()),
                bytes(sample.bytes_per_s)
            ),
            format!("{}\x1b[36m{}\x1b[0m", dim(""), sparks(&self.rates)),
            format!(
                "{}p50 \x1b[1m{}\x1b[0m · p99 \x1b[1m{}\x1b[0m · max {}",
                dim("latency"),
                time(sample.p50_us),
                time(sample.p99_us),
                time(sample.max_us)
            ),
        ];
        if let (Some(cores), Some(resident)) = (sample.server_cores, sample.server_resident) {
            let server = format!("{:.0} % CPU · {}", cores * 100.0, bytes(resident as f64));
            panel.push(format!("{}{server}", dim("server")));
        }
        panel.push(format!(
            "{}{:.0} % CPU · timers late by {} (p99)",
            dim("tester"),
            sample.tester_cores.unwrap_or_default() * 100.0,
            time(state.scheduling_p99_us)
        ));
        let errors = counters.stream_errors.get() + counters.not_acknowledged.get();
        let errors =
            if errors == 0 { "none".to_owned() } else { format!("\x1b[31m{}\x1b[0m", grouped(errors)) };
        panel.push(format!("{}{errors}", dim("errors")));
        panel
    }
}

/// Returns the name of the phase, and the share of it that is done.
fn progress(state: &LiveState<'_>) -> (&'static str, f64) {
    let load = &state.run.plan.settings.load;
    match state.phase {
        Phase::Joining => {
            ("joining", state.run.progress.counters.joined.get() as f64 / load.streams().max(1) as f64)
        }
        Phase::Sending(until) => {
            let left = until.saturating_duration_since(Instant::now()).as_secs_f64();
            ("sending", 1.0 - left / load.duration.as_secs_f64().max(f64::EPSILON))
        }
        Phase::Draining(_) => ("draining", 1.0),
        Phase::Over { .. } => ("over", 1.0),
    }
}

/// Returns a sparkline, scaled to the highest value.
fn sparks(values: &VecDeque<f64>) -> String {
    let most = values.iter().copied().fold(1.0, f64::max);
    let column = |value: &f64| COLUMNS[whole(value / most * (COLUMNS.len() - 1) as f64)];
    values.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_rise_with_the_values() {
        assert_eq!(sparks(&[0.0, 50.0, 100.0].into()), "▁▅█");
        assert_eq!(sparks(&[0.0, 0.0].into()), "▁▁");
    }
}
