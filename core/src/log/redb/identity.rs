//! The cluster of which this log is one, and the newest run of its node.

use ::redb::{ReadTransaction, ReadableTable as _, TableDefinition};

use crate::cause::Cause;
use crate::cluster::ClusterId;
use crate::event::Timestamp;
use crate::log::error::LogError;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::state::MEMBER_FORMAT;
use crate::log::redb::tables::{STATE, STATE_FORMAT, present, storage_error};

/// The id of the cluster, and the newest run of this node; one row.
pub(super) const CLUSTER: TableDefinition<'static, (), ([u8; 16], u64)> = TableDefinition::new("cluster");

/// The cluster; `None` of the log of a single node.
pub(super) fn read(tx: &ReadTransaction) -> Result<Option<ClusterId>, LogError> {
    let Some(table) = present(tx.open_table(CLUSTER))? else { return Ok(None) };
    Ok(table.get(()).map_err(storage_error)?.map(|row| ClusterId(row.value().0)))
}

impl RedbLog {
    /// Makes the log of a single node the first of a cluster. The commit raises the format: an older release,
    /// which does not know the table, would write to it as a single node.
    pub(crate) fn begin_cluster(&self) -> Result<ClusterId, LogError> {
        let cluster = ClusterId(rand::random());
        let tx = self.begin_write().map_err(|error| LogError::Storage(Cause::new(error)))?;
        tx.open_table(CLUSTER).map_err(storage_error)?.insert((), (cluster.0, 0)).map_err(storage_error)?;
        {
            let mut state = tx.open_table(STATE).map_err(storage_error)?;
            state.insert(STATE_FORMAT, [MEMBER_FORMAT].as_slice()).map_err(storage_error)?;
        }
        tx.commit().map_err(storage_error)?;
        Ok(cluster)
    }

    /// Notes a new run, which is greater than all before it, also when the clock went back. The time makes it
    /// greater than those that a lost disk had noted.
    pub(super) fn note_run(&self, now: Timestamp) -> Result<(ClusterId, u64), LogError> {
        let tx = self.begin_write().map_err(|error| LogError::Storage(Cause::new(error)))?;
        let noted = {
            let mut table = tx.open_table(CLUSTER).map_err(storage_error)?;
            let before = table.get(()).map_err(storage_error)?.map(|row| row.value());
            let (cluster, before) =
                before.ok_or_else(|| LogError::Storage("it is the log of a single node".into()))?;
            let run = before.saturating_add(1).max(now.0);
            table.insert((), (cluster, run)).map_err(storage_error)?;
            (ClusterId(cluster), run)
        };
        tx.commit().map_err(storage_error)?;
        Ok(noted)
    }
}

#[cfg(test)]
mod tests {
    use ::redb::Database;

    use super::*;
    use crate::log::contract::Log as _;
    use crate::log::error::OpenError;
    use crate::log::redb::open::create;
    use crate::log::redb::state::State;
    use crate::log::role::Role;

    #[test]
    fn a_run_is_greater_than_all_before_it_also_when_the_clock_went_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = RedbLog::open(&path).unwrap();
        let id = log.begin_cluster().unwrap();
        let runs = [5_000, 5_000, 4_000, 9_000].map(|now| {
            let (cluster, run) = log.begin_run(Timestamp(now)).unwrap();
            assert_eq!(cluster, id);
            run
        });
        assert_eq!(runs, [5_000, 5_001, 5_002, 9_000]);
        log.close().unwrap();
        let log = RedbLog::open(&path).unwrap();
        assert_eq!(log.begin_run(Timestamp(1)).unwrap(), (id, 9_001));
    }

    #[test]
    fn the_log_of_a_cluster_stays_at_its_format_when_a_value_is_set() {
        let log = RedbLog::in_memory().unwrap();
        log.begin_cluster().unwrap();
        let tx = log.begin_write().unwrap();
        crate::log::redb::values::raise_format(&tx).unwrap();
        tx.commit().unwrap();
        assert_eq!(State::read(&log.begin_read().unwrap()).unwrap().format, MEMBER_FORMAT);
    }

    #[test]
    fn a_log_that_plays_another_part_is_left_as_it_is_to_the_last_byte() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for role in [Role::Member, Role::Single] {
            let before = std::fs::read(&path).ok();
            let refused = RedbLog::open_as(&path, role).err().unwrap();
            match role {
                Role::Member if before.is_none() => assert!(matches!(refused, OpenError::Io { .. })),
                _ => assert!(matches!(refused, OpenError::OfCluster { .. }), "{refused}"),
            }
            assert!(std::fs::read(&path).ok() == before, "the file was changed");
            if before.is_none() {
                create(&Database::create(&path).unwrap()).unwrap();
                let before = std::fs::read(&path).unwrap();
                let refused = RedbLog::open_as(&path, Role::Member).err().unwrap();
                assert!(matches!(refused, OpenError::OfSingleNode(_)), "{refused}");
                assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
                let log = RedbLog::open_as(&path, Role::Single).unwrap();
                log.begin_cluster().unwrap();
                log.close().unwrap();
            }
        }
    }
}
