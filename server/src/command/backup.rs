//! `millchat backup`: a copy of a log, opened like any log; of a running server, made by it while people
//! talk.

use std::path::{Path, PathBuf};

use millchat::log::{self, LogSnapshot, NewLog, NewLogError, Piece};

use super::at_server::Secret;
use super::failure::Failure;
use super::import::{Imported, Importer};
use super::number::grouped;
use super::progress::{self, Progress};
use super::remote_backup;
use super::rooms::Rooms;
use super::server_address::ServerAddress;
use crate::origin::Origins;
use crate::stderr;

/// Copies a log into a new file: of a running server (--from), or of a log that no server has open.
///
/// The copy is a log with all positions, the floor and the signing key, so that tokens and cookies outlive a
/// restore. Its epoch is new: readers' old places are answered by a reset. The file appears when it is whole.
///
/// A damaged record ends it with exit code 1. With --skip-damaged all records that can be read are saved.
///
/// Of a running server it holds everything that was acknowledged before the backup began, and no text of what
/// was deleted before it ended.
#[derive(clap::Args, Debug)]
pub struct Backup {
    /// Ask the server at this address, such as `http://127.0.0.1:8080` or `unix:/run/millchat/admin.sock`
    #[arg(long, value_name = "ADDRESS")]
    from: Option<ServerAddress>,
    #[command(flatten)]
    secret: Secret,
    /// The log file, unless --from is given; then the file to be made
    #[arg(value_name = "[LOG] OUT", required = true, num_args = 1..=2)]
    paths: Vec<PathBuf>,
    /// Leave damaged records out, and save all others; when there were any, the exit code is 3
    #[arg(long)]
    skip_damaged: bool,
    #[command(flatten)]
    rooms: Rooms,
}

impl Backup {
    pub fn run(&self, origins: &Origins) -> Result<(), Failure> {
        let (Imported { records, skipped }, out) = match (&self.from, &self.paths[..]) {
            (Some(url), [out]) => {
                refuse_existing(out)?;
                progress::stop_on_signals()?;
                (self.of_server(url, out, origins)?, out)
            }
            (None, [log, out]) => {
                refuse_existing(out)?;
                progress::stop_on_signals()?;
                (self.of_file(log, out)?, out)
            }
            (Some(_), _) => {
                return Err(Failure::refused("with --from there is one file, the backup to be made"));
            }
            (None, _) => {
                return Err(Failure::refused(
                    "a backup is of a log, `millchat backup LOG OUT`, or of a running server, `millchat \
                     backup --from ADDRESS --admin-token-file FILE OUT`",
                ));
            }
        };
        stderr::say(format_args!("{}: {} records", out.display(), grouped(records)));
        Failure::of_skipped(skipped)
    }

    fn of_server(&self, url: &ServerAddress, out: &Path, origins: &Origins) -> Result<Imported, Failure> {
        let token = self.secret.read(origins, "gives a backup")?;
        let mut importer = Importer::new(out, self.rooms.clone(), "backing up");
        remote_backup::lines(url, &token, self.skip_damaged, |line| importer.line(line))?;
        importer.finish()
    }

    fn of_file(&self, from: &Path, out: &Path) -> Result<Imported, Failure> {
        let log = log::open_stopped(from).map_err(Failure::refused)?;
        let mut copy = LogSnapshot::begin(&*log);
        if self.skip_damaged {
            copy = copy.skip_damaged();
        }
        let progress = Progress::new("backing up", copy.floor(), copy.head());
        let made = NewLog::create(out, Some(log.signing_key()), copy.floor());
        let mut new = made.map_err(Failure::refused)?;
        new.were_skipped(log.skipped());
        let mut records = 0;
        while let Some(piece) = copy.next(&*log).map_err(|error| Failure::damaged(from, &error))? {
            let stand = matches!(piece, Piece::InForce(_));
            let raws = match piece {
                Piece::Records(raws) | Piece::InForce(raws) => raws,
                Piece::Damaged(positions) => {
                    new.skip(&positions);
                    continue;
                }
                // The records in force come again.
                Piece::Floor(floor) => {
                    new.raise_floor(floor).map_err(Failure::failed)?;
                    continue;
                }
                // Nobody writes to it: there are no deletes.
                Piece::Deleted(_) | Piece::Purged(_) => continue,
            };
            for raw in raws {
                let position = raw.position;
                let record = raw.decode().map_err(|error| Failure::damaged(from, &error))?;
                if self.rooms.includes(&record) {
                    let taken = if stand { new.put_in_force(&raw) } else { new.append(raw) };
                    taken.map_err(Failure::failed)?;
                    records += u64::from(!stand);
                }
                if !stand {
                    progress.go_on(position)?;
                }
            }
        }
        new.finish(copy.head()).map_err(Failure::failed)?;
        Ok(Imported { records, skipped: copy.skipped() })
    }
}

fn refuse_existing(out: &Path) -> Result<(), Failure> {
    if out.symlink_metadata().is_ok() {
        return Err(Failure::refused(NewLogError::Exists(out.display().to_string())));
    }
    Ok(())
}
