//! The settings file: TOML. It is read key by key, so that all faults are found at once, each with the line
//! of its key.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Table;
use toml::de::{DeTable, Error};

use crate::origin::Origin;
use crate::start_error::StartError;

/// Reads a file. Returns the settings, and the origin of each.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<(T, Vec<(String, Origin)>), StartError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| StartError::NoSettingsFile { file: name.clone(), source })?;
    let line = |at: usize| 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
    let no_toml = |error: Error| {
        let line = line(error.span().map_or(0, |span| span.start));
        let sentence = format!("{name}, line {line}: this is not TOML: {}", error.message().trim_end());
        StartError::Settings { sentence, source: Box::new(error) }
    };
    let table: Table = toml::from_str(&text).map_err(no_toml)?;
    let spans = DeTable::parse(&text).map_err(no_toml)?;
    let origins: Vec<_> = spans
        .get_ref()
        .keys()
        .map(|key| {
            let origin = Origin::File { path: name.clone(), line: line(key.span().start) };
            (key.get_ref().to_string(), origin)
        })
        .collect();
    let mut faults: Vec<(String, Error)> = Vec::new();
    for (key, origin) in &origins {
        let alone: Table = table.get(key).map(|value| (key.clone(), value.clone())).into_iter().collect();
        if let Err(error) = alone.try_into::<T>() {
            let is_setting = |field: &str| field != key && is_setting::<T>(field);
            let said = in_words(error.message().trim_end(), is_setting);
            faults.push((format!("{origin}: {key}: {said}"), error));
        }
    }
    if let Some((_, source)) = faults.first() {
        let sentences: Vec<&str> = faults.iter().map(|(sentence, _)| sentence.as_str()).collect();
        return Err(StartError::Settings {
            sentence: sentences.join("; "),
            source: Box::new(source.clone()),
        });
    }
    let settings = table.try_into().map_err(|error| StartError::Settings {
        sentence: format!("{name}: {}", error.message()),
        source: Box::new(error),
    })?;
    Ok((settings, origins))
}

/// The library's words for a value that is none of those that there are.
const NO_VARIANT: &str = "unknown variant ";
/// The library's words for a key that is not known.
const NO_FIELD: &str = "unknown field ";

/// Returns what the library says, in words for people who write settings.
fn in_words(said: &str, is_setting: impl Fn(&str) -> bool) -> String {
    if let Some((value, others)) =
        said.strip_prefix(NO_VARIANT).and_then(|rest| rest.split_once(", expected "))
    {
        return format!("{value} is not known here; it is {others}");
    }
    let field = said.strip_prefix(NO_FIELD).and_then(|rest| rest.strip_prefix('`')?.split('`').next());
    match field.filter(|field| is_setting(field)) {
        Some(field) => format!(
            "{said}; `{field}` is a setting of its own, which must stand above the first line in brackets, \
             such as [[room]]: below it, it is a part of that table"
        ),
        None => said.to_owned(),
    }
}

/// Returns true if the settings have this key, whatever its value may be.
fn is_setting<T: DeserializeOwned>(key: &str) -> bool {
    let alone: Table = [(key.to_owned(), toml::Value::Boolean(true))].into_iter().collect();
    alone.try_into::<T>().err().is_none_or(|error| !error.message().starts_with(NO_FIELD))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    struct Settings {
        port: u16,
        two_words: Option<String>,
        list: Vec<u8>,
        table: Vec<Inner>,
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        _name: String,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Red,
        Green,
    }

    fn read_text(text: &[u8]) -> Result<(Settings, Vec<(String, Origin)>), String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_fault_is_told_with_the_line_of_its_key() {
        for (text, words) in [
            ("\n# a comment\nport = 70000\n", &[", line 3: port: "][..]),
            (
                "port = 1\ntwo-words = 7\n\nlist = [\n  1,\n  \"x\",\n]\n",
                &["line 2: two-words", "line 4: list"],
            ),
            ("\"two-words\" = \"x\"\nnone = 1", &["line 2: none", "two-words"]),
            ("port = 1\n[none]\nx = 1", &["line 2: none"]),
            ("kind = \"blue\"", &["kind: `blue` is not known here; it is `red` or `green`"]),
            (
                "[[table]]\n_name = \"x\"\ntwo-words = \"x\"",
                &["line 1: table", "unknown field `two-words`", "above the first line in brackets"],
            ),
            ("port = 1\nport = 2", &["line 2: this is not TOML"]),
            ("port = 1\n\nlist = ", &["line 3: this is not TOML"]),
        ] {
            let error = read_text(text.as_bytes()).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
        }
        let error = read_text(b"[[table]]\nthree = 1").unwrap_err();
        assert!(error.contains("`three`") && !error.contains("brackets"), "{error}");
        assert!(read_text(b"port = 1\n# \xff").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn what_is_set_has_its_line() {
        let (settings, origins) = read_text(b"# a\nport = 7\n\ntwo-words = \"x\"\n").unwrap();
        assert_eq!((settings.port, settings.two_words.as_deref(), settings.list.len()), (7, Some("x"), 0));
        let lines: Vec<_> = origins
            .iter()
            .map(|(key, origin)| match origin {
                Origin::File { line, .. } => (key.as_str(), *line),
                _ => panic!("{origin}"),
            })
            .collect();
        assert_eq!(lines, [("port", 2), ("two-words", 4)]);
    }
}
