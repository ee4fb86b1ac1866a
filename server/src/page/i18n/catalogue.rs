//! A language: the messages of its catalogue, and how values are put into them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::DecimalFormatterOptions;
use icu_locale_core::Locale;
use intl_pluralrules::PluralRules;
use maud::{Markup, PreEscaped, html};
use unic_langid::LanguageIdentifier;

use super::expand::{self, COUNT, Text};

// FILES: code and catalogue of each language, by the code.
include!(concat!(env!("OUT_DIR"), "/locales.rs"));

/// The language whose catalogue is complete: messages that another one lacks are taken from it.
pub const FALLBACK: &str = "en";
/// Begins an isolate: the direction of the text in it does not change the text around it.
pub const ISOLATE: char = '\u{2068}';
pub const ISOLATE_END: char = '\u{2069}';

/// The ids of the messages of the panel begin so. Its loader has those that it names.
const OF_LOADER: &str = "panel-";

/// The messages of what is in frames of the stream, which the browser fills in. A test reads the sources.
pub const IN_FRAMES: [&str; 39] = [
    "and-more",
    "answering-absent",
    "answering-broke",
    "answering-busy",
    "answering-empty",
    "answering-late",
    "answering-limit",
    "answering-model",
    "answering-spent",
    "answering-stop",
    "answering-thinking",
    "answering-waiting",
    "answering-writing",
    "begins",
    "between",
    "bot",
    "deleted",
    "deleted-by",
    "deleted-many",
    "denied-ended",
    "denied-signed-out",
    "edited",
    "gap",
    "gap-damage",
    "here",
    "nobody-named",
    "older",
    "older-gone",
    "quote-gone",
    "reset",
    "room-closed",
    "room-closed-by",
    "room-emptied",
    "room-emptied-by",
    "room-opened",
    "room-opened-by",
    "show-less",
    "show-more",
    "user-mark",
];

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let whole = FILES.iter().find(|(code, _)| *code == FALLBACK).map_or("", |(_, source)| source);
    FILES.iter().map(|(code, source)| Language::new(code, texts(code, source, whole))).collect()
});

/// Returns the messages of a catalogue, and of the complete one those that it lacks.
pub fn texts(code: &str, source: &str, whole: &str) -> BTreeMap<String, Text> {
    let read =
        |code: &str, source| expand::expand(&identifier(code), source).expect("a test reads every catalogue");
    let mut texts = read(FALLBACK, whole);
    texts.extend(read(code, source));
    texts
}

/// One language.
pub struct Language {
    code: &'static str,
    pub(super) texts: BTreeMap<String, Text>,
    plurals: PluralRules,
}

/// A part of a message that is not in its catalogue.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// A number; as `count` it decides the form.
    Number(usize),
    /// A text, which may have another direction than the language.
    Text(Cow<'a, str>),
    /// Markup of ours.
    Markup(Markup),
}

/// The parts of a message, by name.
pub type Values<'a> = &'a [(&'a str, Value<'a>)];

impl Language {
    pub(super) fn new(code: &'static str, texts: BTreeMap<String, Text>) -> Self {
        let plurals = expand::plurals(&identifier(code)).expect("a test reads every catalogue");
        Self { code, texts, plurals }
    }

