//! The limits that the system sets for a process and its children.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of descriptors to the hard limit: thousands of readers need as many.
pub fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, all).expect("up to its hard limit a process may raise it");
}
