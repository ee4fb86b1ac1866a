//! The line that says how the run is going, while it goes; only where somebody can see it.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::run::Counts;

/// How often the line is written anew.
const REFRESH: Duration = Duration::from_millis(250);

/// The line.
pub struct Live {
    terminal: bool,
    shown: Option<(Instant, u64)>,
}

impl Live {
    /// A line that shows nothing yet.
    pub fn new() -> Self {
        Self { terminal: stderr().is_terminal(), shown: None }
    }

    /// Writes the line anew, if it is time.
    pub fn show(&mut self, counts: &Counts, readers: usize) {
        if !self.terminal || self.shown.is_some_and(|(at, _)| at.elapsed() < REFRESH) {
            return;
        }
        let delivered = counts.delivered.get();
        let rate = self.shown.map_or(0.0, |(at, before)| {
            delivered.saturating_sub(before) as f64 / at.elapsed().as_secs_f64().max(f64::EPSILON)
        });
        self.shown = Some((Instant::now(), delivered));
        let line = format!(
            "joined {}/{readers} · sent {} · acknowledged {} · delivered {delivered} ({rate:.0}/s)",
            counts.joined.get(),
            counts.sent.get(),
            counts.acknowledged.get(),
        );
        // A terminal that cannot be written to shows nothing; the run goes on.
        let _ = write!(stderr(), "\r\x1b[K{line}");
    }

    /// Takes the line away.
    pub fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
