//! Finds the file that defines what a path names.

use std::collections::HashMap;
use std::path::Path;

use crate::module::{Crate, Module, ModulePath};

/// Re-exports that are followed before a path is given up: more would be a circle of re-exports.
const REEXPORTS_MAX: usize = 16;

/// The modules of a crate by their paths.
pub(crate) struct Scope<'a> {
    modules: HashMap<&'a [String], &'a Module>,
}

/// The thing that a path came to.
enum Found<'a> {
    Module(&'a Module),
    /// An item, and the module that defines it.
    Item(&'a Module),
}

impl<'a> Scope<'a> {
    pub fn new(krate: &'a Crate) -> Self {
        Self { modules: krate.modules.iter().map(|module| (module.path.as_slice(), module)).collect() }
    }

    /// Returns the file of the item that `path`, written in `module`, names; `None` for another crate's item
    /// and for a module as a whole.
    pub fn file_of(&self, module: &'a Module, path: &[String]) -> Option<&'a Path> {
        match self.find(module, path, REEXPORTS_MAX)? {
            Found::Item(module) => Some(&module.file),
            Found::Module(_) => None,
        }
    }

    fn find(&self, from: &'a Module, path: &[String], reexports: usize) -> Option<Found<'a>> {
        let (first, mut rest) = path.split_first()?;
        let start: ModulePath = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.path.clone(),
            "super" => from.path[..from.path.len().checked_sub(1)?].to_vec(),
            _ => return self.find_in(from, path, reexports),
        };
        let mut module = *self.modules.get(start.as_slice())?;
        while let Some(("super", after)) = rest.split_first().map(|(name, after)| (name.as_str(), after)) {
            module = self.modules.get(&module.path[..module.path.len().checked_sub(1)?])?;
            rest = after;
        }
        if rest.is_empty() { Some(Found::Module(module)) } else { self.find_in(module, rest, reexports) }
    }

    /// Finds `path`, whose first name is one that `module` defines, declares or imports.
    fn find_in(&self, module: &'a Module, path: &[String], reexports: usize) -> Option<Found<'a>> {
        let reexports = reexports.checked_sub(1)?;
        let (name, rest) = path.split_first()?;
        let onwards = |found: Found<'a>| match found {
            Found::Module(inner) if !rest.is_empty() => self.find_in(inner, rest, reexports),
            found => Some(found),
        };
        if module.defined.contains(name) {
            return Some(Found::Item(module));
        }
        let child = [module.path.as_slice(), std::slice::from_ref(name)].concat();
        if let Some(child) = self.modules.get(child.as_slice()) {
            return onwards(Found::Module(child));
        }
        if let Some(import) = module.import(name) {
            // `use redb::Database` in a module `redb` names the crate, not the module.
            let is_itself = import.path.first() == Some(name) && import.path.len() == 1;
            return if is_itself {
                None
            } else {
                self.find(module, &import.path, reexports).and_then(onwards)
            };
        }
        module.globs().find_map(|glob| match self.find(module, glob, reexports)? {
            Found::Module(inner) => self.find_in(inner, path, reexports),
            Found::Item(_) => None,
        })
    }
}
