//! The limit of files and sockets that this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of descriptors to the hard one. Fails when fewer than `needed` are allowed.
pub fn raise_limit(needed: u64) -> Result<(), String> {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard })
        .map_err(|error| format!("the limit of descriptors could not be raised: {error}"))?;
    match hard {
        Some(hard) if hard < needed => Err(format!(
            "{needed} descriptors are needed; the hard limit is {hard}: raise it with `ulimit -Hn {needed}`"
        )),
        _ => Ok(()),
    }
}
