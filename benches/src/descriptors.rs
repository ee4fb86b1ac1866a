//! Descriptors: ten thousand readers need as many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of this process, and of those that it starts, to what it may be.
pub fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, all).expect("up to its hard limit a process may raise it");
}
