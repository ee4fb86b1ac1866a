//! The paths of the benches' files: all are under the target directory, which is on a real disk more often
//! than the system's temporary directory is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the directory of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// Returns the target directory of cargo.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Returns the directory of the figures, which has a file for each bench.
pub fn figures() -> PathBuf {
    let directory = target().join("bench");
    fs::create_dir_all(&directory).expect("the target directory takes directories");
    directory
}

/// Returns true if the command line asks for a part of a bench, or only for a test that it runs.
pub fn only_a_part() -> bool {
    env::args().skip(1).any(|arg| arg != "--bench")
}

/// Returns true if the command line names this case, or names none.
pub fn asked_for(case: &str) -> bool {
    let mut names = env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    names.peek().is_none() || names.any(|name| case.contains(&name))
}

/// A directory for the logs of one bench; removed when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Creates an empty directory.
    pub fn new(bench: &str) -> Self {
        let directory = figures().join(format!("{bench}.tmp"));
        // Files of an interrupted run.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the target directory takes directories");
        Self(directory)
    }

    /// Returns the path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
