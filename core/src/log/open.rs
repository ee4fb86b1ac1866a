//! Opening the embedded log by its name, and looking at the one of a node of a cluster that nobody has open.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crate::cluster::{ClusterId, Place};
use crate::log::contract::Log;
use crate::log::error::{LogError, OpenError};
use crate::log::redb::{RedbLog, open_stopped};
use crate::log::role::Role;

/// Opens the embedded log, and makes it when there is none: see [`crate::Builder::open`].
pub fn open(log: &str) -> Result<Arc<dyn Log>, OpenError> {
    open_as(log, Role::Either)
}

/// Opens the embedded log as [`open`] does, unless it plays another part. There is none to make for a node of
/// a cluster: its log is a copy of another.
pub(crate) fn open_as(log: &str, role: Role) -> Result<Arc<dyn Log>, OpenError> {
    let opened = caught(log, || match log {
        "memory:" => RedbLog::in_memory(),
        "temp:" => RedbLog::temporary(),
        path => RedbLog::open_as(Path::new(path), role),
    })?;
    role.check(log, opened.cluster())?;
    Ok(Arc::new(opened))
}

/// Makes a log that nobody has open the beginning of a cluster, and makes it first when there is none. Returns
/// the id of the cluster, which all logs of its nodes have. Refuses a log that has one.
pub fn begin(path: &Path) -> Result<ClusterId, OpenError> {
    let name = path.display().to_string();
    caught(&name, || {
        let log = RedbLog::open_as(path, Role::Single)?;
        let begun = log.begin_cluster().and_then(|cluster| log.close().map(|()| cluster));
        begun.map_err(|error| failed(&name, error))
    })
}

/// Looks at the log in a file that nobody has open, and never changes it. `None` if there is no file, or an empty
/// one.
pub fn place(path: &Path) -> Result<Option<Place>, OpenError> {
    let name = path.display().to_string();
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if found.is_file() && found.len() == 0 => return Ok(None),
        _ => {}
    }
    caught(&name, || {
        let log = open_stopped(path)?;
        let (mark, _) = log.place().map_err(|error| failed(&name, error))?;
        let mark = mark.or_beginning(log.head(), log.floor());
        Ok(Some(Place { cluster: log.cluster(), epoch: log.epoch(), mark }))
    })
}

fn failed(name: &str, error: LogError) -> OpenError {
    OpenError::Io { path: name.to_owned(), source: std::io::Error::other(error) }
}

/// Turns a panic into an error: redb may panic over what it never wrote.
fn caught<T>(name: &str, open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        Err(OpenError::Damaged { path: name.to_owned(), what: "it does not read back".into() })
    })
}
