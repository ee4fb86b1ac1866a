//! Running tests: built first, then run for a bounded time, and the name of the first that failed.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// A mutated program may do nothing for ever: tests that take longer than this have noticed.
const TESTS_TAKE_MAX: Duration = Duration::from_mins(4);
/// The time between two looks at whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The end of a run of tests.
pub enum Outcome {
    Passed,
    /// By the test that is named.
    Failed(String),
    NotBuilt,
    /// The arguments name no test.
    Empty,
}

/// The tests of a tree.
pub struct Tests {
    tree: PathBuf,
    target: PathBuf,
}

impl Tests {
    /// Built into `target`.
    pub fn new(tree: &Path, target: &Path) -> io::Result<Self> {
        fs::create_dir_all(target)?;
        Ok(Self { tree: tree.to_owned(), target: target.to_owned() })
    }

    /// Runs `cargo test` with these arguments, parted by spaces.
    pub fn run(&self, arguments: &str) -> io::Result<Outcome> {
        let (built, filters) = arguments.split_once(" -- ").unwrap_or((arguments, ""));
        if !self.cargo(&[built, "--no-run"])?.wait()?.success() {
            return Ok(Outcome::NotBuilt);
        }
        let Some(status) = self.wait_for(built, filters)? else {
            return Ok(Outcome::Failed(format!("`{arguments}`, which did not end")));
        };
        let output = self.output()?;
        if status.success() {
            let ran = output.lines().any(|line| line.ends_with(" ... ok"));
            return Ok(if ran { Outcome::Passed } else { Outcome::Empty });
        }
        let mut failed: Vec<&str> = output.lines().filter_map(failed_test).collect();
        failed.sort_unstable();
        failed.dedup();
        Ok(Outcome::Failed(match &failed[..] {
            [] => self.last_alive(built, filters)?,
            [one] => format!("`{one}`"),
            [first, more @ ..] => format!("`{first}` and {} more", more.len()),
        }))
    }

    /// A test has ended the whole process: one after the other, the last one that began is the one.
    fn last_alive(&self, built: &str, filters: &str) -> io::Result<String> {
        let output = self.log("out");
        fs::rename(&output, output.with_extension("first"))?;
        self.wait_for(built, &format!("--test-threads=1 {filters}"))?;
        let output = self.output()?;
        let mut begun = output.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
        // What passes alone has failed beside others.
        Ok(match begun.next_back() {
            Some((name, after)) if after != "ok" => format!("`{name}`, which ended the process"),
            _ => "a test that ended the process".into(),
        })
    }

    /// Runs what is built. `None` when it was ended because it took too long.
    fn wait_for(&self, built: &str, filters: &str) -> io::Result<Option<ExitStatus>> {
        // All failures are wanted, so that the name that is printed is the same each time.
        wait(&mut self.cargo(&["--no-fail-fast", built, "--", filters])?)
    }

    fn cargo(&self, arguments: &[&str]) -> io::Result<Child> {
        Command::new("cargo")
            .arg("test")
            .args(arguments.iter().flat_map(|all| all.split(' ')).filter(|argument| !argument.is_empty()))
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never")
            // Nobody reads a backtrace of these; linking is what takes long.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .stdin(Stdio::null())
            .stdout(File::create(self.log("out"))?)
            .stderr(File::create(self.log("err"))?)
            .process_group(0)
            .spawn()
    }

    fn output(&self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.log("out"))?).into_owned())
    }

    /// The output of the last run; it is kept to be looked at.
    fn log(&self, stream: &str) -> PathBuf {
        self.target.join(format!("last.{stream}"))
    }
}

/// `None` when it was ended, with all that it started, because it took too long.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > TESTS_TAKE_MAX {
            let id = child.id().try_into().expect("process ids are positive and below 2^31");
            let group = Pid::from_raw(id).expect("no process has the id 0");
            kill_process_group(group, Signal::KILL)?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// `test NAME ... FAILED`
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}
