//! Takes the Datastar client out of the package that carries it, or out of Datastar's own sources.
//!
//! Third-party code is not copied into this repository, and Datastar's makers publish their client to no
//! package registry. `web/datastar/Cargo.toml` names a package that carries it and its lock file pins it;
//! cargo fetches it into the ordinary cache, so a second build needs no network. Where that package cannot be
//! had, [`SOURCES`] names a folder with Datastar's own sources. Only two files are read, both are checked by
//! their SHA-256, and nothing of the package is compiled: so it does not matter whose package it is, nor
//! which Rust version it asks for.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::bytes;

/// The variable that names a folder with the sources of Datastar [`RELEASE`], to be used instead of the
/// package.
pub const SOURCES: &str = "MILLCHAT_DATASTAR";
/// The release, as its makers publish it.
const RELEASE: &str = "https://github.com/starfederation/datastar/releases/tag/v1.0.4";
/// The package that carries the client. Its version is the lock file's.
const PACKAGE: &str = "runnerd-web";
/// The client and its licence in the package, and in the sources.
const IN_PACKAGE: [&str; 2] = ["assets/datastar.js", "assets/datastar.LICENSE.md"];
const IN_SOURCES: [&str; 2] = ["bundles/datastar.js", "LICENSE.md"];
/// SHA-256 of the two, in that release.
const SHA256: [&str; 2] = [
    "727844adfc825ee651fb93c544a2a739986f9a21820a94524b35f0cac470cf91",
    "17da0e216d3c6a819526f5b72a6a44d84d34bcd9beb4191ac6af89c1508ef08f",
];
/// Precedes the licence in what the server shows.
const LICENCES_HEAD: &str = "The page of Millchat uses the Datastar client, version 1.0.4, unchanged.\n\n";

/// The client and the text of its licence.
pub struct Client {
    pub script: Vec<u8>,
    pub licences: Vec<u8>,
}

/// Reads the client from the sources, if a folder is named, and else from the package that the manifest in
/// this folder names.
pub fn client(manifest_dir: &Path, sources: Option<&Path>) -> Result<Client, Box<dyn Error>> {
    let (folder, names) = match sources {
        Some(folder) => (folder.to_owned(), IN_SOURCES),
        None => (package_dir(manifest_dir).map_err(|error| instead(&*error))?, IN_PACKAGE),
    };
    let [script, licence] = [0, 1].map(|file| checked(&folder.join(names[file]), SHA256[file]));
    let mut licences = LICENCES_HEAD.as_bytes().to_vec();
    licences.extend(licence?);
    Ok(Client { script: script?, licences })
}

/// Reads a file that must have this hash.
fn checked(path: &Path, sha256: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = bytes::read(path)?;
    let found = bytes::hex(&Sha256::digest(&bytes));
    if found != sha256 {
        return Err(format!("{} has SHA-256 {found}, not {sha256} as in {RELEASE}", path.display()).into());
    }
    Ok(bytes)
}

/// Says what to do where the package cannot be had.
fn instead(error: &dyn Error) -> String {
    format!(
        "{error}\nWithout that package: unpack the sources of {RELEASE} and name their folder in {SOURCES}"
    )
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
