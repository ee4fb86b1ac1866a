//! The source of the Datastar client, as the server's build script reads it: pinned by hash, from the package
//! or from Datastar's own sources.

#[path = "../../../server/build/bytes.rs"]
mod bytes;
#[path = "../../../server/build/datastar.rs"]
mod datastar;

use std::fs;
use std::path::{Path, PathBuf};

fn manifest_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../server/web/datastar")
}

/// The folder of Datastar's sources, with the two files that are read.
fn sources(script: &[u8], licence: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bundles")).unwrap();
    fs::write(folder.path().join("bundles/datastar.js"), script).unwrap();
    fs::write(folder.path().join("LICENSE.md"), licence).unwrap();
    folder
}

#[test]
fn the_client_comes_from_the_package_or_from_datastars_own_sources() {
    let packaged = datastar::client(&manifest_dir(), None).unwrap();
    let text = String::from_utf8(packaged.licences).unwrap();
    let licence = text.split_once("\n\n").unwrap().1;
    assert!(
        licence.contains("Star Federation") && licence.contains("Permission is hereby granted"),
        "{licence}"
    );

    let folder = sources(&packaged.script, licence.as_bytes());
    let own = datastar::client(Path::new("/no/such/manifest"), Some(folder.path())).unwrap();
    assert_eq!(own.script, packaged.script);
    assert_eq!(String::from_utf8(own.licences).unwrap(), text);

    // Another version, and another licence, are refused with the name of the file.
    let changed = [&packaged.script[..], b"\n"].concat();
    for (script, licence, file) in [
        (&changed[..], licence.as_bytes(), "bundles/datastar.js has SHA-256"),
        (&packaged.script, b"No licence.", "LICENSE.md has SHA-256"),
    ] {
        let folder = sources(script, licence);
        let error = datastar::client(&manifest_dir(), Some(folder.path())).err().unwrap().to_string();
        assert!(error.contains(file), "{error}");
    }
}

#[test]
fn who_cannot_have_the_package_is_told_of_the_other_way() {
    let error = datastar::client(Path::new("/"), None).err().unwrap().to_string();
    assert!(error.contains(datastar::SOURCES) && error.contains("starfederation/datastar"), "{error}");
}
