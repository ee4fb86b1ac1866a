//! The modules of one crate, read from its files: what each defines, imports and names.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemMod, Meta, UseTree, Visibility};

/// Conditions under which only code that verifies is compiled.
const VERIFICATION_CFGS: [&str; 3] = ["test", "loom", "fuzzing"];

/// A module's place in its crate: the names from the root down to it.
pub type ModulePath = Vec<String>;

/// A crate's modules, without those that only tests compile.
pub struct Crate {
    pub(crate) modules: Vec<Module>,
}

/// One module. Several modules share a file where they are written inline.
pub(crate) struct Module {
    pub path: ModulePath,
    pub file: PathBuf,
    /// Names of the items that it defines.
    pub defined: Vec<String>,
    pub imports: Vec<Import>,
    /// Paths of two names and more in its code, as they are written.
    pub named: Vec<Vec<String>>,
    /// Every single name in its code.
    pub idents: HashSet<String>,
}

/// One name that a `use` brings in.
pub(crate) struct Import {
    /// The name it has here; `*` for all that a module has.
    pub name: String,
    /// The path it is imported by, as it is written.
    pub path: Vec<String>,
    /// Passed on to others by a `pub use`.
    pub is_reexport: bool,
}

/// A file that cannot be read or parsed.
#[derive(Debug)]
pub struct ReadError {
    file: PathBuf,
    cause: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.cause)
    }
}

impl std::error::Error for ReadError {}

impl Crate {
    /// Reads a crate from its root file (`src/lib.rs`, `src/main.rs`).
    pub fn read(root: &Path) -> Result<Self, ReadError> {
        let mut modules = Vec::new();
        read_file(root, &[], root.parent().unwrap_or(root), &mut modules)?;
        Ok(Self { modules })
    }
}

/// Reads a file's module and, below it, the modules that it declares. `folder` is where their files are.
fn read_file(
    file: &Path,
    path: &[String],
    folder: &Path,
    modules: &mut Vec<Module>,
) -> Result<(), ReadError> {
    let failed = |cause: String| ReadError { file: file.to_owned(), cause };
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let parsed = syn::parse_file(&text).map_err(|error| failed(error.to_string()))?;
    read_items(&parsed.items, file, path, folder, modules)
}

fn read_items(
    items: &[Item],
    file: &Path,
    path: &[String],
    folder: &Path,
    modules: &mut Vec<Module>,
) -> Result<(), ReadError> {
    let mut module = Module {
        path: path.to_vec(),
        file: file.to_owned(),
        defined: Vec::new(),
        imports: Vec::new(),
        named: Vec::new(),
        idents: HashSet::new(),
    };
    for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
        match item {
            Item::Mod(child) => read_child(child, file, path, folder, modules)?,
            Item::Use(import) => {
                let is_reexport = !matches!(import.vis, Visibility::Inherited);
                gather_imports(&import.tree, is_reexport, &mut Vec::new(), &mut module.imports);
            }
            _ => {
                module.defined.extend(name(item));
                gather_paths(item.to_token_stream(), &mut module);
            }
        }
    }
    modules.push(module);
    Ok(())
}

fn read_child(
    child: &ItemMod,
    file: &Path,
    parent: &[String],
    folder: &Path,
    modules: &mut Vec<Module>,
) -> Result<(), ReadError> {
    let name = child.ident.to_string();
    let path = [parent, std::slice::from_ref(&name)].concat();
    let inside = folder.join(&name);
    if let Some((_, items)) = &child.content {
        return read_items(items, file, &path, &inside, modules);
    }
    let beside = folder.join(format!("{name}.rs"));
    let own = if let Some(written) = written_path(&child.attrs) {
        file.with_file_name(written)
    } else if beside.exists() {
        beside
    } else {
        inside.join("mod.rs")
    };
    read_file(&own, &path, &inside, modules)
}

/// Returns the file that a `#[path = "…"]` names.
fn written_path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let has = |name| has_ident(list.tokens.clone(), name);
            VERIFICATION_CFGS.into_iter().any(has) && !has("not")
        }
        _ => false,
    })
}

fn has_ident(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => has_ident(group.stream(), name),
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn gather_imports(tree: &UseTree, is_reexport: bool, before: &mut Vec<String>, imports: &mut Vec<Import>) {
    let mut leaf = |name: String, last: Option<String>| {
        let mut path = before.clone();
        path.extend(last);
        imports.push(Import { name, path, is_reexport });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            gather_imports(&path.tree, is_reexport, before, imports);
            before.pop();
        }
        // `use a::b::{self}` brings in `b`.
        UseTree::Name(name) if name.ident == "self" => {
            let name = before.last().cloned().unwrap_or_default();
            leaf(name, None);
        }
        UseTree::Name(name) => leaf(name.ident.to_string(), Some(name.ident.to_string())),
        UseTree::Rename(rename) if rename.ident == "self" => leaf(rename.rename.to_string(), None),
        UseTree::Rename(rename) => leaf(rename.rename.to_string(), Some(rename.ident.to_string())),
        UseTree::Glob(_) => leaf("*".to_owned(), None),
        UseTree::Group(group) => {
            for tree in &group.items {
                gather_imports(tree, is_reexport, before, imports);
            }
        }
    }
}

/// Gathers every name and every `a::b::…` of the tokens, also within groups and macros.
fn gather_paths(tokens: TokenStream, module: &mut Module) {
    let mut path: Vec<String> = Vec::new();
    // Colons since the last name: two of them go on with the path.
    let mut colons = 0;
    let named = &mut module.named;
    let mut end = |path: &mut Vec<String>| {
        if path.len() > 1 {
            named.push(std::mem::take(path));
        }
        path.clear();
    };
    let mut groups = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    end(&mut path);
                }
                path.push(ident.to_string());
                module.idents.insert(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                end(&mut path);
                colons = 0;
                groups.push(group.stream());
            }
            _ => {
                end(&mut path);
                colons = 0;
            }
        }
    }
    end(&mut path);
    for group in groups {
        gather_paths(group, module);
    }
}

impl Module {
    /// Returns the paths by which the module's own code uses items: what it only passes on is not among them.
    pub fn used_paths(&self) -> impl Iterator<Item = &Vec<String>> {
        let imports =
            self.imports.iter().filter(|import| !import.is_reexport || self.idents.contains(&import.name));
        imports.map(|import| &import.path).chain(&self.named)
    }

    /// Returns the import that brings `name` in.
    pub fn import(&self, name: &str) -> Option<&Import> {
        self.imports.iter().find(|import| import.name == name)
    }

    /// Returns the paths of the modules that are imported whole.
    pub fn globs(&self) -> impl Iterator<Item = &[String]> {
        self.imports.iter().filter(|import| import.name == "*").map(|import| import.path.as_slice())
    }
}
