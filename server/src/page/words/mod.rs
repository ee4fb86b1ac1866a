//! The words of the page, in every language that has a catalogue in `server/web/locales`.
//!
//! Nothing else in the page holds a word. What one reader gets is written in their [`Language`]; what goes to everybody
//! in the room, a frame of the stream, names its messages, and the reader's browser fills them in ([`Words`]). A new
//! language is a new `.ftl` file and nothing else: the build finds it, and its name and direction stand in it.

mod expand;
mod kept;
#[cfg(test)]
mod tests;

pub use kept::set as keep;

use super::asset::Asset;
use expand::{COUNT, Text};
use fluent_langneg::{NegotiationStrategy, negotiate_languages, parse_accepted_languages};
use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::DecimalFormatterOptions;
use icu_locale_core::Locale;
use intl_pluralrules::PluralRules;
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

// FILES: code and catalogue of each language, by the code.
include!(concat!(env!("OUT_DIR"), "/locales.rs"));

/// Whose catalogue is whole: what another one lacks is taken from it.
const FALLBACK: &str = "en";
/// Around a text in a text: what it is made of turns nothing outside of it.
const ISOLATE: char = '\u{2068}';
const ISOLATE_END: char = '\u{2069}';
/// Of `Accept-Language`, what is looked at.
const ACCEPTED_BYTES_MAX: usize = 1_024;

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let whole = FILES.iter().find(|(code, _)| *code == FALLBACK).map_or("", |(_, source)| source);
    FILES.iter().map(|(code, source)| Language::new(code, texts(code, source, whole))).collect()
});

/// The messages of a catalogue, and from the whole one what it lacks.
fn texts(code: &str, source: &str, whole: &str) -> BTreeMap<String, Text> {
    let read =
        |code: &str, source| expand::expand(&identifier(code), source).expect("a test reads every catalogue");
    let mut texts = read(FALLBACK, whole);
    texts.extend(read(code, source));
    texts
}

/// One language.
pub struct Language {
    code: &'static str,
    texts: BTreeMap<String, Text>,
    plurals: PluralRules,
    /// The page's script with its texts in front, for the browser.
    script: Asset,
}

/// A part of a message that is not in its catalogue.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// A number; as `count` it decides the form.
    Number(usize),
    /// A text, which may have another direction than the language.
    Text(&'a str),
    /// Markup of ours.
    Markup(Markup),
}

/// The parts of a message, by name.
pub type Values<'a> = &'a [(&'a str, Value<'a>)];

/// A message with its values, to be said in whoever's language.
#[derive(Debug, Clone)]
pub struct Said {
    id: &'static str,
    values: Vec<(&'static str, Value<'static>)>,
}

impl Said {
    /// A message as it stands.
    pub fn of(id: &'static str) -> Self {
        Self { id, values: Vec::new() }
    }

    /// With a number in it.
    pub fn with_number(mut self, name: &'static str, number: usize) -> Self {
        self.values.push((name, Value::Number(number)));
        self
    }

    /// With a text in it.
    pub fn with_text(mut self, name: &'static str, text: &'static str) -> Self {
        self.values.push((name, Value::Text(text)));
        self
    }

    /// In this language.
    pub fn say(&self, language: &Language) -> Markup {
        language.say_with(self.id, &self.values)
    }
}

/// Whose words a template takes.
#[derive(Clone, Copy)]
pub enum Words {
    /// Those of one reader's language.
    In(&'static Language),
    /// None: it is for everybody, so only the message is named, and each reader's script fills it in.
    Script,
}

impl Words {
    /// A message.
    pub fn say(self, id: &str) -> Markup {
        self.say_with(id, &[])
    }

    /// A message with these values.
    pub fn say_with(self, id: &str, values: Values<'_>) -> Markup {
        match self {
            Self::In(language) => language.say_with(id, values),
            Self::Script => named(id, values),
        }
    }
}

/// A message by its name, which the script fills in.
fn named(id: &str, values: Values<'_>) -> Markup {
    let json = |value: &Value<'_>| match value {
        Value::Number(number) => (*number).into(),
        Value::Text(text) => (*text).into(),
        Value::Markup(_) => unreachable!("what is for everybody has no markup of one reader in its messages"),
    };
    let args: serde_json::Map<_, _> =
        values.iter().map(|(name, value)| ((*name).to_owned(), json(value))).collect();
    let args = (!args.is_empty()).then(|| serde_json::Value::from(args));
    html! { span data-l10n=(id) data-l10n-args=[args] {} }
}

