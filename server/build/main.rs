//! Gathers what the page's browser loads: the Datastar client out of its package, and our own style and icon,
//! each under a name that carries a hash of its bytes, so that it can be cached for ever; the bundles of the
//! page's script and of the panel's loader; and the catalogues of the page's messages, one for each language.
//!
//! The sources are in `server/web`. Nothing but cargo is needed: the folder's `package.json` names checkers
//! only.

mod bytes;
mod datastar;
mod minify;
mod script;
mod style;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use bytes::{hex, read};

/// Hexadecimal digits of the hash in an asset's name: 64 bits.
const NAME_HASH_DIGITS: usize = 16;
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const NOT_UTF8: &str = "a path is not UTF-8";

fn main() -> ExitCode {
    match gather() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the page's assets could not be gathered: {error}");
            ExitCode::FAILURE
        }
    }
}

fn gather() -> Result<(), Box<dyn Error>> {
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build");
    // Each by its name: `node_modules` beside them is large and no source.
    for source in ["datastar", "embed", "icon.svg", "locales", "plain", "script", "style"] {
        println!("cargo::rerun-if-changed=web/{source}");
    }

    println!("cargo::rerun-if-env-changed={}", datastar::SOURCES);
    let own = env::var_os(datastar::SOURCES).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let client = datastar::client(&web.join("datastar"), own.as_deref())?;
    // The tables name what is beside them: a folder that is moved with its build can be built again.
    let mut table = String::new();
    for (name, stem, extension, content_type, bytes) in [
        ("DATASTAR", "datastar", "js", JAVASCRIPT, client.script),
        ("STYLE", "page", "css", "text/css; charset=utf-8", style::join(&web.join("style"))?),
        ("INVITATION", "invitation", "js", JAVASCRIPT, read(&web.join("plain/invitation.js"))?),
        ("DESK", "desk", "js", JAVASCRIPT, read(&web.join("plain/desk.js"))?),
        ("SIGNED_IN", "signed-in", "js", JAVASCRIPT, read(&web.join("plain/signed-in.js"))?),
        ("ICON", "icon", "svg", "image/svg+xml", read(&web.join("icon.svg"))?),
    ] {
        let hash = &hex(&Sha256::digest(&bytes))[..NAME_HASH_DIGITS];
        let path = format!("{stem}.{hash}.{extension}");
        table.push_str(&asset(name, &out, &path, content_type, &bytes)?);
    }
    table.push_str(&asset("LICENCES", &out, "licences.txt", "text/plain; charset=utf-8", &client.licences)?);
    // They are no assets yet: the server puts the catalogues of the languages in front.
    let script = minify::minify(&script::bundle(&sources(&web.join("script"))?)?)?;
    let loader = minify::minify(&script::flat(&sources(&web.join("embed"))?)?)?;
    for (name, file, bundle) in [("SCRIPT", "page.js", script), ("LOADER", "embed.js", loader)] {
        fs::write(out.join(file), bundle)?;
        writeln!(table, "const {name}: &str = include_str!({file:?});")?;
    }
    fs::write(out.join("assets.rs"), table)?;
    fs::write(out.join("locales.rs"), catalogues(&web.join("locales"), &out)?)?;
    Ok(())
}

/// The modules of a script by their file names.
fn sources(dir: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut sources = BTreeMap::new();
    for file in files(dir, "js")? {
        let name = file.file_name().and_then(|name| name.to_str()).ok_or(NOT_UTF8)?;
        sources.insert(name.to_owned(), String::from_utf8(read(&file)?)?);
    }
    Ok(sources)
}

/// Copies the catalogues to the build's output, and returns their table: each is named by the code of its language.
fn catalogues(dir: &Path, out: &Path) -> Result<String, Box<dyn Error>> {
    let mut table = vec!["pub const FILES: &[(&str, &str)] = &[".to_owned()];
    for file in files(dir, "ftl")? {
        let code = file.file_stem().and_then(|stem| stem.to_str()).ok_or(NOT_UTF8)?;
        let copy = format!("{code}.ftl");
        fs::write(out.join(&copy), read(&file)?)?;
        table.push(format!("({code:?}, include_str!({copy:?})),"));
    }
    table.push("];".to_owned());
    Ok(table.join("\n"))
}

/// Writes the bytes to the build's output and returns the line that embeds them.
fn asset(
    name: &str,
    out: &Path,
    path: &str,
    content_type: &str,
    bytes: &[u8],
) -> Result<String, Box<dyn Error>> {
    fs::write(out.join(name), bytes)?;
    let packed = format!("{name}.gz");
    fs::write(out.join(&packed), gzip(bytes)?)?;
    Ok(format!(
        "pub static {name}: Asset = Asset {{ path: {path:?}, content_type: {content_type:?}, \
         bytes: include_bytes!({name:?}), gzip: Gzip::Built(include_bytes!({packed:?})) }};\n"
    ))
}

/// Compresses as much as gzip can: it is done once, and every browser gets the result.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish()
}

/// The files of a folder with this extension, sorted by their names.
fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == extension));
    files.sort();
    Ok(files)
}
