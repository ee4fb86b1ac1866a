//! Doc comments begin as CONTRIBUTING.md says: with a subject or a verb.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the crates.
const CRATES: [&str; 5] = ["core", "server", "loadtest", "benches", "verify"];
/// The words that CONTRIBUTING.md names.
const FORBIDDEN: [&str; 6] = ["What", "Whether", "Who", "How", "Where", "Which"];
/// The beginnings of a line of a doc comment.
const MARKS: [&str; 2] = ["///", "//!"];

/// Gathers the Rust files of a folder, without those that a build made.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the numbers of the lines at which a doc comment begins with a forbidden word.
fn found(text: &str) -> Vec<usize> {
    let marked = |line: &str| {
        let line = line.trim_start();
        MARKS.iter().position(|mark| line.starts_with(mark))
    };
    let mut before = None;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mark = marked(line);
        let first = line.split_whitespace().nth(1).unwrap_or_default();
        let word = first.trim_end_matches(|letter: char| !letter.is_alphabetic());
        if mark.is_some() && mark != before && FORBIDDEN.contains(&word) {
            found.push(at + 1);
        }
        before = mark;
    }
    found
}

#[test]
fn doc_comments_begin_with_a_subject_or_a_verb() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let rules = fs::read_to_string(top.join("CONTRIBUTING.md")).unwrap();
    let named = FORBIDDEN.join(", ").replace(", Which", " or Which");
    assert!(rules.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("begin with {named}")));
    let mut files = Vec::new();
    for folder in CRATES {
        gather(&top.join(folder), &mut files);
    }
    assert!(files.len() > 100, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let lines = found(&fs::read_to_string(file).unwrap());
        let name = file.strip_prefix(&top).unwrap().display();
        wrong.extend(lines.iter().map(|line| format!("{name}:{line}")));
    }
    assert!(wrong.is_empty(), "doc comments that begin with a question word:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_first_word_of_a_doc_comment_counts() {
    let text = "//! Where it begins.\n//!\n//! Where it goes on.\n\n/// Returns it.\n/// What is more.\nfn f() {\n\
        \n    /// How: so.\n    x: u8,\n    // Who is no doc comment.\n    /// Whoever comes.\n    y: u8,\n";
    assert_eq!(found(text), [1, 9]);
}
