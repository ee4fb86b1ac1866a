//! The receiving side of a copy: chunks of bytes as a new log, which gets its name when it is whole.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::redb::{Database, ReadableDatabase as _, WriteTransaction};
use tempfile::NamedTempFile;

use crate::cluster::Place;
use crate::log::contract::Log as _;
use crate::log::error::{CopyError, LogError, OpenError};
use crate::log::redb::copy::frame::{Item, Unframer, items, row_bytes};
use crate::log::redb::copy::tables::{COPIED, Row};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::identity::CLUSTER;
use crate::log::redb::open::builder;
use crate::log::redb::place;
use crate::log::redb::tables::storage_error;

/// A transaction is closed by the row that takes it past this many bytes.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The name of a copy under way is that of the log and this.
const SUFFIX: &str = ".copy";

/// A copy of a log being taken, for a path that nobody has open. It holds one chunk of the copy, and a transaction of
/// about 4 MiB. Dropped before [`CopyReceiver::finish`], it leaves nothing, and a log that was at the path stays.
pub struct CopyReceiver {
    path: PathBuf,
    // In this order, in which they are dropped: no transaction without its database, which needs its file.
    tx: Option<(WriteTransaction, usize)>,
    database: Option<Database>,
    file: NamedTempFile,
    unframer: Unframer,
    place: Option<Place>,
    /// The table of which rows come.
    table: Option<usize>,
    rows: u64,
    is_whole: bool,
    has_failed: bool,
}

impl CopyReceiver {
    /// Begins to take a copy. Removes an older one that is not whole: only one may be under way.
    pub fn new(path: &Path) -> Result<Self, CopyError> {
        let failed = |source| CopyError::Io { path: path.display().to_string(), source };
        let Some(name) = path.file_name() else {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it names no file")));
        };
        let mut made = path.as_os_str().to_owned();
        made.push(SUFFIX);
        match std::fs::remove_file(&made) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file =
            tempfile::Builder::new().prefix(name).suffix(SUFFIX).rand_bytes(0).tempfile_in(folder(path));
        Ok(Self {
            path: path.to_owned(),
            tx: None,
            database: None,
            file: file.map_err(failed)?,
            unframer: Unframer::default(),
            place: None,
            table: None,
            rows: 0,
            is_whole: false,
            has_failed: false,
        })
    }

