//! `millchat export LOG`: a log as JSON lines on stdout.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use millchat::log::{self, LogSnapshot};

use super::failure::Failure;
use super::progress::Progress;
use super::rooms::Rooms;
use crate::export_format::{self, Header};

/// Writes a log that no server has open as JSON lines to stdout.
///
/// The first line says what it is, then comes a record a line, and the last line says how many there were.
#[derive(clap::Args, Debug)]
pub struct Export {
    /// The log file; it is not changed
    #[arg(value_name = "LOG")]
    log: PathBuf,
    #[command(flatten)]
    rooms: Rooms,
    /// Leave damaged records out, and write all others; when there were any, the exit code is 3
    #[arg(long)]
    skip_damaged: bool,
    /// Put the log's secret key into the first line, so that tokens, cookies and idempotency keys stay good
    /// after an import. Whoever has it can be anybody: keep the export as you keep the log
    #[arg(long)]
    signing_key: bool,
}

impl Export {
    pub fn run(&self) -> Result<(), Failure> {
        let log = log::open_stopped(&self.log).map_err(Failure::refused)?;
        let mut copy = LogSnapshot::begin(&*log);
        if self.skip_damaged {
            copy = copy.skip_damaged();
        }
        let key = self.signing_key.then(|| log.signing_key());
        let mut header = Header::new(log.epoch(), copy.floor(), copy.head(), key);
        header.skipped = log.skipped();
        if !self.rooms.are_all() {
            header.rooms = Some(self.rooms.names().iter().map(ToString::to_string).collect());
        }
        let progress = Progress::new("exporting", copy.floor(), copy.head());
        let mut out = BufWriter::new(stdout().lock());
        let (mut text, mut records) = (Vec::new(), 0);
        header.write(&mut text);
        while let Some(piece) = copy.next(&*log).map_err(|error| Failure::damaged(&self.log, &error))? {
            // What the embedder keeps secret is no part of what people said.
            let take = |record: &log::Record| {
                self.rooms.includes(record) && !record.value.as_ref().is_some_and(|value| value.is_secret())
            };
            records += export_format::write_piece(&piece, take, &mut text)
                .map_err(|error| Failure::damaged(&self.log, &error))?;
            out.write_all(&text).map_err(|error| Failure::stdout(&error))?;
            text.clear();
            if let log::Piece::Records(records) = &piece
                && let Some(last) = records.last()
            {
                progress.at(last.position);
            }
        }
        export_format::write_end(records, copy.head(), &mut text);
        out.write_all(&text).and_then(|()| out.flush()).map_err(|error| Failure::stdout(&error))?;
        Failure::of_skipped(copy.skipped())
    }
}
