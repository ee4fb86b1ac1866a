//! No two files of a crate import each other, directly or by way of others.

use std::fs;
use std::path::Path;

use millchat_structure::{Crate, Imports};

/// The crates' root files, and how many files their largest cycle may have. The figures only fall: 0 is none.
const ROOTS: [(&str, usize); 9] = [
    ("core/src/lib.rs", 0),
    ("server/src/lib.rs", 0),
    ("loadtest/src/main.rs", 0),
    ("benches/src/lib.rs", 0),
    ("benches/src/compare/main.rs", 0),
    ("benches/src/report/main.rs", 0),
    ("verify/oracle/src/lib.rs", 0),
    ("verify/testkit/src/lib.rs", 0),
    ("verify/mutants/src/main.rs", 0),
];

#[test]
fn no_files_import_each_other() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for (root, files_max) in ROOTS {
        let krate = Crate::read(&top.join(root)).unwrap();
        let cycles = Imports::of(&krate).cycles();
        let files = cycles.first().map_or(0, |cycle| cycle.files.len());
        println!("{root}: the largest cycle has {files} files");
        if files > files_max {
            let cycles = cycles.iter().map(ToString::to_string).collect::<String>();
            found.push(format!("{root}: {cycles}"));
        }
        if files < files_max {
            found.push(format!("{root}: only {files} files now; write that here instead of {files_max}"));
        }
    }
    let top = top.canonicalize().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n").replace(&format!("{}/", top.display()), ""));
}

/// Lays the files of a crate and returns the names of the files of its largest cycle.
fn largest_cycle(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let krate = Crate::read(&folder.path().join("lib.rs")).unwrap();
    let cycles = Imports::of(&krate).cycles();
    let largest = cycles.into_iter().next().map_or(Vec::new(), |cycle| cycle.files);
    largest.iter().map(|file| file.strip_prefix(folder.path()).unwrap().display().to_string()).collect()
}

#[test]
fn a_cycle_of_three_is_found_through_a_re_export_a_path_and_a_macro() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f() { crate::c::g(); }"),
        ("c.rs", "pub fn g() { println!(\"{:?}\", crate::A::default()); }"),
    ];
    assert_eq!(largest_cycle(&files), ["a.rs", "b.rs", "c.rs"]);
}

#[test]
fn a_child_that_uses_what_its_parent_defines_is_a_cycle_when_the_parent_uses_it() {
    let parent = ("lib.rs", "mod log;");
    let child = ("log/write.rs", "use super::Log; pub fn write(_: &Log) {}");
    let using = ("log/mod.rs", "mod write; pub struct Log; fn f(log: &Log) { write::write(log) }");
    assert_eq!(largest_cycle(&[parent, using, child]), ["log/mod.rs", "log/write.rs"]);
    let exporting = ("log/mod.rs", "mod write; pub use write::write; pub struct Log;");
    assert!(largest_cycle(&[parent, exporting, child]).is_empty());
}

#[test]
fn tests_and_other_crates_make_no_cycle() {
    let files = [
        ("lib.rs", "mod redb; mod disk;"),
        ("redb/mod.rs", "use redb::Database; use crate::disk::D; pub struct R(Database, D);"),
        ("disk.rs", "pub struct D; #[cfg(test)] mod tests { use crate::redb::R; }"),
    ];
    assert!(largest_cycle(&files).is_empty());
}
