//! Programs that pip brings, each set in a place of its own.

use std::path::PathBuf;

use tokio::process::Command;
use tokio::sync::OnceCell;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Returns the Python that has the library of Standard Webhooks, which is installed unless `make test` did already.
pub async fn standard_webhooks() -> PathBuf {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let install = || async {
        let installed = Command::new("verify/install").arg("webhooks").current_dir(ROOT).output().await;
        let output = installed.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    INSTALLED.get_or_init(install).await;
    PathBuf::from(ROOT).join("target/drivers/webhooks/bin/python")
}
