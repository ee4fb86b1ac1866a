//! Messages before their language is known: of an error, and of a template that serves a reader or everybody.

use std::borrow::Cow;

use maud::{Markup, html};

use super::catalogue::{Language, Value, Values};

/// A message with its values, to be shown in any language.
#[derive(Debug, Clone)]
pub struct LocalizedMessage {
    id: &'static str,
    values: Vec<(&'static str, Value<'static>)>,
}

impl LocalizedMessage {
    /// Creates a message without values.
    pub fn of(id: &'static str) -> Self {
        Self { id, values: Vec::new() }
    }

    /// Adds a number.
    pub fn with_number(mut self, name: &'static str, number: usize) -> Self {
        self.values.push((name, Value::Number(number)));
        self
    }

    /// Adds a text.
    pub fn with_text(mut self, name: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        self.values.push((name, Value::Text(text.into())));
        self
    }

    /// Returns the message in this language.
    pub fn markup(&self, language: &Language) -> Markup {
        language.markup_with(self.id, &self.values)
    }
}

/// The source of the messages of a template.
#[derive(Clone, Copy)]
pub enum Localizer {
    /// The language of one reader.
    For(&'static Language),
    /// The browser of each reader: the template is for everybody, so it only names the message, and the
    /// script fills it in.
    InBrowser,
}

impl Localizer {
    /// Returns a message.
    pub fn markup(self, id: &str) -> Markup {
        self.markup_with(id, &[])
    }

    /// Returns a message with these values.
    pub fn markup_with(self, id: &str, values: Values<'_>) -> Markup {
        match self {
            Self::For(language) => language.markup_with(id, values),
            Self::InBrowser => named(id, values),
        }
    }
}

/// Names a message, which the script fills in.
fn named(id: &str, values: Values<'_>) -> Markup {
    let json = |value: &Value<'_>| match value {
        Value::Number(number) => (*number).into(),
        Value::Text(text) => (**text).into(),
        Value::Markup(_) => unreachable!("a message for everybody has no markup of one reader"),
    };
    let args: serde_json::Map<_, _> =
        values.iter().map(|(name, value)| ((*name).to_owned(), json(value))).collect();
    let args = (!args.is_empty()).then(|| serde_json::Value::from(args));
    html! { span data-l10n=(id) data-l10n-args=[args] {} }
}
