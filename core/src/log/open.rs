//! Opening the embedded log by its name.

use std::path::Path;
use std::sync::Arc;

use crate::log::contract::Log;
use crate::log::error::OpenError;
use crate::log::redb::RedbLog;

/// Opens the embedded log, and makes it when there is none: see [`crate::Builder::open`].
pub fn open(log: &str) -> Result<Arc<dyn Log>, OpenError> {
    let open = || match log {
        "memory:" => RedbLog::in_memory(),
        "temp:" => RedbLog::temporary(),
        path => RedbLog::open(Path::new(path)),
    };
    // redb may panic over what it never wrote.
    let opened = std::panic::catch_unwind(open).unwrap_or_else(|_| {
        Err(OpenError::Damaged { path: log.to_owned(), what: "it does not read back".into() })
    })?;
    Ok(Arc::new(opened))
}
