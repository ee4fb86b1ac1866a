//! `millchat check LOG`: whether a log is what it must be.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write, stdout};
use std::path::PathBuf;

use millchat::log;

use super::failure::Failure;
use super::number::grouped;
use super::progress::Progress;
use super::rooms::Rooms;
use crate::stderr;

/// Findings that are listed; the rest is counted.
const FINDINGS_LISTED_MAX: u64 = 1_000;

/// Checks a log that no server has open, without changing it.
///
/// Checks the storage, the checksum of every record, the chain of every room, heads, index, edits, the floor,
/// the count of live bytes, closed rooms, bans and kept values, and that nothing is left of deleted texts. All right: a
/// line of figures, and exit code 0. Otherwise what is wrong is listed, and the exit code is 1; 2 when the
/// file cannot be opened as a log. A file that was not closed is repaired in memory first, as the next start
/// would repair it.
#[derive(clap::Args, Debug)]
pub struct Check {
    /// The log file
    #[arg(value_name = "LOG")]
    log: PathBuf,
    #[command(flatten)]
    rooms: Rooms,
}

impl Check {
    pub fn run(&self) -> Result<(), Failure> {
        let mut out = Report { out: BufWriter::new(stdout().lock()), failed: None };
        let mut bar = Progress::new("checking", 1, 0);
        let (mut listed, mut found) = (0, 0);
        let mut begun = false;
        let checked = log::check(
            &self.log,
            &mut |position, (floor, head)| {
                if !std::mem::replace(&mut begun, true) {
                    bar.bounds(floor, head);
                }
                bar.at(position);
            },
            &mut |finding| {
                let room = finding.room.as_ref();
                if !self.rooms.are_all() && room.is_some_and(|room| !self.rooms.contains(room)) {
                    return;
                }
                found += 1;
                if listed < FINDINGS_LISTED_MAX {
                    listed += 1;
                    out.line(finding);
                }
            },
        );
        drop(bar);
        let checked = checked.map_err(Failure::refused)?;
        let name = self.log.display();
        if !checked.closed {
            stderr::say(format_args!(
                "{name} was not closed; what the next start will repair was repaired in memory, and the file \
                 is as it was"
            ));
        }
        if found > listed {
            out.line(format_args!("and {} more", grouped(found - listed)));
        }
        if found > 0 {
            if let Err(failure) = out.end() {
                failure.report();
            }
            let what = if found == 1 { "finding" } else { "findings" };
            return Err(Failure::failed(format!(
                "{name} is not as it must be: {} {what}; restore a backup, or save what can be read with \
                 `millchat backup --skip-damaged {name} OUT`",
                grouped(found)
            )));
        }
        if checked.skipped > 0 {
            let skipped = grouped(checked.skipped);
            stderr::say(format_args!(
                "{name} was made of a damaged log, of which {skipped} records were skipped"
            ));
        }
        out.line(format_args!(
            "{name}: right; {} records of {} rooms, positions {} to {}, {} edits, {} reactions, {} index \
             rows, {} live bytes, {} closed rooms, {} bans, {} kept values, epoch {}",
            grouped(checked.records),
            grouped(checked.rooms),
            checked.floor,
            checked.head,
            grouped(checked.edits),
            grouped(checked.reactions),
            grouped(checked.index_rows),
            grouped(checked.live_bytes),
            grouped(checked.closed_rooms),
            grouped(checked.bans),
            grouped(checked.values),
            checked.epoch
        ));
        out.end()
    }
}

/// The lines on stdout.
struct Report {
    out: BufWriter<StdoutLock<'static>>,
    /// The first error; the check goes on, since its exit code is an answer too.
    failed: Option<io::Error>,
}

impl Report {
    fn line(&mut self, line: impl Display) {
        if let Err(error) = writeln!(self.out, "{line}") {
            self.failed.get_or_insert(error);
        }
    }

    fn end(mut self) -> Result<(), Failure> {
        let flushed = self.out.flush();
        Failure::of_list(self.failed.map_or(flushed, Err))
    }
}
