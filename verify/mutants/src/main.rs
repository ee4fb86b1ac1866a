//! Breaks each guarantee on purpose, and sees whether the tests notice.
//!
//! `millchat-mutants [--list] [WORD]...` applies each mutation of `verify/mutants/list.toml` (whose name or
//! file holds one of the words) to a copy of the tree and runs the tests that should notice; when they do
//! not, all the tests of what was mutated. How it goes is said on stderr, a table at the end on stdout. It
//! exits with 1 when a mutation survives, does not apply any more, or does not compile.

mod copy;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use serde::Deserialize;

use copy::Copy;
use trial::{Outcome, Tests};

/// All that a mutation of the core must get past.
const CORE_ALL: &[&str] = &["-p millchat -p millchat-loom --tests"];
/// All that a mutation of the server must get past: those of the process's tests that end soon.
const SERVER_ALL: &[&str] = &[
    "-p millchat-server --lib",
    "-p millchat-server --test all -- api:: commands::only process::stdout process::sigterm rate:: slow:: stream::",
];

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct List {
    mutation: Vec<Mutation>,
}

#[derive(Deserialize)]
struct Mutation {
    /// The break, as a sentence.
    name: String,
    /// The file, from the root of the repository.
    file: String,
    /// A text that is in the file exactly once.
    find: String,
    replace: String,
    /// Arguments of the `cargo test` that should notice.
    test: String,
}

impl Mutation {
    fn all(&self) -> &'static [&'static str] {
        if self.file.starts_with("core/") { CORE_ALL } else { SERVER_ALL }
    }

    fn is_meant(&self, words: &[String]) -> bool {
        words.is_empty() || words.iter().any(|word| self.name.contains(word) || self.file.contains(word))
    }
}

fn main() -> ExitCode {
    let (options, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let done = match &options[..] {
        [] => run(&words),
        [option] if option == "--list" => list(&words),
        _ => Err("use: millchat-mutants [--list] [WORD]...".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> std::io::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()
}

fn meant(root: &Path, words: &[String]) -> Result<Vec<Mutation>, Failure> {
    let list: List = toml::from_str(&fs::read_to_string(root.join(copy::LIST))?)?;
    let meant: Vec<_> = list.mutation.into_iter().filter(|mutation| mutation.is_meant(words)).collect();
    if meant.is_empty() { Err("no mutation has such a name or file".into()) } else { Ok(meant) }
}

fn list(words: &[String]) -> Result<bool, Failure> {
    for mutation in meant(&root()?, words)? {
        println!("{}\n    {}\n    cargo test {}", mutation.name, mutation.file, mutation.test);
    }
    Ok(true)
}

fn run(words: &[String]) -> Result<bool, Failure> {
    let root = root()?;
    let mutations = meant(&root, words)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    fs::create_dir_all(target.join("mutants"))?;
    // Two runs would mutate one copy.
    let lock = fs::File::create(target.join("mutants/lock"))?;
    lock.try_lock().map_err(|_| "another run is under way")?;
    let copy = Copy::make(&root, &target.join("mutants/tree"))?;
    // A target directory of its own: cargo does not tell the crates of two copies of one workspace apart.
    let tests = Tests::new(copy.tree(), &target.join("mutants/target"))?;
    pass_unmutated(&copy, &tests, &mutations, &target.join("mutants/passed"))?;

    let (mut rows, mut caught) = (Vec::new(), 0);
    for (n, mutation) in mutations.iter().enumerate() {
        let started = Instant::now();
        let (is_caught, said) = judge(&copy, &tests, mutation)?;
        caught += usize::from(is_caught);
        let (name, seconds) = (&mutation.name, started.elapsed().as_secs());
        eprintln!("{} of {}: {name}: {said}, {seconds} s", n + 1, mutations.len());
        rows.push(format!("| {name} | {said} |"));
    }
    println!(
        "| mutation | caught by |\n|---|---|\n{}\n\n{caught} of {} caught",
        rows.join("\n"),
        mutations.len()
    );
    Ok(caught == mutations.len())
}

/// The tests must pass before they can tell anything. Once they did, they are not run again for the same
/// tree.
fn pass_unmutated(copy: &Copy, tests: &Tests, mutations: &[Mutation], noted: &Path) -> Result<(), Failure> {
    let mut passed = fs::read_to_string(noted).unwrap_or_default();
    for all in [CORE_ALL, SERVER_ALL] {
        if !mutations.iter().any(|mutation| mutation.all() == all) {
            continue;
        }
        for arguments in all {
            let line = format!("{:016x} {arguments}\n", copy.digest());
            if passed.contains(&line) {
                continue;
            }
            let started = Instant::now();
            match tests.run(arguments)? {
                Outcome::Passed => {}
                Outcome::Failed(by) => {
                    return Err(format!("the tests fail already, with nothing mutated: {by}").into());
                }
                Outcome::NotBuilt => return Err("the tree does not compile, with nothing mutated".into()),
                Outcome::Empty => return Err(format!("`cargo test {arguments}` runs no test").into()),
            }
            eprintln!("nothing mutated: `{arguments}` passed, {} s", started.elapsed().as_secs());
            passed += &line;
        }
    }
    fs::write(noted, passed)?;
    Ok(())
}

/// Returns true if it was caught, and the outcome in words.
fn judge(copy: &Copy, tests: &Tests, mutation: &Mutation) -> Result<(bool, String), Failure> {
    let Some(_mutated) = copy.mutate(&mutation.file, &mutation.find, &mutation.replace)? else {
        return Ok((false, format!("NOT APPLIED: its text does not stand once in `{}`", mutation.file)));
    };
    for arguments in std::iter::once(&mutation.test[..]).chain(mutation.all().iter().copied()) {
        match tests.run(arguments)? {
            Outcome::Passed => {}
            Outcome::Failed(by) => return Ok((true, by)),
            Outcome::NotBuilt => return Ok((false, "NOT APPLIED: it does not compile".into())),
            Outcome::Empty => {
                return Ok((false, format!("NOT TRIED: `cargo test {arguments}` runs no test")));
            }
        }
    }
    Ok((false, "SURVIVED".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_still_applies() {
        let root = root().unwrap();
        let broken: Vec<_> = meant(&root, &[])
            .unwrap()
            .into_iter()
            .filter(|it| {
                let source = fs::read_to_string(root.join(&it.file)).unwrap_or_default();
                source.matches(&it.find).count() != 1
            })
            .map(|it| format!("{} ({})", it.name, it.file))
            .collect();
        assert!(broken.is_empty(), "the text of these mutations is not in their file once: {broken:#?}");
    }
}
