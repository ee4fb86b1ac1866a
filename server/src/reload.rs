//! Reloading by SIGHUP: the settings file and the token file are read again while the server runs.
//!
//! Everything is read first, and put in place only if all of it is right: one wrong value keeps all that was.
//! What can change while connections are open is put in place at once: the limits, the trusted proxies, the
//! operator's token, the rules of the rooms, the sites that may show them in a frame. Of the rest a line of
//! the log says that it needs a restart. Flags and variables stay as they were, and stay stronger than the
//! file.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::app::App;
use crate::cli::Cli;
use crate::config::Settings;
use crate::framing::Framing;

/// Reads the settings again.
pub struct Reload {
    app: Arc<App>,
    cli: Cli,
    /// The settings that apply. Held during a reload.
    running: Mutex<Settings>,
    /// The address of the socket that the service manager passed.
    passed: Option<SocketAddr>,
}

impl Reload {
    /// Makes it, for a server that runs with these settings.
    pub fn new(app: Arc<App>, cli: Cli, running: Settings, passed: Option<SocketAddr>) -> Self {
        Self { app, cli, running: Mutex::new(running), passed }
    }

    /// Reads everything again, and says in the log how that went. Reads files, so it may wait.
    pub fn run(&self) {
        let mut running = self.running.lock();
        let read = self.cli.flags.settings(&self.cli.origins);
        let new = match read.and_then(|(new, origins)| new.on_socket(self.passed, &origins)) {
            Ok(new) => new,
            Err(error) => {
                let origin = error.told(&self.cli.origins);
                tracing::error!("SIGHUP: the settings stay as they were: {error}{origin}");
                return;
            }
        };
        let applied = running.with_reloadable(&new);
        if applied.limits() != running.limits() || applied.trusted_proxies != running.trusted_proxies {
            self.app.limits.set(applied.limits(), applied.proxies());
        }
        if let Some(source) = &self.app.certificate_source {
            source.look();
        }
        self.app.authority.set_admin_token(applied.admin_token.clone());
        if applied.rules() != running.rules() {
            self.app.authority.set_rules(applied.rules());
            self.app.logins.set_named_groups(applied.named_groups());
            applied.tell_doubts();
        }
        if applied.embed_origins != running.embed_origins {
            self.app.framing.store(Arc::new(Framing::new(&applied.embed_origins, &applied.site)));
        }
        let changed = list(&running.differences(&applied));
        tracing::info!(%changed, "SIGHUP: the settings were read again");
        let left = applied.differences(&new);
        if !left.is_empty() {
            tracing::warn!(settings = %list(&left), "these have changed and apply after a restart");
        }
        if applied.limits() != running.limits() {
            applied.tell_limits();
        }
        applied.tell_token_file();
        *running = applied;
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
