//! The sources of the page against the catalogues: what they ask for is there, what is there is asked for,
//! and neither the script nor the styles have words of their own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::catalogue::IN_FRAMES;
use super::language;
use crate::page::embedded;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page");
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
/// Literals of the script that begin like a word and are names of keys, headers and parts of the browser.
const NAMES: [&str; 15] = [
    "Accept-Language",
    "ArrowDown",
    "ArrowUp",
    "Authorization",
    "Bearer",
    "Content-Type",
    "End",
    "Enter",
    "Escape",
    "Location",
    "Millchat",
    "Notification",
    "PageDown",
    "PageUp",
    "Tab",
];

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    assert!(!files.is_empty(), "{}", dir.display());
    files.sort();
    files
}

fn scripts() -> Vec<(String, String)> {
    let files = ["script", "embed"].into_iter().flat_map(|folder| files(&Path::new(WEB).join(folder), "js"));
    files.map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

/// The string literals of a script, also the pieces of templates.
fn literals(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    // What is open: a quote, or a brace of a template's `${`.
    let mut open = Vec::new();
    let mut now = String::new();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match (open.last().copied(), c) {
            (Some(quote @ ('\'' | '"' | '`')), c) if c == quote => {
                open.pop();
                found.push(std::mem::take(&mut now));
            }
            (Some('`'), '$') if chars.peek() == Some(&'{') => {
                chars.next();
                open.push('{');
                found.push(std::mem::take(&mut now));
            }
            (Some('\'' | '"' | '`'), '\\') => now.extend(chars.next()),
            (Some('\'' | '"' | '`'), c) => now.push(c),
            (_, '/') if chars.peek() == Some(&'/') => while chars.next().is_some_and(|c| c != '\n') {},
            (_, '/') if chars.peek() == Some(&'*') => {
                let mut before = ' ';
                while chars.next().is_some_and(|c| !(std::mem::replace(&mut before, c) == '*' && c == '/')) {}
            }
            (_, quote @ ('\'' | '"' | '`')) => open.push(quote),
            (_, '{') => open.push('{'),
            (_, '}') => {
                open.pop();
            }
            _ => {}
        }
    }
    found
}

/// Returns true if it looks like something that people read: two words, a capital before small letters, a
/// letter of no code.
fn is_said(literal: &str) -> bool {
    let trimmed = literal.trim();
    // Styles have braces. What begins with the name is for the developers of a site, in its console.
    let is_code = trimmed.starts_with(['.', '#', '[', '/', ':'])
        || trimmed.contains('{')
        || trimmed.starts_with("Millchat:")
        || NAMES.contains(&trimmed);
    let chars: Vec<char> = trimmed.chars().collect();
    let words = chars.windows(3).any(|w| w[0].is_alphabetic() && w[1] == ' ' && w[2].is_alphabetic());
    let capital =
        chars.first().is_some_and(|c| c.is_uppercase()) && chars.get(1).is_some_and(|c| c.is_lowercase());
    let foreign = chars.iter().any(|c| *c == '…' || (c.is_alphabetic() && !c.is_ascii()));
    !is_code && (words || capital || foreign)
}

#[test]
fn the_script_has_no_words_of_its_own() {
    for said in ["'The server is gone.'", "`${n} new messages`", "\"Sending…\"", "'Sent'", "'übrig'"] {
        assert!(literals(said).iter().any(|literal| is_said(literal)), "{said} would be seen");
    }
    assert_eq!(literals("x('a'); // 'b'\n/* 'c' */ `d${y('e')}f` + \"g\""), ["a", "d", "e", "f", "g"]);
    for (path, script) in scripts() {
        let found = literals(&script);
        let said: Vec<_> = found.iter().filter(|literal| is_said(literal)).collect();
        assert!(said.is_empty(), "{path} says {said:?}");
    }
}

