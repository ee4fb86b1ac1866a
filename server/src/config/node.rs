//! The settings of a node of many: all of them, or none.

use super::https::PASSING_LOGS;
use super::settings::Settings;
use crate::cluster::{JournalPlace, JournalSettings, NodeSettings, NodeSettingsError, Secret};

impl Settings {
    /// Returns the node that these settings make, if they make one of many.
    pub(super) fn node(&self) -> Result<Option<NodeSettings>, NodeSettingsError> {
        let set = [
            ("journal", self.journal.is_some()),
            ("peer-address", self.peer_address.is_some()),
            ("peers", self.peers.is_some()),
            ("cluster-secret-file", self.cluster_secret_file.is_some()),
            ("journal-nkey-file", self.journal_nkey_file.is_some()),
            ("journal-password-file", self.journal_password_file.is_some()),
            ("journal-ca-file", self.journal_ca_file.is_some()),
        ];
        let Some((set, _)) = set.into_iter().find(|(_, is_set)| *is_set) else { return Ok(None) };
        let missing = |missing| NodeSettingsError::Half { set, missing };
        let journal = self.journal.as_ref().ok_or_else(|| missing("journal"))?;
        let me = self.peer_address.clone().ok_or_else(|| missing("peer-address"))?;
        let members = self.peers.clone().ok_or_else(|| missing("peers"))?;
        let file = self.cluster_secret_file.as_ref().ok_or_else(|| missing("cluster-secret-file"))?;
        let journal = JournalPlace::of(&JournalSettings {
            journal,
            nkey_file: self.journal_nkey_file.as_ref(),
            password_file: self.journal_password_file.as_ref(),
            ca_file: self.journal_ca_file.as_ref(),
        })?;
        NodeSettings::check_members(&me, &members)?;
        if PASSING_LOGS.iter().any(|log| self.log.starts_with(log)) {
            return Err(NodeSettingsError::NoFile(self.log.clone()));
        }
        if self.acme.is_some() {
            return Err(NodeSettingsError::Acme);
        }
        Ok(Some(NodeSettings { journal, me, members, secret: Secret::read(file)? }))
    }
}
