//! The imports between a crate's files as a graph, and its cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::module::Crate;
use crate::scope::Scope;

/// Holds the files that each file imports, and the names by which it does.
pub struct Imports {
    edges: BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>,
}

/// Files that all import each other, directly or by way of others.
pub struct Cycle {
    /// In alphabetical order.
    pub files: Vec<PathBuf>,
    /// The imports between these files: from, to, the names.
    edges: Vec<(PathBuf, PathBuf, Vec<String>)>,
}

impl Imports {
    /// Gathers the imports of a crate.
    pub fn of(krate: &Crate) -> Self {
        let scope = Scope::new(krate);
        let mut edges: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for module in &krate.modules {
            for path in module.used_paths() {
                if let Some(file) = scope.file_of(module, path)
                    && file != module.file
                {
                    edges.entry((module.file.clone(), file.to_owned())).or_default().insert(path.join("::"));
                }
            }
        }
        Self { edges }
    }

    /// Returns the cycles, the largest first.
    pub fn cycles(&self) -> Vec<Cycle> {
        let graph: DiGraphMap<&Path, ()> =
            self.edges.keys().map(|(from, to)| (from.as_path(), to.as_path())).collect();
        let mut cycles: Vec<_> = tarjan_scc(&graph)
            .into_iter()
            .filter(|files| files.len() > 1)
            .map(|files| {
                let files: BTreeSet<_> = files.into_iter().map(Path::to_owned).collect();
                self.cycle(&files)
            })
            .collect();
        cycles.sort_by_key(|cycle| std::cmp::Reverse(cycle.files.len()));
        cycles
    }

    fn cycle(&self, files: &BTreeSet<PathBuf>) -> Cycle {
        let edges = self
            .edges
            .iter()
            .filter(|((from, to), _)| files.contains(from) && files.contains(to))
            .map(|((from, to), names)| (from.clone(), to.clone(), names.iter().cloned().collect()))
            .collect();
        Cycle { files: files.iter().cloned().collect(), edges }
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} files import each other:", self.files.len())?;
        for (from, to, names) in &self.edges {
            writeln!(f, "  {} imports {} from {}", from.display(), names.join(", "), to.display())?;
        }
        Ok(())
    }
}
