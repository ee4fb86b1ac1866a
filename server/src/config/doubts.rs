//! Rights in the settings that are read well and have no effect, such as those of a login that is not there.
//!
//! They are no errors: a table may wait for its login. But a slip of the pen looks the same, and nobody would
//! see it. So `millchat config check` and the start say them.

use super::settings::Settings;
use crate::access::holder::Holder;

/// Most doubts that are said, beside one that counts the rest.
const DOUBTS_SAID_MAX: usize = 20;

impl Settings {
    /// Returns a sentence for each right that has no effect.
    pub fn doubts(&self) -> Vec<String> {
        let of_operators = self.operators.iter().map(|holder| ("operators".to_owned(), holder));
        let of_rooms = self
            .room
            .iter()
            .flat_map(|table| table.holders().map(|holder| (format!("[[room]] `{}`", table.name), holder)));
        let holders = of_operators.chain(of_rooms);
        let of_holders =
            holders.filter_map(|(place, holder)| Some(format!("{place}: {}", self.doubt(holder)?)));
        let unknown = self.room.iter().filter(|table| {
            self.rooms.as_ref().is_some_and(|rooms| !rooms.iter().any(|one| one.meets(&table.name)))
        });
        let of_tables = unknown.map(|table| {
            format!(
                "[[room]] `{}`: the list `rooms` has no such room, so the table has no effect",
                table.name
            )
        });
        let roomless =
            self.site.iter().filter(|site| !site.origins().is_empty() && site.rooms().count() == 0);
        let of_sites = roomless.map(|site| {
            format!(
                "[[site]] `{}`: its `origins` may show its `rooms`, and it names none; --embed-origins names \
                 sites that may show every room",
                site.name()
            )
        });
        let mut doubts = of_tables.chain(of_holders).chain(of_sites);
        let mut said: Vec<String> = doubts.by_ref().take(DOUBTS_SAID_MAX).collect();
        match doubts.count() {
            0 => {}
            rest => said.push(format!("and {rest} more of this sort")),
        }
        said
    }

    /// Returns the reason why a holder is nobody, if that can be seen.
    fn doubt(&self, holder: &Holder) -> Option<String> {
        let source = holder.source()?;
        if self.sites.iter().any(|site| site.name == source) {
            return None;
        }
        let Some(login) = self.login.iter().find(|login| login.name == source) else {
            return Some(format!(
                "`{holder}` is nobody: there is no [[login]] of the name `{source}`, and no [[site]] whose \
                 tokens are taken"
            ));
        };
        let is_groupless = holder.group().is_some() && login.groups_claim.is_none();
        is_groupless.then(|| {
            format!("`{holder}` is nobody: the login `{source}` has no groups-claim, so it knows no groups")
        })
    }

    /// Writes the doubts into the log.
    pub fn tell_doubts(&self) {
        for doubt in self.doubts() {
            tracing::warn!("{doubt}");
        }
    }
}