#[test]
fn the_styles_have_no_words_of_their_own() {
    for path in files(&Path::new(WEB).join("style"), "css") {
        let style = fs::read_to_string(&path).unwrap();
        for line in style.lines().filter(|line| line.trim_start().starts_with("content:")) {
            let mut quoted = line.split('"').skip(1).step_by(2);
            assert!(
                !quoted
                    .any(|text| text.starts_with(|c: char| c != '\\') && text.contains(char::is_alphabetic)),
                "{line}"
            );
        }
    }
}

/// The ids right behind these words in a source.
fn asked(source: &str, before: &[&str], quote: char) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for before in before {
        for rest in source.split(&format!("{before}{quote}")).skip(1) {
            ids.extend(rest.split(quote).next().map(str::to_owned));
        }
    }
    ids
}

/// The sources of what is in frames. What they name is filled in by the browser.
const OF_FRAMES: [&str; 7] = ["answering", "frame", "history", "people", "quote", "reactions", "rows"];

#[test]
fn the_browser_has_the_messages_of_the_frames() {
    let sources: String = OF_FRAMES
        .into_iter()
        .map(|name| fs::read_to_string(Path::new(PAGE).join(format!("{name}.rs"))).unwrap())
        .map(|source| source.split("#[cfg(test)]\n").next().unwrap_or_default().to_owned())
        .collect();
    let english = language("en");
    let named: Vec<_> = english.texts.keys().filter(|id| sources.contains(&format!("\"{id}\""))).collect();
    assert_eq!(named, IN_FRAMES.iter().collect::<Vec<_>>());
    let catalogue = english.catalogue("localize('said')");
    assert!(catalogue.contains("\"said\"") && catalogue.contains("\"room-emptied-by\""), "{catalogue}");
    assert!(!catalogue.contains("\"moderation\""), "what no script shows stays at home: {catalogue}");
}

/// The build may write a script in other words than its sources, and their messages are found in what it wrote.
#[test]
fn the_browser_has_the_messages_that_its_scripts_name() {
    let english = language("en");
    let named = |folder: &str, start: &str| -> BTreeSet<String> {
        let scripts = files(&Path::new(WEB).join(folder), "js").into_iter();
        let literals = scripts.flat_map(|path| literals(&fs::read_to_string(path).unwrap()));
        literals.filter(|literal| literal.starts_with(start) && english.texts.contains_key(literal)).collect()
    };
    for (folder, start, asset) in
        [("script", "", embedded::script(english)), ("embed", "panel-", embedded::loader())]
    {
        let script = std::str::from_utf8(asset.bytes).unwrap();
        let ids = named(folder, start);
        assert!(!ids.is_empty(), "{folder}");
        for id in ids {
            assert!(script.contains(&format!("\"{id}\":")), "{folder}: {id}");
        }
    }
}

#[test]
fn every_message_that_is_asked_for_is_there_and_every_one_that_is_there_is_asked_for() {
    let english = &language("en").texts;
    let rust: String = files(Path::new(PAGE), "rs")
        .into_iter()
        .chain(files(&Path::new(PAGE).join("i18n"), "rs"))
        .chain(files(&Path::new(PAGE).join("auth"), "rs"))
        .chain([Path::new(PAGE).join("../route.rs")])
        .map(|path| fs::read_to_string(path).unwrap())
        // Without the tests.
        .map(|source| source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned())
        .collect();
    let script: String = scripts().into_iter().map(|(_, script)| script).collect();
    let mut all =
        asked(&rust, &["markup(", "markup_with(", ".text(", "text_with(", "LocalizedMessage::of("], '"');
    all.extend(asked(&script, &["localize("], '\''));
    for id in &all {
        assert!(english.contains_key(id), "{id} is asked for and in no catalogue");
    }
    for id in english.keys() {
        let is_asked = rust.contains(&format!("\"{id}\"")) || script.contains(&format!("'{id}'"));
        assert!(is_asked, "nobody asks for {id}");
    }
}
