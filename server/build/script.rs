//! Bundles the modules of a script into one.
//!
//! Each module becomes a block of its own behind those that it imports, so it runs as the browser would run
//! it, and names that it does not export stay its own. In one thing it runs better: a module that throws
//! while it is run is reported to the console, and the others run. What it exports then are its functions,
//! and the constants are undefined. This needs no parser, because the modules keep to a strict subset:
//!
//! - an import is `import { a, b } from './x.js';` or `import './x.js';`, on one line;
//! - an export is `export const`, `export function` or `export async function`;
//! - no import cycles, and no `await` outside of functions (the linter sees to the second).
//!
//! Everything else that begins a line with `import` or `export` fails the build, and so does a name that is
//! not exported and a module that nothing imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

/// Imports every module that has to run.
const ENTRY: &str = "index.js";
/// The module that is no file, and its export: the server puts it in front of the bundle, in the reader's
/// language.
const CATALOGUE: (&str, &str) = ("catalogue.js", "catalogue");

/// A module, taken apart.
#[derive(Debug, Default)]
struct Module {
    /// Names and the file that they are imported from.
    imports: Vec<(Vec<String>, String)>,
    exports: Vec<Export>,
    /// The source without its imports and without the word `export`.
    body: String,
}

/// A name that a module exports.
#[derive(Debug)]
struct Export {
    name: String,
    /// Functions are there before the first line of their module runs.
    is_function: bool,
}

fn parsed(sources: &BTreeMap<String, String>) -> Result<BTreeMap<&str, Module>, String> {
    sources.iter().map(|(name, source)| Ok((name.as_str(), parse(name, source)?))).collect()
}

/// The file names in the order in which the modules run.
fn order<'a>(modules: &'a BTreeMap<&'a str, Module>) -> Result<Vec<&'a str>, String> {
    let mut order = Vec::new();
    visit(ENTRY, modules, &mut Vec::new(), &mut order)?;
    match modules.keys().find(|name| !order.contains(name)) {
        Some(unused) => {
            Err(format!("{unused}: {ENTRY} does not import it, nor does a module that it imports"))
        }
        None => Ok(order),
    }
}

/// Returns the bundle of these modules, by their file names, or what is wrong with them.
pub fn bundle(sources: &BTreeMap<String, String>) -> Result<String, String> {
    let modules = parsed(sources)?;
    let mut bundle = String::new();
    for name in order(&modules)? {
        write_module(name, &modules[name], &mut bundle);
    }
    Ok(bundle)
}

/// Returns these modules in one scope, which is shorter: one that throws ends all, and no two may declare the
/// same name; the parser sees to that.
pub fn flat(sources: &BTreeMap<String, String>) -> Result<String, String> {
    let modules = parsed(sources)?;
    Ok(order(&modules)?.into_iter().map(|name| modules[name].body.as_str()).collect())
}

fn parse(name: &str, source: &str) -> Result<Module, String> {
    let mut module = Module::default();
    for (number, line) in source.lines().enumerate() {
        let wrong = || format!("{name}:{}: this form is not bundled: {line}", number + 1);
        if line.starts_with("import") {
            module.imports.push(import(line).ok_or_else(wrong)?);
            continue;
        }
        let own = if line.starts_with("export") {
            let own = line.strip_prefix("export ").ok_or_else(wrong)?;
            module.exports.push(declared(own).ok_or_else(wrong)?);
            own
        } else {
            line
        };
        module.body.push_str(own);
        module.body.push('\n');
    }
    Ok(module)
}

/// The names that an import takes, and the file that it takes them from.
fn import(line: &str) -> Option<(Vec<String>, String)> {
    let rest = line.strip_prefix("import ")?.strip_suffix("';")?;
    if let Some(file) = rest.strip_prefix("'./") {
        return Some((Vec::new(), file.to_owned()));
    }
    let (names, file) = rest.strip_prefix("{ ")?.split_once(" } from './")?;
    let names: Vec<String> = names.split(", ").map(str::to_owned).collect();
    names.iter().all(|name| is_name(name)).then(|| (names, file.to_owned()))
}

/// Returns the name that a declaration declares.
fn declared(line: &str) -> Option<Export> {
    let (kind, rest) = ["const ", "function ", "async function "]
        .into_iter()
        .find_map(|kind| Some((kind, line.strip_prefix(kind)?)))?;
    let end = rest.find(|c| !is_name_char(c))?;
    let name = rest[..end].to_owned();
    is_name(&name).then(|| Export { name, is_function: kind != "const " })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// Appends a module to the order behind those that it imports. `path` leads from the entry to it.
fn visit<'a>(
    name: &'a str,
    modules: &'a BTreeMap<&'a str, Module>,
    path: &mut Vec<&'a str>,
    order: &mut Vec<&'a str>,
) -> Result<(), String> {
    if let Some(start) = path.iter().position(|other| *other == name) {
        return Err(format!("the modules import each other: {} -> {name}", path[start..].join(" -> ")));
    }
    if order.contains(&name) {
        return Ok(());
    }
    let importer = path.last().copied().unwrap_or_default();
    let module = modules.get(name).ok_or_else(|| format!("{importer}: there is no module {name}"))?;
    path.push(name);
    let mut taken = BTreeSet::new();
    for (names, file) in &module.imports {
        let is_catalogue = file == CATALOGUE.0;
        if !is_catalogue {
            visit(file, modules, path, order)?;
        }
        for imported in names {
            let is_exported = if is_catalogue {
                imported == CATALOGUE.1
            } else {
                modules[file.as_str()].exports.iter().any(|export| export.name == *imported)
            };
            if !is_exported {
                return Err(format!("{name}: {file} does not export {imported}"));
            }
            if !taken.insert(imported) {
                return Err(format!("{name}: {imported} is imported twice"));
            }
        }
    }
    path.pop();
    order.push(name);
    Ok(())
}

