//! Joins the page's styles in the order that `index.css` names.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

const INDEX: &str = "index.css";

/// Puts the files that the index imports in the places of its imports. Fails if the index holds anything but
/// imports, or if a file of the folder is imported twice or not at all.
pub fn join(dir: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let index = String::from_utf8(crate::read(&dir.join(INDEX))?)?;
    let mut missing: BTreeSet<_> = crate::files(dir, "css")?.into_iter().collect();
    missing.remove(&dir.join(INDEX));
    let mut all = Vec::new();
    for line in index.lines().filter(|line| !line.is_empty() && !is_comment(line)) {
        let name = line.strip_prefix("@import './").and_then(|rest| rest.strip_suffix("';"));
        let name = name.ok_or_else(|| format!("{INDEX}: not an import of a file beside it: {line}"))?;
        let file = dir.join(name);
        if !missing.remove(&file) {
            return Err(format!("{INDEX}: {name} is imported twice, or there is no such file").into());
        }
        all.extend(crate::read(&file)?);
        all.push(b'\n');
    }
    match missing.first() {
        Some(file) => Err(format!("{INDEX} does not import {}", file.display()).into()),
        None => Ok(all),
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with("/*") && line.ends_with("*/")
}
