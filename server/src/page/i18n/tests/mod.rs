//! The catalogues against each other, the choice of a language, and what numbers do to messages.

mod outside;
mod used;

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use hyper::header::{ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderValue};

use super::catalogue::{FALLBACK, FILES, ISOLATE, ISOLATE_END, Language, Value, Values, identifier, texts};
use super::expand::{self, Text};
use super::message::Localizer;
use super::negotiate::ACCEPTED_BYTES_MAX;
use super::set_language_cookie;
use crate::http;

fn language(code: &str) -> &'static Language {
    Language::by_code(code).unwrap()
}

/// The names of the values in any form of a message.
fn places(text: &Text) -> BTreeSet<&str> {
    let forms: Vec<&str> = match text {
        Text::Plain(text) => vec![text],
        Text::Plural(texts) => texts.values().map(String::as_str).collect(),
    };
    let of_form =
        |form| str::split(form, '{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    forms.into_iter().flat_map(of_form).collect()
}

#[test]
fn every_catalogue_has_the_messages_of_the_english_one_and_their_values() {
    let read = |code: &str, source| expand::expand(&identifier(code), source).unwrap();
    let shape = |texts: &BTreeMap<String, Text>| -> Vec<(String, BTreeSet<String>)> {
        let owned = |text| places(text).into_iter().map(str::to_owned).collect();
        texts.iter().map(|(id, text)| (id.clone(), owned(text))).collect()
    };
    let english = FILES.iter().find(|(code, _)| *code == FALLBACK).unwrap().1;
    let expected = shape(&read(FALLBACK, english));
    for (code, source) in FILES {
        let texts = read(code, source);
        assert_eq!(shape(&texts), expected, "{code}");
        // Isolates are put around what is put in; a catalogue has none, and neither a brace nor an empty
        // text.
        for (id, text) in &texts {
            let text = format!("{text:?}");
            assert!(!text.contains([ISOLATE, ISOLATE_END]) && !text.contains("\"\""), "{code}: {id}");
        }
        assert!(["ltr", "rtl"].contains(&&*language(code).direction()), "{code}");
    }
}

#[test]
fn there_are_the_seven_languages_by_their_own_names() {
    let names: Vec<_> = Language::all().iter().map(|language| (language.code(), language.name())).collect();
    for (code, name) in [
        ("ar", "العربية"),
        ("de", "Deutsch"),
        ("en", "English"),
        ("es", "Español"),
        ("fr", "Français"),
        ("ja", "日本語"),
        ("uk", "Українська"),
    ] {
        assert!(names.contains(&(code, name.to_owned())), "{code} in {names:?}");
    }
}

#[test]
fn a_number_has_the_form_that_its_language_wants() {
    let said = |code, count| language(code).text_with("new-messages", &[("count", Value::Number(count))]);
    for (code, expected) in [
        ("en", [(1, "1 new"), (2, "2 new"), (1_234, "1,234 new")].as_slice()),
        ("de", &[(1, "1 neue"), (2, "2 neue"), (1_234, "1.234 neue")]),
        ("fr", &[(0, "0 nouveau"), (1, "1 nouveau"), (2, "2 nouveaux"), (1_234, "1\u{202f}234 nouveaux")]),
        ("es", &[(1, "1 nuevo"), (2, "2 nuevos")]),
        ("uk", &[(1, "1 нове"), (2, "2 нові"), (5, "5 нових"), (11, "11 нових"), (21, "21 нове")]),
        (
            "ar",
            &[
                (0, "لا رسائل جديدة"),
                (1, "رسالة جديدة"),
                (2, "رسالتان جديدتان"),
                (3, "3 رسائل جديدة"),
                (11, "11 رسالة جديدة"),
                (100, "100 رسالة جديدة"),
            ],
        ),
        ("ja", &[(1, "新着1件"), (2, "新着2件")]),
    ] {
        for &(count, text) in expected {
            assert_eq!(said(code, count), text, "{code}");
        }
    }
}

#[test]
fn a_message_that_a_catalogue_lacks_is_english_by_the_other_rules_of_plurals() {
    let whole = "a = A\nb = { $count ->\n    [one] one\n   *[other] many\n }\n";
    let language = Language::new("uk", texts("uk", "a = Ґ\n", whole));
    assert_eq!(language.text("a"), "Ґ");
    for (count, text) in [(1, "one"), (2, "many"), (5, "many")] {
        assert_eq!(language.text_with("b", &[("count", Value::Number(count))]), text);
    }
}

#[test]
fn what_fluent_cannot_read_is_no_catalogue() {
    for broken in
        ["a = { $x", "a = { b }", "a = { -b }", "a = { FUN($x) }", "a =\n    .b = c", "a = b\na = c"]
    {
        assert!(expand::expand(&identifier("en"), broken).is_err(), "{broken:?}");
    }
}

#[test]
fn text_of_others_is_isolated_and_escaped() {
    let values: Values<'_> = &[("name", Value::Text("<b>\"Ada".into()))];
    let html = language("en").markup_with("room-emptied-by", values).into_string();
    assert_eq!(html, "The room was emptied by <bdi>&lt;b&gt;&quot;Ada</bdi>.");
    let text = language("en").text_with("room-emptied-by", values);
    assert_eq!(text, "The room was emptied by \u{2068}<b>\"Ada\u{2069}.");
    let named = Localizer::InBrowser.markup_with("room-emptied-by", values).into_string();
    let args = "{&quot;name&quot;:&quot;&lt;b&gt;\\&quot;Ada&quot;}";
    assert_eq!(named, format!("<span data-l10n=\"room-emptied-by\" data-l10n-args=\"{args}\"></span>"));
}

fn chosen(accepted: &str, cookie: &str) -> &'static str {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_bytes(accepted.as_bytes()).unwrap());
    headers.insert(COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
    Language::of(&headers).code()
}

#[test]
fn the_language_is_the_one_that_was_chosen_else_the_browsers_else_english() {
    for (accepted, cookie, expected) in [
        ("", "", "en"),
        ("de", "", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "", "de"),
        ("pt-BR,pt;q=0.9,es;q=0.8", "", "es"),
        ("es-419,es;q=0.9", "", "es"),
        ("ar-EG", "", "ar"),
        ("tlh,xx;q=0.5", "", "en"),
        ("*", "", "en"),
        ("not a language at all;;;,,,", "", "en"),
        ("de", "lang=ja", "ja"),
        ("de", "other=ja; lang=uk", "uk"),
        ("de", "lang=xx", "de"),
        ("de", "lang=../../etc", "de"),
        ("espa\u{f1}ol, de;q=0.9", "city=Z\u{fc}rich", "de"),
        ("\u{fc},,ja;q=0.9, \u{1f600}", "\u{fc}; lang=uk", "uk"),
    ] {
        assert_eq!(chosen(accepted, cookie), expected, "{accepted:?} {cookie:?}");
    }
    let long = "x,".repeat(ACCEPTED_BYTES_MAX);
    assert_eq!(chosen(&format!("ja,{long}"), ""), "ja", "the begin of a header without end is read");
    assert_eq!(chosen(&format!("{long}ja"), ""), "en", "and no more");
    let mut lines = HeaderMap::new();
    lines.append(ACCEPT_LANGUAGE, HeaderValue::from_static("tlh"));
    lines.append(ACCEPT_LANGUAGE, HeaderValue::from_static("uk, de"));
    assert_eq!(Language::of(&lines).code(), "uk", "several lines are one list");
}

#[test]
fn the_choice_is_kept_for_a_year_and_out_of_reach_of_other_sites() {
    let plain = "lang=de; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000";
    assert_eq!(set_language_cookie(language("de"), false), plain);
    assert!(set_language_cookie(language("de"), true).to_str().unwrap().contains("; Secure"));
}

#[test]
fn the_browser_gets_each_message_that_it_fills_in_with_its_forms() {
    let headers = HeaderMap::new();
    for language in Language::all() {
        let address = crate::page::embedded::script(language).to_string();
        let response =
            crate::page::assets::respond(address.strip_prefix("/assets/").unwrap(), &headers, language);
        assert_eq!(response.status(), StatusCode::OK);
        let http::Body::Full(Some(bytes)) = response.body() else { panic!("a script") };
        let script = std::str::from_utf8(bytes).unwrap();
        let catalogue = script.strip_prefix("const catalogue = ").unwrap().split_once(";\n").unwrap().0;
        let catalogue: serde_json::Value = serde_json::from_str(catalogue).unwrap();
        let english: serde_json::Value =
            serde_json::from_str(&Language::english().catalogue(script)).unwrap();
        let ids = |catalogue: &serde_json::Value| {
            catalogue.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(ids(&catalogue), ids(&english), "the same in each language");
        assert!(ids(&catalogue).len() < language.texts.len() / 2, "the others stay here");
    }
    let script = serde_json::to_value(&language("ar").texts["new-messages"]).unwrap();
    assert_eq!(script["few"], "{count} رسائل جديدة");
    assert_eq!(script.as_object().unwrap().len(), 6, "{script}");
}
