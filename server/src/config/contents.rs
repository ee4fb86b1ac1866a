//! The contents of the files that settings name, as far as it takes to see that one has become another.
//!
//! Most of them are secrets. Nothing of them is kept but a hash, which is never shown. The files of the
//! certificate are not among them: they are looked at by themselves, and the log says what was found.

use std::collections::BTreeMap;
use std::path::Path;

/// The setting whose file is read again at SIGHUP and applies at once.
pub(super) const ADMIN_TOKEN_FILE: &str = "admin-token-file";

/// The hash of each file that a setting names, by the setting; `None` where it cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileContents(BTreeMap<String, Option<blake3::Hash>>);

impl FileContents {
    /// Reads the files that these settings name.
    pub(super) fn read<'a>(files: impl Iterator<Item = (String, Option<&'a Path>)>) -> Self {
        let hash = |file: &Path| {
            // White space around it is part of none of them.
            let bytes = std::fs::read(file).ok()?;
            Some(blake3::hash(bytes.trim_ascii()))
        };
        Self(files.filter_map(|(setting, file)| file.map(|file| (setting, hash(file)))).collect())
    }

    /// Returns these with the one of the new files that applies at once.
    pub(super) fn with_reloadable(&self, new: &Self) -> Self {
        let mut contents = self.clone();
        match new.0.get(ADMIN_TOKEN_FILE) {
            Some(hash) => drop(contents.0.insert(ADMIN_TOKEN_FILE.to_owned(), *hash)),
            None => drop(contents.0.remove(ADMIN_TOKEN_FILE)),
        }
        contents
    }

    /// Returns the settings that name a file in both, of which the content is another. That a setting names
    /// another file is a change of the setting itself.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let differing =
            self.0.iter().filter(|(setting, hash)| other.0.get(*setting).is_some_and(|it| it != *hash));
        differing.map(|(setting, _)| setting.as_str())
    }
}
