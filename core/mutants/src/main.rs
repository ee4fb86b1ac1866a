//! Breaks each guarantee on purpose, and sees whether the tests notice.
//!
//! `millchat-mutants [WORD]` applies each mutation of `core/mutants/list.toml` (whose name contains the word) to
//! a copy of the tree and runs the tests that should notice; when they do not, all of the core's and the models'.
//! It prints a table and exits with 1 when a mutation survives or does not apply any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// A mutated program may do nothing for ever: tests that take longer than this have noticed.
const TESTS_TAKE_MAX: Duration = Duration::from_mins(4);
/// What a copy of the tree leaves out.
const LEFT_OUT: [&str; 4] = ["target", ".git", "node_modules", "artifacts"];

#[derive(Deserialize)]
struct List {
    mutation: Vec<Mutation>,
}

#[derive(Deserialize)]
struct Mutation {
    name: String,
    /// The file, from the root of the repository.
    file: String,
    find: String,
    replace: String,
    /// Arguments of the `cargo test` that should notice.
    test: String,
}

/// What all the suites are that a mutation must get past.
const ALL: &str = "-p millchat -p millchat-models --tests";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref().unwrap_or("")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(word: &str) -> Result<bool, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let list: List = toml::from_str(&fs::read_to_string(root.join("core/mutants/list.toml"))?)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    // A target directory of its own: cargo does not tell the crates of two copies of one workspace apart.
    let (copy, target) = (target.join("mutants/tree"), target.join("mutants/target"));
    mirror(&root, &copy)?;
    if let Some(Ok(failed) | Err(failed)) = test(&copy, &target, ALL)? {
        return Err(format!("the tests fail already, with nothing mutated: {failed}").into());
    }
    println!("| mutation | caught by |\n|---|---|");
    let mut all_caught = true;
    for mutation in list.mutation.iter().filter(|mutation| mutation.name.contains(word)) {
        let verdict = judge(&root, &copy, &target, mutation)?;
        all_caught &= verdict.is_ok();
        let (Ok(said) | Err(said)) = verdict;
        println!("| {} | {said} |", mutation.name);
    }
    Ok(all_caught)
}

/// Which test caught it, or that none did.
fn judge(
    root: &Path,
    copy: &Path,
    target: &Path,
    mutation: &Mutation,
) -> Result<Result<String, String>, Failure> {
    mirror(root, copy)?;
    let path = copy.join(&mutation.file);
    let source = fs::read_to_string(&path)?;
    if source.matches(&mutation.find).count() != 1 {
        return Ok(Err(format!("NOT APPLIED: its text is not once in {}", mutation.file)));
    }
    fs::write(&path, source.replace(&mutation.find, &mutation.replace))?;
    for arguments in [&mutation.test[..], ALL] {
        if let Some(caught) = test(copy, target, arguments)? {
            return Ok(caught);
        }
    }
    Ok(Err("SURVIVED".into()))
}

/// Runs tests. `None` when all of them pass.
fn test(copy: &Path, target: &Path, arguments: &str) -> Result<Option<Result<String, String>>, Failure> {
    let output = target.with_extension("log");
    let mut tests = Command::new("cargo")
        .args(["test", "--quiet", "--no-fail-fast"])
        .args(arguments.split(' '))
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output)?)
        .stderr(fs::File::create(output.with_extension("err"))?)
        .spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = tests.try_wait()? {
            break status;
        }
        if started.elapsed() > TESTS_TAKE_MAX {
            tests.kill()?;
            tests.wait()?;
            return Ok(Some(Ok(format!("`{arguments}`, which did not end"))));
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if status.success() {
        return Ok(None);
    }
    let errors = fs::read_to_string(output.with_extension("err"))?;
    if errors.contains("could not compile") {
        return Ok(Some(Err("NOT APPLIED: it does not compile".into())));
    }
    let output = fs::read_to_string(output)?;
    let mut failed: Vec<&str> = Vec::new();
    // Under "failures:" each failed test stands on a line of its own.
    for line in output.lines().filter_map(|line| line.strip_prefix("    ")) {
        if !line.contains(' ') && !failed.contains(&line) {
            failed.push(line);
        }
    }
    let named = failed.first().copied().unwrap_or("a test that ended the process");
    let more = failed.len().saturating_sub(1);
    Ok(Some(Ok(if more == 0 { format!("`{named}`") } else { format!("`{named}` and {more} more") })))
}

/// Makes `copy` a copy of `root`; files that are the same already keep their time, so that cargo builds little.
fn mirror(root: &Path, copy: &Path) -> std::io::Result<()> {
    fs::create_dir_all(copy)?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let (from, to) = (entry.path(), copy.join(entry.file_name()));
        if LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            mirror(&from, &to)?;
        } else {
            let content = fs::read(&from)?;
            if fs::read(&to).ok().as_ref() != Some(&content) {
                fs::write(&to, content)?;
                fs::set_permissions(&to, entry.metadata()?.permissions())?;
            }
        }
    }
    Ok(())
}