    /// The place of the log, once the first chunk has told it.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Takes the next bytes of the copy, in pieces of any size. After an error it takes no more.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), CopyError> {
        if self.has_failed {
            return Err(CopyError::Damaged("it was refused before"));
        }
        self.has_failed = true;
        while let Some(frame) = self.unframer.take(&mut bytes)? {
            // redb panics over bytes that are no row of a table.
            let taken = catch_unwind(AssertUnwindSafe(|| self.take_frame(&frame)));
            taken.unwrap_or(Err(CopyError::Damaged("a row does not read back")))?;
        }
        self.has_failed = false;
        Ok(())
    }

    fn take_frame(&mut self, frame: &[u8]) -> Result<(), CopyError> {
        let mut rows = Vec::new();
        for item in items(frame)? {
            if self.is_whole {
                return Err(CopyError::Damaged("something follows its end"));
            }
            if self.place.is_none() != matches!(item, Item::Place(_)) {
                return Err(CopyError::Damaged("it does not begin with the place of the log"));
            }
            match item {
                Item::Place(place) => self.place = Some(place),
                Item::Table(name) => {
                    self.write(&mut rows)?;
                    let named = COPIED.iter().position(|table| table.name().as_bytes() == name);
                    let Some(nth) = named else {
                        return Err(CopyError::UnknownTable(String::from_utf8_lossy(name).into_owned()));
                    };
                    if self.table.is_some_and(|before| nth <= before) {
                        return Err(CopyError::Damaged("its tables are in another order"));
                    }
                    self.table = Some(nth);
                    self.write_now(&[])?;
                }
                Item::Row(row) => rows.push(row),
                Item::End(count) => {
                    self.write(&mut rows)?;
                    if self.rows != count {
                        return Err(CopyError::Damaged("it has another number of rows than it says"));
                    }
                    self.is_whole = true;
                }
            }
        }
        self.write(&mut rows)
    }

    fn write(&mut self, rows: &mut Vec<Row<'_>>) -> Result<(), CopyError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.write_now(rows)?;
        self.rows += rows.len() as u64;
        rows.clear();
        Ok(())
    }

    /// Writes rows of the table; none make the table.
    fn write_now(&mut self, rows: &[Row<'_>]) -> Result<(), CopyError> {
        let table = self.table.ok_or(CopyError::Damaged("a row is of no table"))?;
        let failed = |error: LogError| storage(&self.path, &error);
        let database = if let Some(database) = &self.database {
            database
        } else {
            let made = builder().create(self.file.path());
            self.database.insert(made.map_err(|error| failed(storage_error(error)))?)
        };
        let (tx, bytes) = match &mut self.tx {
            Some(tx) => tx,
            None => {
                self.tx.insert((database.begin_write().map_err(|error| failed(storage_error(error)))?, 0))
            }
        };
        COPIED[table].write(tx, rows).map_err(failed)?;
        *bytes += rows.iter().map(|row| row_bytes(*row)).sum::<usize>();
        if *bytes >= BATCH_BYTES_MAX {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CopyError> {
        let Some((tx, _)) = self.tx.take() else { return Ok(()) };
        tx.commit().map_err(|error| storage(&self.path, &storage_error(error)))
    }

    /// Gives the log its name, in the place of one that was there, when all of it is on the disk. Returns its place.
    pub fn finish(mut self) -> Result<Place, CopyError> {
        if self.has_failed {
            return Err(CopyError::Damaged("it was refused before"));
        }
        let (true, true, Some(place)) = (self.is_whole, self.unframer.is_between(), self.place) else {
            return Err(CopyError::Damaged("it ends early"));
        };
        self.commit()?;
        let Some(database) = self.database.take() else {
            return Err(CopyError::Damaged("it has no tables"));
        };
        let found = catch_unwind(AssertUnwindSafe(|| identify(&database, place)));
        let found = found.unwrap_or(Err(LogError::Storage("it does not read back".into())));
        if found.map_err(|error| storage(&self.path, &error))? != place {
            return Err(CopyError::Damaged("its place is another than it says"));
        }
        database.close().map_err(|error| storage(&self.path, &storage_error(error)))?;
        let failed = |source| CopyError::Io { path: self.path.display().to_string(), source };
        self.file.as_file().sync_all().map_err(failed)?;
        self.file.persist(&self.path).map_err(|error| failed(error.error))?;
        File::open(folder(&self.path)).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(place)
    }
}

/// Notes the cluster of a log whose rows are all there, and reads the place as a start does.
fn identify(database: &Database, told: Place) -> Result<Place, LogError> {
    let tx = database.begin_write().map_err(storage_error)?;
    let id = told.cluster.map_or([0; 16], |cluster| cluster.0);
    tx.open_table(CLUSTER).map_err(storage_error)?.insert((), (id, 0)).map_err(storage_error)?;
    tx.commit().map_err(storage_error)?;
    let reading = database.begin_read().map_err(storage_error)?;
    let as_log_error = |error: OpenError| LogError::Storage(error.to_string().into());
    let log = RedbLog::over(&reading, "the copy", None).map_err(as_log_error)?;
    let (mark, _) = place::read(&reading)?;
    let mark = mark.or_beginning(log.head(), log.floor());
    Ok(Place { cluster: log.cluster, epoch: log.epoch, mark })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn storage(path: &Path, error: &LogError) -> CopyError {
    CopyError::Storage { path: path.display().to_string(), what: error.to_string() }
}
