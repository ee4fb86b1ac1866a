//! The load tester as a process, and its output.

use std::process::Command;
use std::sync::{Condvar, Mutex};

/// A light load: 20 readers, and as many messages a second as these ask for.
pub const LIGHT: [&str; 6] = ["--readers", "20", "--rate", "300", "--duration", "1s"];

/// Runs at once, however many tests there are: each is a load, before it waits for what never comes.
const RUNS_MAX: usize = 12;
static RUNS: Mutex<usize> = Mutex::new(0);
static RUN_ENDED: Condvar = Condvar::new();

/// The right to run the tester, until it is dropped.
pub struct Turn;

impl Turn {
    /// Waits until fewer than [`RUNS_MAX`] others have one.
    pub fn wait() -> Self {
        let runs = RUNS.lock().unwrap();
        *RUN_ENDED.wait_while(runs, |runs| *runs >= RUNS_MAX).unwrap() += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNS.lock().unwrap() -= 1;
        RUN_ENDED.notify_one();
    }
}

/// A run that has ended.
pub struct TesterRun {
    pub code: Option<i32>,
    pub report: String,
    pub errors: String,
}

/// Loads the server at this address.
pub fn load(url: &str, arguments: &[&str]) -> TesterRun {
    let _turn = Turn::wait();
    let output = Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--url", url])
        .args(arguments)
        .output()
        .expect("the load tester can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    TesterRun { code: output.status.code(), report: text(&output.stdout), errors: text(&output.stderr) }
}

impl TesterRun {
    /// Asserts that the run passed, and that the report contains these words.
    pub fn must_pass(&self, words: &str) {
        assert_eq!(self.code, Some(0), "{}{}", self.report, self.errors);
        assert!(self.report.contains(words), "{words:?} is not in {}", self.report);
    }

    /// Asserts that the run failed with code 1, and that one violation contains all of these words.
    pub fn must_catch(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{}{}", self.report, self.errors);
        let named =
            |line: &str| line.starts_with("VIOLATION") && words.iter().all(|word| line.contains(word));
        assert!(self.report.lines().any(named), "{words:?} are not in {}", self.report);
    }
}
