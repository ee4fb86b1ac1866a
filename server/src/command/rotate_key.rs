//! `millchat rotate-key`: a new key signs tokens; the older ones are void some time later, or at once.

use std::io::{self, Write};

use hyper::Method;
use serde_json::json;

use super::at_server::AtServer;
use super::failure::Failure;
use crate::identity::Retire;
use crate::origin::Origins;

/// Makes a new key, which signs the tokens and cookies of people from now on.
///
/// Tokens that the older keys signed stay good for a while; a page that is opened meanwhile renews its cookie.
/// With --retire now they are void at once: everybody is signed out, and every guest is somebody else. API
/// tokens stay good in both cases.
#[derive(clap::Args, Debug)]
pub struct RotateKey {
    #[command(flatten)]
    server: AtServer,
    /// Time until the older keys are void, such as 30d, at most 365d; or `now`
    #[arg(long, value_name = "AGE", default_value_t)]
    retire: Retire,
}

impl RotateKey {
    pub fn run(&self, origins: &Origins) -> Result<(), Failure> {
        let body = json!({ "retire": self.retire.to_string() });
        let done = self.server.ask(Method::POST, "/admin/keys", Some(&body), origins)?;
        let (key, at) = (&done["key"], done["retires_at"].as_str().unwrap_or_default());
        let said = match self.retire {
            Retire::Now => format!("key {key} signs; the older keys are void since {at}"),
            Retire::After(_) => format!("key {key} signs; the older keys are void from {at} on"),
        };
        writeln!(io::stdout().lock(), "{said}").map_err(|error| Failure::stdout(&error))
    }
}
