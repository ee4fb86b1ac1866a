//! The table of counts, compared with the rows that it counts. Of a message that was trimmed nothing is said:
//! some of its rows went with their records.

use ::redb::ReadTransaction;

use crate::event::Position;
use crate::log::check::Finding;
use crate::log::contract::Counts;
use crate::log::error::LogError;
use crate::log::redb::counts::{COUNTS, decode};
use crate::log::redb::reactions::{self, REACTIONS};
use crate::log::redb::tables::{EDITS, count_edits, present, storage_error};

pub(super) fn check(
    tx: &ReadTransaction,
    floor: Position,
    found: &mut dyn FnMut(Finding),
) -> Result<(), LogError> {
    let Some(table) = present(tx.open_table(COUNTS))? else { return Ok(()) };
    let edits = tx.open_table(EDITS).map_err(storage_error)?;
    let reactions = present(tx.open_table(REACTIONS))?;
    for row in table.range(floor..).map_err(storage_error)? {
        let (target, noted) = row.map_err(storage_error)?;
        let (target, noted) = (target.value(), decode(noted.value()));
        let mut counted = Counts { edits: count_edits(&edits, target)?, ..Counts::default() };
        if let Some(reactions) = &reactions {
            reactions::count(reactions, target, &mut counted)?;
        }
        if noted != counted {
            let what = format!(
                "{} edits and {} reactions are counted, and there are {} and {}",
                noted.edits,
                noted.all_reactions(),
                counted.edits,
                counted.all_reactions()
            );
            found(Finding { room: None, position: Some(target), what });
        }
    }
    Ok(())
}
