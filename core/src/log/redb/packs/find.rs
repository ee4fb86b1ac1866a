//! Finding: the messages of a room that may have all of some terms, by its packs.

use ::redb::ReadTransaction;

use super::bytes::Pack;
use super::table::{PACKED, PACKS, covering, newest_before};
use crate::event::{Position, RoomName};
use crate::log::contract::Found;
use crate::log::error::LogError;
use crate::log::redb::tables::{present, storage_error};
use crate::search::TermHash;

/// A pack counts as one more for each of this many bytes: most have less, and some half a megabyte.
const PACK_BYTES: usize = 16 * 1024;

/// Looks at the packs of a room below `before`, newest first: until one has a message with all terms, until
/// what has no pack, or until `packs_max` of them.
pub(in crate::log::redb) fn find(
    tx: &ReadTransaction,
    room: &RoomName,
    before: Position,
    floor: Position,
    terms: &[TermHash],
    packs_max: usize,
) -> Result<Found, LogError> {
    let tables = (present(tx.open_table(PACKED))?, present(tx.open_table(PACKS))?);
    let (Some(packed), Some(packs)) = tables else { return Ok(Found::Unindexed { after: 0 }) };
    let mut found = Found::Indexed { messages: Vec::new(), next: before, packs: 0 };
    while let Found::Indexed { messages, next, packs: seen } = &mut found {
        let newest = next.saturating_sub(1);
        if newest < floor.max(1) {
            *next = 0;
            break;
        }
        let Some((from, to)) = covering(&packed, room, newest)? else {
            if *seen == 0 {
                let after = newest_before(&packed, room, newest)?.unwrap_or(0);
                return Ok(Found::Unindexed { after });
            }
            break;
        };
        let row = packs.get((room.as_str(), to)).map_err(storage_error)?;
        let Some(pack) = row.as_ref().and_then(|row| Pack::read(row.value())) else {
            return Ok(if *seen == 0 { Found::Unindexed { after: from } } else { found });
        };
        *seen += row.as_ref().map_or(0, |row| row.value().len()) / PACK_BYTES;
        messages.extend(pack.with_all(terms).into_iter().filter(|position| position < next));
        *seen += 1;
        *next = from + 1;
        if !messages.is_empty() || *seen >= packs_max {
            break;
        }
    }
    Ok(found)
}