impl Language {
    fn new(code: &'static str, texts: BTreeMap<String, Text>) -> Self {
        let catalogue = serde_json::to_string(&texts).expect("texts are strings by name");
        let script = Asset::script(code, &catalogue);
        let plurals = expand::plurals(&identifier(code)).expect("a test reads every catalogue");
        Self { code, texts, plurals, script }
    }

    /// All there are, by their codes.
    pub fn all() -> &'static [Self] {
        &LANGUAGES
    }

    /// The language that a reader chose, else the first of their browser's that there is, else English.
    pub fn of(headers: &HeaderMap) -> &'static Self {
        kept::chosen(headers).unwrap_or_else(|| {
            let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            Self::accepted(accepted.filter(|value| value.len() <= ACCEPTED_BYTES_MAX).unwrap_or_default())
        })
    }

    fn accepted(accepted: &str) -> &'static Self {
        let requested = parse_accepted_languages(accepted);
        let available: Vec<_> = Self::all().iter().map(|language| identifier(language.code)).collect();
        let fallback = identifier(FALLBACK);
        let found = negotiate_languages(&requested, &available, Some(&fallback), NegotiationStrategy::Lookup);
        let found = found.first().and_then(|found| Self::by_code(found.language.as_str()));
        found.or_else(|| Self::by_code(FALLBACK)).expect("there is an English catalogue")
    }

    /// The language of this code.
    pub fn by_code(code: &str) -> Option<&'static Self> {
        Self::all().iter().find(|language| language.code == code)
    }

    /// As in `lang` of HTML.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What it calls itself.
    pub fn name(&self) -> String {
        self.text("language-name")
    }

    /// As in `dir` of HTML.
    pub fn direction(&self) -> String {
        self.text("language-direction")
    }

    /// The page's script in this language.
    pub fn script(&self) -> &Asset {
        &self.script
    }

    /// A message as text, for attributes and titles.
    pub fn text(&self, id: &str) -> String {
        self.text_with(id, &[])
    }

    /// A message with these values as text.
    pub fn text_with(&self, id: &str, values: Values<'_>) -> String {
        let mut text = String::new();
        self.fill(id, values, |piece| match piece {
            Piece::Text(own) => text.push_str(own),
            Piece::Value(Value::Number(number)) => text.push_str(&self.figure(*number)),
            Piece::Value(Value::Text(of_other)) => {
                text.push(ISOLATE);
                text.push_str(of_other);
                text.push(ISOLATE_END);
            }
            Piece::Value(Value::Markup(markup)) => text.push_str(&markup.0),
        });
        text
    }

    /// A message.
    pub fn say(&self, id: &str) -> Markup {
        self.say_with(id, &[])
    }

    /// A message with these values.
    pub fn say_with(&self, id: &str, values: Values<'_>) -> Markup {
        let mut all = String::new();
        self.fill(id, values, |piece| {
            let markup = match piece {
                Piece::Text(own) => html! { (own) },
                Piece::Value(Value::Number(number)) => html! { (self.figure(*number)) },
                Piece::Value(Value::Text(of_other)) => html! { bdi { (of_other) } },
                Piece::Value(Value::Markup(markup)) => markup.clone(),
            };
            all.push_str(&markup.0);
        });
        PreEscaped(all)
    }

    /// A number as it is written in this language, with the digits that the script uses too.
    pub fn figure(&self, number: usize) -> String {
        let locale: Option<Locale> = format!("{}-u-nu-latn", self.code).parse().ok();
        let formatter = locale.and_then(|locale| {
            DecimalFormatter::try_new(locale.into(), DecimalFormatterOptions::default()).ok()
        });
        formatter.map_or_else(|| number.to_string(), |f| f.format(&Decimal::from(number)).to_string())
    }

    /// Goes through a message, its own text and its values in turn. One that is in no catalogue is its id.
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

enum Piece<'a> {
    Text(&'a str),
    Value(&'a Value<'a>),
}

fn identifier(code: &str) -> LanguageIdentifier {
    code.parse().expect("the build names catalogues by the codes of their languages")
}
