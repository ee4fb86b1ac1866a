//! The load tester as a process, and its output.

use std::process::Command;

/// A light load: 20 readers, and as many messages a second as these ask for.
pub const LIGHT: [&str; 6] = ["--readers", "20", "--rate", "300", "--duration", "1s"];

/// A run that has ended.
pub struct TesterRun {
    pub code: Option<i32>,
    pub report: String,
    pub errors: String,
}

/// Loads the server at this address.
pub fn load(url: &str, arguments: &[&str]) -> TesterRun {
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
