//! Datastar's events, written into a frame.

use std::io::Write;

use datastar::DatastarEvent;
use datastar::patch_elements::PatchElements;
use maud::Markup;

/// Puts elements in the places of those with their ids.
pub fn outer(markup: Markup, out: &mut Vec<u8>) {
    push(elements(markup), out);
}

/// A patch of these elements, on one line.
pub fn elements(markup: Markup) -> PatchElements {
    let html = markup.into_string();
    PatchElements::new(if html.contains(['\r', '\n']) { html.replace(['\r', '\n'], "&#10;") } else { html })
}

/// Appends an event.
pub fn push(event: impl Into<DatastarEvent>, out: &mut Vec<u8>) {
    let event: DatastarEvent = event.into();
    let start = out.len();
    write!(out, "{event}").expect("writing to memory does not fail");
    debug_assert!(!out[start..].contains(&b'\r'), "a frame must not hold a carriage return");
}
