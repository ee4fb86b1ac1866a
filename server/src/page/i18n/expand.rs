//! From a catalogue in Fluent to texts that the server and the script fill in the same way.
//!
//! Fluent decides once, at the start: each message becomes one text with places for its variables, or, if the
//! number `$count` changes it, one text for each plural category of the language. So a frame needs no more
//! than a message's id and arguments, and the browser no Fluent.

use std::collections::BTreeMap;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use intl_pluralrules::{PluralCategory, PluralRuleType, PluralRules};
use serde::Serialize;
use unic_langid::LanguageIdentifier;

/// The variable that decides the form, and the only one that is a number to Fluent.
pub const COUNT: &str = "count";
/// Numbers by which the categories of a language are found. No rule looks further than at the last two
/// digits, but for millions and for fractions.
const SAMPLES_MAX: u32 = 200;
const MILLION: u32 = 1_000_000;
const FRACTION: &str = "1.5";

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Text {
    /// The text is the same for every number.
    Plain(String),
    /// By the category of `$count`.
    Plural(BTreeMap<&'static str, String>),
}

impl Text {
    /// The text for a category. `other` is there in every language.
    pub fn of(&self, category: &str) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Plural(texts) => texts.get(category).or_else(|| texts.get("other")).map_or("", |text| text),
        }
    }
}

/// The messages of a catalogue, or what is wrong with it.
pub fn expand(language: &LanguageIdentifier, source: &str) -> Result<BTreeMap<String, Text>, String> {
    let wrong = |what: &dyn std::fmt::Debug| format!("the words of {language}: {what:?}");
    let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| wrong(&errors))?;
    let mut variables = BTreeMap::new();
    for entry in resource.entries() {
        let Entry::Message(message) = entry else { continue };
        let pattern = message.value.as_ref().ok_or_else(|| wrong(&message.id.name))?;
        let mut names = Vec::new();
        collect(pattern, &mut names);
        variables
            .insert(message.id.name.to_owned(), names.into_iter().map(str::to_owned).collect::<Vec<_>>());
    }
    let mut bundle = FluentBundle::new(vec![language.clone()]);
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| matches!(value, FluentValue::Number(_)).then(|| place(COUNT))));
    bundle.add_resource(resource).map_err(|errors| wrong(&errors))?;
    let samples = samples(&plurals(language)?);
    let mut texts = BTreeMap::new();
    for (id, names) in variables {
        let pattern = bundle.get_message(&id).and_then(|message| message.value());
        let pattern = pattern.ok_or_else(|| wrong(&id))?;
        let mut forms = BTreeMap::new();
        for (&category, sample) in &samples {
            let mut args: FluentArgs<'_> = names.iter().map(|name| (name.as_str(), place(name))).collect();
            if names.iter().any(|name| name == COUNT) {
                args.set(COUNT, sample.clone());
            }
            let mut errors = Vec::new();
            let text = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
            if !errors.is_empty() {
                return Err(wrong(&(id, errors)));
            }
            forms.insert(category, text);
        }
        let mut distinct: Vec<_> = forms.values().collect();
        distinct.dedup();
        let text = if let [same] = distinct[..] { Text::Plain(same.clone()) } else { Text::Plural(forms) };
        texts.insert(id, text);
    }
    Ok(texts)
}

/// The rule by which a number has its category.
pub fn plurals(language: &LanguageIdentifier) -> Result<PluralRules, String> {
    PluralRules::create(language.clone(), PluralRuleType::CARDINAL).map_err(|e| format!("{language}: {e}"))
}

/// A category's name, as Fluent and browsers write it.
pub fn name(category: &PluralCategory) -> &'static str {
    match category {
        PluralCategory::ZERO => "zero",
        PluralCategory::ONE => "one",
        PluralCategory::TWO => "two",
        PluralCategory::FEW => "few",
        PluralCategory::MANY => "many",
        PluralCategory::OTHER => "other",
    }
}

/// Returns the placeholder of a variable.
fn place(name: &str) -> String {
    format!("{{{name}}}")
}

/// A number of each category that the language has.
fn samples(plurals: &PluralRules) -> BTreeMap<&'static str, FluentValue<'static>> {
    let whole = (0..=SAMPLES_MAX).chain([MILLION]).map(|n| (plurals.select(n), FluentValue::from(n)));
    let fraction = (plurals.select(FRACTION), FluentValue::try_number(FRACTION));
    let mut samples = BTreeMap::new();
    for (category, sample) in whole.chain([fraction]) {
        samples.entry(category.as_ref().map_or("other", name)).or_insert(sample);
    }
    samples
}

/// The variables of a pattern, also those of its variants.
fn collect<'a>(pattern: &Pattern<&'a str>, names: &mut Vec<&'a str>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        let (Expression::Inline(inline) | Expression::Select { selector: inline, .. }) = expression;
        if let InlineExpression::VariableReference { id } = inline {
            names.push(id.name);
        }
        if let Expression::Select { variants, .. } = expression {
            for variant in variants {
                collect(&variant.value, names);
            }
        }
    }
}
