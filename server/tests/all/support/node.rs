//! Programs that npm brings: a client that nobody wrote for Millchat, and checkers of the page.

use std::path::Path;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// The npm package that names them, and its lock file.
pub const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
/// Packages that the tests use.
const NEEDED: [&str; 7] = [
    "eventsource",
    "axe-core",
    "eslint",
    "oidc-provider",
    "standardwebhooks",
    "typescript",
    "@hotwired/turbo",
];

/// Has npm install them as the lock file says, unless `make test` did already.
pub async fn install() {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let install = || async {
        if NEEDED.iter().all(|name| Path::new(PACKAGE).join("node_modules").join(name).exists()) {
            return;
        }
        let installed = Command::new("npm").arg("ci").current_dir(PACKAGE).output().await;
        let output = installed.expect("npm is not there; `make test` installs it with node");
        assert!(output.status.success(), "`npm ci` failed: {}", String::from_utf8_lossy(&output.stderr));
    };
    INSTALLED.get_or_init(install).await;
}
