//! The copy of the tree that is mutated. It is made once, so that nobody who works on the tree disturbs a
//! run, and a file that is the same already keeps its time, so that cargo builds little.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// The list of mutations, from the root of the repository.
pub const LIST: &str = "verify/mutants/list.toml";
/// Names that a copy leaves out.
const LEFT_OUT: [&str; 5] = ["target", ".git", "node_modules", "artifacts", "corpus"];

/// A copy of the tree.
pub struct Copy {
    tree: PathBuf,
    digest: u64,
}

/// A file that is mutated until this is dropped.
pub struct Mutated {
    path: PathBuf,
    original: String,
}

impl Drop for Mutated {
    fn drop(&mut self) {
        // The next run makes the copy right again if this fails; the next mutation of this run does not
        // apply.
        let _ = fs::write(&self.path, &self.original);
    }
}

impl Copy {
    /// Makes `tree` a copy of `root`.
    pub fn make(root: &Path, tree: &Path) -> io::Result<Self> {
        let mut hasher = DefaultHasher::new();
        mirror(root, tree, &mut hasher)?;
        Ok(Self { tree: tree.to_owned(), digest: hasher.finish() })
    }

    /// Its directory.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// Differs when anything in the tree does, but for the list of mutations.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Replaces a text in a file; `None` when the text is not there exactly once.
    pub fn mutate(&self, file: &str, find: &str, replace: &str) -> io::Result<Option<Mutated>> {
        let path = self.tree.join(file);
        let original = fs::read_to_string(&path)?;
        if original.matches(find).count() != 1 {
            return Ok(None);
        }
        fs::write(&path, original.replace(find, replace))?;
        Ok(Some(Mutated { path, original }))
    }
}

fn mirror(from: &Path, to: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let names = |directory: &Path| -> io::Result<BTreeSet<_>> {
        let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
        let kept =
            |name: &io::Result<_>| name.as_ref().map_or(true, |name| !LEFT_OUT.iter().any(|out| name == out));
        names.filter(kept).collect()
    };
    let present = names(from)?;
    for gone in names(to)?.difference(&present) {
        let path = to.join(gone);
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    for name in present {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            mirror(&from, &to, hasher)?;
            continue;
        }
        let content = fs::read(&from)?;
        if !from.ends_with(LIST) {
            (&to, &content).hash(hasher);
        }
        if fs::read(&to).ok().as_ref() != Some(&content) {
            fs::write(&to, content)?;
            fs::set_permissions(&to, fs::metadata(&from)?.permissions())?;
        }
    }
    Ok(())
}
