//! The two tables of packs: the packs, and the pieces that they cover.
//!
//! The pieces have a table of their own, since a look for the pack over a position, or for what has none,
//! is to read a few bytes and not the packs.

use ::redb::{ReadableTable, Table, TableDefinition, TableHandle as _, WriteTransaction};

use super::prepared::Prepared;
use crate::event::{Position, RoomName};
use crate::log::error::LogError;
use crate::log::redb::tables::storage_error;

/// The room and the newest event that a pack covers → the event before the oldest.
pub(in crate::log::redb) const PACKED: TableDefinition<'static, (&str, u64), u64> =
    TableDefinition::new("packed");
/// The same → the bytes of the pack.
pub(in crate::log::redb) const PACKS: TableDefinition<'static, (&str, u64), &[u8]> =
    TableDefinition::new("packs");

/// A piece of a room's chain: the event before it, and its newest.
pub(super) type Piece = (Position, Position);

/// Returns the piece that has a pack and in which a position lies.
pub(super) fn covering(
    packed: &impl ReadableTable<(&'static str, u64), u64>,
    room: &RoomName,
    position: Position,
) -> Result<Option<Piece>, LogError> {
    let from_here = (room.as_str(), position)..=(room.as_str(), Position::MAX);
    let row = packed.range(from_here).map_err(storage_error)?.next().transpose().map_err(storage_error)?;
    let piece = row.map(|(key, from)| (from.value(), key.value().1));
    Ok(piece.filter(|(from, _)| *from < position))
}

/// Returns the newest event below a position that ends a piece with a pack.
pub(super) fn newest_before(
    packed: &impl ReadableTable<(&'static str, u64), u64>,
    room: &RoomName,
    position: Position,
) -> Result<Option<Position>, LogError> {
    let below = (room.as_str(), 0)..(room.as_str(), position);
    let row = packed.range(below).map_err(storage_error)?.next_back().transpose().map_err(storage_error)?;
    Ok(row.map(|(key, _)| key.value().1))
}

type Packed<'tx> = Table<'tx, (&'static str, u64), u64>;
type Packs<'tx> = Table<'tx, (&'static str, u64), &'static [u8]>;

/// The tables in a transaction that changes texts, opened by the first change if they are there.
pub(in crate::log::redb) struct PacksTable<'tx> {
    tx: &'tx WriteTransaction,
    /// `None` while nobody has asked, and when there is no index.
    tables: Option<(Packed<'tx>, Packs<'tx>)>,
    has_asked: bool,
    /// The ends of the packs that were removed, which are to be made again.
    removed: Vec<(RoomName, Position)>,
    /// The piece that was looked at last: it has no pack now.
    last: Option<(RoomName, Piece)>,
}

impl<'tx> PacksTable<'tx> {
    pub fn new(tx: &'tx WriteTransaction) -> Self {
        Self { tx, tables: None, has_asked: false, removed: Vec::new(), last: None }
    }

    /// Removes the pack over a position of a room, if there is one.
    pub fn remove(&mut self, room: &RoomName, position: Position) -> Result<(), LogError> {
        if let Some((of, (from, to))) = &self.last
            && (from + 1..=*to).contains(&position)
            && of == room
        {
            return Ok(());
        }
        let Some((packed, packs)) = self.tables()? else { return Ok(()) };
        let Some(piece) = covering(packed, room, position)? else { return Ok(()) };
        packed.remove((room.as_str(), piece.1)).map_err(storage_error)?;
        packs.remove((room.as_str(), piece.1)).map_err(storage_error)?;
        self.removed.push((room.clone(), piece.1));
        self.last = Some((room.clone(), piece));
        Ok(())
    }

    /// Returns the ends of the pieces whose packs were removed.
    pub fn into_removed(self) -> Vec<(RoomName, Position)> {
        self.removed
    }

    fn tables(&mut self) -> Result<Option<&mut (Packed<'tx>, Packs<'tx>)>, LogError> {
        if !self.has_asked {
            self.has_asked = true;
            let mut tables = self.tx.list_tables().map_err(storage_error)?;
            if tables.any(|table| table.name() == PACKED.name()) {
                self.tables = Some(open(self.tx)?);
            }
        }
        Ok(self.tables.as_mut())
    }
}

fn open(tx: &WriteTransaction) -> Result<(Packed<'_>, Packs<'_>), LogError> {
    Ok((tx.open_table(PACKED).map_err(storage_error)?, tx.open_table(PACKS).map_err(storage_error)?))
}

/// Stores packs, but for those over events that are trimmed by now, or that have a pack.
pub(in crate::log::redb) fn store(
    tx: &WriteTransaction,
    ready: &[Prepared],
    floor: Position,
) -> Result<(), LogError> {
    let (mut packed, mut packs) = open(tx)?;
    for Prepared { room, from, oldest, to, bytes, .. } in ready {
        let above = (room.as_str(), from + 1)..=(room.as_str(), *to);
        let inside = packed.range(above).map_err(storage_error)?.next().is_some();
        if *oldest < floor || inside || covering(&packed, room, *to)?.is_some() {
            continue;
        }
        packed.insert((room.as_str(), *to), from).map_err(storage_error)?;
        packs.insert((room.as_str(), *to), bytes.as_slice()).map_err(storage_error)?;
    }
    Ok(())
}
