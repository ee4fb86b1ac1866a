//! Gathers what the page's browser loads: the Datastar client out of its package, and our own style, script
//! and icon, each under a name that carries a hash of its bytes, so that it can be cached for ever. And finds the
//! catalogues of the page's words, one for each language.
//!
//! Third-party code is not copied into this repository. `assets/Cargo.toml` names the package that carries
//! the client and its lock file pins it; cargo fetches it into the ordinary cache, so a second build needs no
//! network. Only two files are read from it, the client is checked against [`DATASTAR_SHA256`], and nothing
//! of the package is compiled, so the Rust version it asks for does not matter.

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The package that carries the client. Its version is the lock file's.
const PACKAGE: &str = "runnerd-web";
/// Of `datastar.js`, version 1.0.4, as its makers publish it.
const DATASTAR_SHA256: &str = "727844adfc825ee651fb93c544a2a739986f9a21820a94524b35f0cac470cf91";
/// Hexadecimal digits of the hash in an asset's name: 64 bits.
const NAME_HASH_DIGITS: usize = 16;
/// Stands before the licence in what the server shows.
const LICENCES_HEAD: &str = "The page of Millchat uses the Datastar client, version 1.0.4, unchanged.\n\n";

fn main() -> ExitCode {
    match gather().and_then(|()| catalogues()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the page's assets could not be gathered: {error}");
            ExitCode::FAILURE
        }
    }
}

fn gather() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=src/page/static");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let package = package_dir(&root.join("assets"))?;
    let datastar = read(&package.join("assets/datastar.js"))?;
    let found = hex(&Sha256::digest(&datastar));
    if found != DATASTAR_SHA256 {
        return Err(format!("datastar.js in {PACKAGE} has SHA-256 {found}, not {DATASTAR_SHA256}").into());
    }
    let mut licences = LICENCES_HEAD.as_bytes().to_vec();
    licences.extend(read(&package.join("assets/datastar.LICENSE.md"))?);

    let own = root.join("src/page/static");
    let mut table = String::new();
    for (name, stem, extension, content_type, bytes) in [
        ("DATASTAR", "datastar", "js", "text/javascript; charset=utf-8", datastar),
        (
            "SCRIPT",
            "page",
            "js",
            "text/javascript; charset=utf-8",
            joined(&own.join("script"), "js", ["{\n", "}\n"])?,
        ),
        ("STYLE", "page", "css", "text/css; charset=utf-8", joined(&own.join("style"), "css", ["", "\n"])?),
        ("ICON", "icon", "svg", "image/svg+xml", read(&own.join("icon.svg"))?),
    ] {
        let hash = &hex(&Sha256::digest(&bytes))[..NAME_HASH_DIGITS];
        let path = format!("{stem}.{hash}.{extension}");
        table.push_str(&entry(name, &out, &path, content_type, &bytes)?);
    }
    table.push_str(&entry("LICENCES", &out, "licences.txt", "text/plain; charset=utf-8", &licences)?);
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// Lists the catalogues: each is named by the code of its language.
fn catalogues() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/page/words");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut table = vec!["const FILES: &[(&str, &str)] = &[".to_owned()];
    for file in parts(&root.join("src/page/words"), "ftl")? {
        let (Some(code), Some(path)) = (file.file_stem().and_then(|stem| stem.to_str()), file.to_str())
        else {
            return Err("a catalogue has a name that is not UTF-8".into());
        };
        table.push(format!("({code:?}, include_str!({path:?})),"));
    }
    table.push("];".to_owned());
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("words.rs"), table.join("\n"))?;
    Ok(())
}

/// Writes the bytes to the build's output and returns the line that embeds them.
fn entry(
    name: &str,
    out: &Path,
    path: &str,
    content_type: &str,
    bytes: &[u8],
) -> Result<String, Box<dyn Error>> {
    let file = out.join(name);
    fs::write(&file, bytes)?;
    let packed = out.join(format!("{name}.gz"));
    fs::write(&packed, gzip(bytes)?)?;
    let [file, packed] = [&file, &packed].map(|file| file.to_str());
    let (Some(file), Some(packed)) = (file, packed) else {
        return Err("the build's output folder has a name that is not UTF-8".into());
    };
    Ok(format!(
        "pub const {name}: Asset = Asset {{ path: {path:?}, content_type: {content_type:?}, \
         bytes: include_bytes!({file:?}), gzip: include_bytes!({packed:?}) }};\n"
    ))
}

/// As small as it gets: it is done once and read by everybody.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish()
}

/// The files of a folder with this extension, in the order of their names.
fn parts(dir: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut parts: Vec<PathBuf> =
        fs::read_dir(dir)?.map(|part| part.map(|p| p.path())).collect::<Result<_, _>>()?;
    parts.retain(|part| part.extension().is_some_and(|e| e == extension));
    parts.sort();
    Ok(parts)
}

/// The parts of the page's script or style, in the order of their names, as one. Each part of the script
/// keeps to itself in a block of its own: parts speak to each other through the document.
fn joined(dir: &Path, extension: &str, [before, after]: [&str; 2]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut all = Vec::new();
    for part in parts(dir, extension)? {
        all.extend(before.bytes());
        all.extend(read(&part)?);
        all.extend(after.bytes());
    }
    Ok(all)
}

/// Where cargo keeps the package's sources: in its cache, else fetched into it.
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
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("cargo {} in {}: {said}", arguments.join(" "), dir.display()).into())
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