fn write_module(name: &str, module: &Module, bundle: &mut String) {
    if module.body.is_empty() {
        return;
    }
    let variable = variable(name);
    if !module.exports.is_empty() {
        put(bundle, format_args!("const {variable} = {{}};\n"));
    }
    bundle.push_str("try {\n");
    for (names, file) in &module.imports {
        if !names.is_empty() && file != CATALOGUE.0 {
            put(bundle, format_args!("const {{ {} }} = {};\n", names.join(", "), self::variable(file)));
        }
    }
    let export = |is_function: bool, bundle: &mut String| {
        let exports = module.exports.iter().filter(|export| export.is_function == is_function);
        let names: Vec<&str> = exports.map(|export| export.name.as_str()).collect();
        if !names.is_empty() {
            put(bundle, format_args!("Object.assign({variable}, {{ {} }});\n", names.join(", ")));
        }
    };
    export(true, bundle);
    bundle.push_str(&module.body);
    export(false, bundle);
    bundle.push_str("} catch (error) {\nconsole.error(error);\n}\n");
}

fn put(bundle: &mut String, text: fmt::Arguments<'_>) {
    bundle.write_fmt(text).expect("writing to memory does not fail");
}

/// The variable of the bundle that holds a module's exports.
fn variable(name: &str) -> String {
    let stem = name.trim_end_matches(".js").replace(|c| !is_name_char(c), "_");
    format!("$${stem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(modules: &[(&str, &str)]) -> Result<String, String> {
        bundle(&modules.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect())
    }

    #[test]
    fn a_module_comes_after_those_that_it_imports() {
        let bundle = bundled(&[
            ("index.js", "import './a.js';\nimport './b-c.js';\n"),
            (
                "a.js",
                "import { f, N } from './b-c.js';\nimport { catalogue } from './catalogue.js';\nf(N, catalogue);\n",
            ),
            (
                "b-c.js",
                "// A comment.\nexport const N = 1;\nexport function f() {\n  return own();\n}\nfunction own() {}\n",
            ),
        ]);
        let end = "} catch (error) {\nconsole.error(error);\n}\n";
        let expected = format!(
            "const $$b_c = {{}};\ntry {{\nObject.assign($$b_c, {{ f }});\n// A comment.\nconst N = 1;\nfunction f() {{\n  return own();\n}}\n\
             function own() {{}}\nObject.assign($$b_c, {{ N }});\n{end}\
             try {{\nconst {{ f, N }} = $$b_c;\nf(N, catalogue);\n{end}"
        );
        assert_eq!(bundle.unwrap(), expected);
    }

    #[test]
    fn modules_in_one_scope_stand_behind_those_that_they_import() {
        let index = "import { f } from './a.js';\nconst n = f();\n";
        let a = "export async function f() {\n  const n = 1;\n  return n;\n}\n";
        let sources = [("index.js", index), ("a.js", a)];
        let flat = flat(&sources.map(|(name, source)| (name.to_owned(), source.to_owned())).into());
        let expected = "async function f() {\n  const n = 1;\n  return n;\n}\nconst n = f();\n";
        assert_eq!(flat.as_deref(), Ok(expected));
    }

    #[test]
    fn a_cycle_of_imports_is_named() {
        let error = bundled(&[
            ("index.js", "import './a.js';\n"),
            ("a.js", "import { b } from './b.js';\nexport const a = 1;\n"),
            ("b.js", "import { a } from './a.js';\nexport const b = 1;\n"),
        ]);
        assert_eq!(error.unwrap_err(), "the modules import each other: a.js -> b.js -> a.js");
    }

    #[test]
    fn what_is_not_in_the_subset_fails() {
        for line in [
            "import a from './a.js';",
            "import * as a from './a.js';",
            "import { a as b } from './a.js';",
            "import { a } from 'a';",
            "import {a} from './a.js';",
            "import { a } from './a.js'",
            "import('./a.js');",
            "export default 1;",
            "export let a = 1;",
            "export { a };",
            "export * from './a.js';",
            "export const { a } = b;",
            "export class A {}",
        ] {
            let modules = [("index.js", line), ("a.js", "export const a = 1;\n")];
            assert!(bundled(&modules).unwrap_err().contains(": this form is not bundled: "), "{line}");
        }
    }

    #[test]
    fn a_name_or_a_module_that_is_missing_fails() {
        let a = ("a.js", "export const a = 1;\n");
        for (index, error) in [
            ("import { b } from './a.js';", "index.js: a.js does not export b"),
            ("import { a, a } from './a.js';", "index.js: a is imported twice"),
            ("import './a.js';\nimport './c.js';", "index.js: there is no module c.js"),
            ("import { words } from './catalogue.js';", "index.js: catalogue.js does not export words"),
            ("", "a.js: index.js does not import it, nor does a module that it imports"),
        ] {
            assert_eq!(bundled(&[("index.js", index), a]).unwrap_err(), error);
        }
    }
}