    /// Returns all languages, by their codes.
    pub fn all() -> &'static [Self] {
        &LANGUAGES
    }

    /// Returns the language of this code.
    pub fn by_code(code: &str) -> Option<&'static Self> {
        Self::all().iter().find(|language| language.code == code)
    }

    /// Returns the language whose catalogue is complete.
    pub fn english() -> &'static Self {
        Self::by_code(FALLBACK).expect("there is an English catalogue")
    }

    /// Returns the code, as in `lang` of HTML.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the language's name for itself.
    pub fn name(&self) -> String {
        self.text("language-name")
    }

    /// Returns the direction, as in `dir` of HTML.
    pub fn direction(&self) -> String {
        self.text("language-direction")
    }

    /// Returns the messages that the browser fills in as JSON: those that this script names, and those of frames.
    pub fn catalogue(&self, script: &str) -> String {
        let is_used = |id: &str| IN_FRAMES.contains(&id) || names(script, id);
        let used: BTreeMap<_, _> = self.texts.iter().filter(|(id, _)| is_used(id)).collect();
        serde_json::to_string(&used).expect("texts are strings by name")
    }

    /// Returns the messages of the panel's loader: those that it names, of those that are meant for it.
    pub fn loader_texts(&self, loader: &str) -> BTreeMap<&str, &Text> {
        let is_used = |id: &str| id.starts_with(OF_LOADER) && names(loader, id);
        self.texts.iter().filter(|(id, _)| is_used(id)).map(|(id, text)| (id.as_str(), text)).collect()
    }

    /// Returns a message as text, for attributes and titles.
    pub fn text(&self, id: &str) -> String {
        self.text_with(id, &[])
    }

    /// Returns a message with these values as text.
    pub fn text_with(&self, id: &str, values: Values<'_>) -> String {
        let mut text = String::new();
        self.fill(id, values, |piece| match piece {
            Piece::Text(own) => text.push_str(own),
            Piece::Value(Value::Number(number)) => text.push_str(&self.format_number(*number)),
            Piece::Value(Value::Text(of_other)) => {
                text.push(ISOLATE);
                text.push_str(of_other);
                text.push(ISOLATE_END);
            }
            Piece::Value(Value::Markup(markup)) => text.push_str(&markup.0),
        });
        text
    }

    /// Returns a message as markup.
    pub fn markup(&self, id: &str) -> Markup {
        self.markup_with(id, &[])
    }

    /// Returns a message with these values as markup.
    pub fn markup_with(&self, id: &str, values: Values<'_>) -> Markup {
        let mut all = String::new();
        self.fill(id, values, |piece| {
            let markup = match piece {
                Piece::Text(own) => html! { (own) },
                Piece::Value(Value::Number(number)) => html! { (self.format_number(*number)) },
                Piece::Value(Value::Text(of_other)) => html! { bdi { (**of_other) } },
                Piece::Value(Value::Markup(markup)) => markup.clone(),
            };
            all.push_str(&markup.0);
        });
        PreEscaped(all)
    }

    /// Formats a number by the rules of this language, with the digits that the script uses too.
    pub fn format_number(&self, number: usize) -> String {
        let locale: Option<Locale> = format!("{}-u-nu-latn", self.code).parse().ok();
        let formatter = locale.and_then(|locale| {
            DecimalFormatter::try_new(locale.into(), DecimalFormatterOptions::default()).ok()
        });
        formatter.map_or_else(|| number.to_string(), |f| f.format(&Decimal::from(number)).to_string())
    }

    /// Visits the pieces of a message in turn, its own text and its values. A message that is in no catalogue
    /// is its id.
    fn fill<'a>(&self, id: &'a str, values: Values<'a>, mut take: impl FnMut(Piece<'_>)) {
        let value = |name: &str| values.iter().find(|(of, _)| *of == name).map(|(_, value)| value);
        let category = match value(COUNT) {
            Some(Value::Number(count)) => self.plurals.select(*count).as_ref().map_or("other", expand::name),
            _ => "other",
        };
        debug_assert!(self.texts.contains_key(id), "{id} is in no catalogue");
        let text = self.texts.get(id).map_or(id, |text| text.of(category));
        let mut pieces = text.split('{');
        take(Piece::Text(pieces.next().unwrap_or_default()));
        for piece in pieces {
            let (name, own) = piece.split_once('}').unwrap_or((piece, ""));
            debug_assert!(value(name).is_some(), "{id} needs {name}");
            if let Some(value) = value(name) {
                take(Piece::Value(value));
            }
            take(Piece::Text(own));
        }
    }
}

/// Returns true if a script has this id as a text. The build chooses the quotes.
fn names(script: &str, id: &str) -> bool {
    ['\'', '"', '`'].iter().any(|quote| script.contains(&format!("{quote}{id}{quote}")))
}

enum Piece<'a> {
    Text(&'a str),
    Value(&'a Value<'a>),
}

/// Parses the code of a language that there is.
pub fn identifier(code: &str) -> LanguageIdentifier {
    code.parse().expect("the build names catalogues by the codes of their languages")
}
