//! Takes the Datastar client out of the package that carries it.
//!
//! Third-party code is not copied into this repository. `web/datastar/Cargo.toml` names the package and its
//! lock file pins it; cargo fetches it into the ordinary cache, so a second build needs no network. Only two
//! files are read from it, the client is checked against [`SHA256`], and nothing of the package is compiled,
//! so the Rust version it asks for does not matter.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// The package that carries the client. Its version is the lock file's.
const PACKAGE: &str = "runnerd-web";
/// Of `datastar.js`, version 1.0.4, as its makers publish it.
const SHA256: &str = "727844adfc825ee651fb93c544a2a739986f9a21820a94524b35f0cac470cf91";
/// Precedes the licence in what the server shows.
const LICENCES_HEAD: &str = "The page of Millchat uses the Datastar client, version 1.0.4, unchanged.\n\n";

/// The client and the text of its licence.
pub struct Client {
    pub script: Vec<u8>,
    pub licences: Vec<u8>,
}

/// Reads the client from the package that the manifest in this folder names.
pub fn client(manifest_dir: &Path) -> Result<Client, Box<dyn Error>> {
    let package = package_dir(manifest_dir)?;
    let script = crate::read(&package.join("assets/datastar.js"))?;
    let found = crate::hex(&Sha256::digest(&script));
    if found != SHA256 {
        return Err(format!("datastar.js in {PACKAGE} has SHA-256 {found}, not {SHA256}").into());
    }
    let mut licences = LICENCES_HEAD.as_bytes().to_vec();
    licences.extend(crate::read(&package.join("assets/datastar.LICENSE.md"))?);
    Ok(Client { script, licences })
}

/// Returns the folder of the package's sources in cargo's cache, after fetching them if they are not there.
fn package_dir(manifest_dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let metadata = match metadata(manifest_dir) {
        Ok(metadata) => metadata,
        Err(_not_cached) => {
            cargo(manifest_dir, &["fetch", "--locked", "--quiet"])?;
            metadata(manifest_dir)?
        }
    };
    let metadata: serde_json::Value = serde_json::from_slice(&metadata)?;
    metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|package| package["name"] == PACKAGE))
        .and_then(|package| package["manifest_path"].as_str())
        .and_then(|manifest| Path::new(manifest).parent())
        .map(Path::to_owned)
        .ok_or_else(|| format!("cargo metadata of {} does not name {PACKAGE}", manifest_dir.display()).into())
}

fn metadata(manifest_dir: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    cargo(manifest_dir, &["metadata", "--locked", "--offline", "--format-version", "1"])
}

/// Runs the cargo that runs this build; it holds no lock on its package cache while it compiles.
fn cargo(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?).args(arguments).current_dir(dir).output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("cargo {} in {}: {stderr}", arguments.join(" "), dir.display()).into())
}
