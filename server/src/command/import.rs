//! `millchat import OUT`: JSON lines from stdin into a new log. The lines are taken by [`Importer`], which a
//! backup of a running server uses too.

use std::io::{BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};

use millchat::Position;
use millchat::log::{NewLog, NewLogError, RawRecord};

use super::failure::Failure;
use super::number::grouped;
use super::progress::{self, Progress};
use super::rooms::Rooms;
use crate::export_format::{self, Header, LINE_BYTES_MAX, Line};
use crate::stderr;

/// Makes a new log of JSON lines from stdin.
///
/// Positions and what refers to them are kept; the epoch is new, so that readers' old places mean nothing
/// here. With the first line's signing key, tokens and idempotency keys stay good; without, a new one is
/// made, and the hashes of keys, which it cannot match, are left out. A wrong line ends it, and nothing is
/// left behind.
#[derive(clap::Args, Debug)]
pub struct Import {
    /// The log file to be made; there must be no file of that name
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    rooms: Rooms,
}

impl Import {
    pub fn run(&self) -> Result<(), Failure> {
        if self.out.symlink_metadata().is_ok() {
            return Err(Failure::refused(NewLogError::Exists(self.out.display().to_string())));
        }
        progress::stop_on_signals()?;
        let mut importer = Importer::new(&self.out, self.rooms.clone(), "importing");
        let mut input = BufReader::new(stdin().lock());
        let mut line = Vec::new();
        loop {
            line.clear();
            let bounded = &mut (&mut input).take(LINE_BYTES_MAX as u64 + 1);
            let read = bounded.read_until(b'\n', &mut line);
            if read.map_err(|error| Failure::failed(format!("stdin cannot be read: {error}")))? == 0 {
                break;
            }
            importer.line(&line)?;
        }
        let Imported { records, skipped } = importer.finish()?;
        stderr::say(format_args!("{}: {} records", self.out.display(), grouped(records)));
        if skipped > 0 {
            stderr::say(format_args!("{} damaged records were skipped by the export", grouped(skipped)));
        }
        Ok(())
    }
}

/// The outcome of an import.
pub struct Imported {
    /// Records that were taken.
    pub records: u64,
    /// Damaged records that were skipped.
    pub skipped: u64,
}

/// Takes lines, one after the other, into a new log.
pub struct Importer {
    path: PathBuf,
    rooms: Rooms,
    progress: Progress,
    /// The new log, once the header was read, and true if hashes of keys can be kept.
    log: Option<(NewLog, bool)>,
    lines: u64,
    /// Records that came, whether taken or not.
    came: u64,
    taken: u64,
    /// Damaged records that were skipped.
    skipped: u64,
    /// The newest position, once the last line told it.
    ended: Option<Position>,
}

impl Importer {
    /// The file is made when the first line was right.
    pub fn new(path: &Path, rooms: Rooms, what: &'static str) -> Self {
        let progress = Progress::new(what, 1, 0);
        Self {
            path: path.to_owned(),
            rooms,
            progress,
            log: None,
            lines: 0,
            came: 0,
            taken: 0,
            skipped: 0,
            ended: None,
        }
    }

    /// Takes a line, with or without its end. The failure names its number.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        self.lines += 1;
        if line.len() > LINE_BYTES_MAX {
            return Err(self.wrong(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        let line = line.trim_ascii_end();
        let Some((log, keyed)) = &mut self.log else {
            return self.begin(line);
        };
        let taken = match export_format::read(line) {
            Err(what) => Err(what),
            Ok(_) if self.ended.is_some() => Err("it comes after the last line".to_owned()),
            Ok(Line::End { records, head }) => {
                self.ended = Some(head);
                let came = self.came;
                if records == came {
                    Ok(())
                } else {
                    Err(format!("{records} records are announced, {came} came"))
                }
            }
            Ok(Line::Damaged(positions)) => {
                self.skipped += positions.len() as u64;
                log.skip(&positions);
                Ok(())
            }
            Ok(Line::Failed(why)) => return Err(Failure::unreadable(&why)),
            Ok(Line::Floor(floor)) => log.raise_floor(floor).map_err(|error| error.to_string()),
            Ok(Line::Emptied(rooms)) => rooms
                .iter()
                .filter(|room| self.rooms.contains(room))
                .try_for_each(|room| log.purge(room))
                .map_err(|error| error.to_string()),
            Ok(Line::Stands(raw)) => {
                self.came += 1;
                match take(&self.rooms, *keyed, raw) {
                    Ok(None) => Ok(()),
                    Ok(Some(raw)) => log.put_in_force(&raw).map_err(|error| error.to_string()),
                    Err(what) => Err(what),
                }
            }
            Ok(Line::Deleted(targets)) => targets
                .into_iter()
                .try_for_each(|target| log.delete(target))
                .map_err(|error| error.to_string()),
            Ok(Line::Record(raw)) => {
                self.came += 1;
                self.progress.go_on(raw.position)?;
                match take(&self.rooms, *keyed, raw) {
                    Ok(None) => Ok(()),
                    Ok(Some(raw)) => {
                        self.taken += 1;
                        log.append(raw).map_err(|error| error.to_string())
                    }
                    Err(what) => Err(what),
                }
            }
        };
        taken.map_err(|what| self.wrong(what))
    }

    /// Makes the log, if the last line was the last.
    pub fn finish(mut self) -> Result<Imported, Failure> {
        let Some(head) = self.ended else {
            let lines = grouped(self.lines);
            return Err(Failure::failed(format!(
                "the input ends after line {lines} without its last line ({{\"end\":…}}): it was cut off; \
                 nothing was left behind"
            )));
        };
        match self.log.take() {
            Some((log, _)) => log.finish(head).map_err(Failure::failed)?,
            None => return Err(Failure::failed("there were no lines")),
        }
        Ok(Imported { records: self.taken, skipped: self.skipped })
    }

    fn begin(&mut self, line: &[u8]) -> Result<(), Failure> {
        let header = Header::read(line).map_err(|what| self.wrong(what))?;
        let key = header.signing_key().map_err(|what| self.wrong(what))?;
        self.progress.bounds(header.floor, header.head);
        let mut log = NewLog::create(&self.path, key, header.floor).map_err(Failure::refused)?;
        log.were_skipped(header.skipped);
        self.log = Some((log, key.is_some()));
        Ok(())
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Failure {
        Failure::failed(format!("line {}: {what}; nothing was left behind", self.lines))
    }
}

/// The record as it goes into the log; `None` when its room is not asked for.
fn take(rooms: &Rooms, keyed: bool, raw: RawRecord) -> Result<Option<RawRecord>, String> {
    if keyed && rooms.are_all() {
        return Ok(Some(raw));
    }
    let mut record = raw.decode().map_err(|error| error.to_string())?;
    if !rooms.includes(&record) {
        return Ok(None);
    }
    if keyed || (record.key.is_none() && record.content_hash.is_none()) {
        return Ok(Some(raw));
    }
    (record.key, record.content_hash) = (None, None);
    Ok(Some(RawRecord::encode(&record).unwrap_or(raw)))
}
