//! All logins of a server.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::login::{Login, LoginError, NamedGroups};
use super::settings::LoginSettings;
use super::used::UsedStates;
use crate::outgoing::Outgoing;

/// All logins of a server, in the order of the settings.
#[derive(Default)]
pub struct Logins {
    all: Vec<Login>,
    named_groups: NamedGroups,
    /// Calls the providers.
    pub outgoing: Arc<Outgoing>,
    /// The sign-ins that have come back.
    pub used: UsedStates,
}

impl Logins {
    /// Reads what the settings name. `origin` is the public address; `named_groups` are the groups that any
    /// setting names.
    pub fn new(
        settings: &[LoginSettings],
        origin: &str,
        named_groups: Vec<String>,
    ) -> Result<Self, LoginError> {
        let named_groups = NamedGroups::new(ArcSwap::from_pointee(named_groups));
        let login = |one: &LoginSettings| Login::new(one.clone(), origin, Arc::clone(&named_groups));
        let all = settings.iter().map(login).collect::<Result<_, _>>()?;
        Ok(Self { all, named_groups, ..Self::default() })
    }

    /// Names other groups, from the next sign-in on.
    pub fn set_named_groups(&self, named_groups: Vec<String>) {
        self.named_groups.store(Arc::new(named_groups));
    }

    /// Returns true if nobody can sign in.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Login> {
        self.all.iter()
    }

    /// Returns the login of a name.
    pub fn get(&self, name: &str) -> Option<&Login> {
        self.all.iter().find(|login| login.settings.name == name)
    }
}
