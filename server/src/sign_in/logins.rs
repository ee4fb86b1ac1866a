//! All logins of a server.

use std::sync::Arc;

use super::login::{Login, LoginError};
use super::settings::LoginSettings;
use super::used::UsedStates;
use crate::outgoing::Outgoing;

/// All logins of a server, in the order of the settings.
#[derive(Default)]
pub struct Logins {
    all: Vec<Login>,
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
        let named_groups: Arc<[String]> = named_groups.into();
        let login = |one: &LoginSettings| Login::new(one.clone(), origin, named_groups.clone());
        let all = settings.iter().map(login).collect::<Result<_, _>>()?;
        Ok(Self { all, ..Self::default() })
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
