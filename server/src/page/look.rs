//! The look of a panel: what the page around it says in the address of the frame. A wrong value is as good as
//! none, and so is a title where there is no page around: a link must put no words of a stranger's into the chat.

use std::fmt;

use hyper::header::HeaderMap;

use super::form::is_datastar;
use crate::http;

/// Says what a browser wants an answer for. No script can set it.
const DESTINATION: &str = "sec-fetch-dest";

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 80;
/// Least contrast of a text and the colour behind it (WCAG 2.2, level AA).
const CONTRAST_MIN: f64 = 4.5;
/// The part of black or white that a colour has more of under a pointer.
const STRONGER: f64 = 0.15;
const BLACK: Colour = Colour([0; 3]);
const WHITE: Colour = Colour([0xff; 3]);

/// The look of a panel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Light or dark.
    pub theme: Theme,
    /// The colour of what is filled.
    pub accent: Option<Colour>,
    /// The title, instead of the room's own.
    pub title: Option<String>,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the reader's system says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Returns the schemes of colours that the page knows, as browsers read them before any style.
    pub fn schemes(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Look {
    /// Reads it from the address of a frame.
    pub fn of<B>(req: &hyper::Request<B>) -> Self {
        let theme = match http::query(req, "theme").as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        let accent = http::query(req, "accent").and_then(|accent| Colour::of(accent.strip_prefix('#')?));
        let title = http::query(req, "title").filter(|title| is_title(title) && is_framed(req.headers()));
        Self { theme, accent, title }
    }
}

/// Returns true if the browser says that it shows the answer in a frame, or if the script of a frame asks: that of a
/// page that is in none leaves the look out.
fn is_framed(headers: &HeaderMap) -> bool {
    headers.get(DESTINATION).is_some_and(|destination| destination == "iframe") || is_datastar(headers)
}

fn is_title(text: &str) -> bool {
    let is_short = text.chars().take(TITLE_CHARS_MAX + 1).count() <= TITLE_CHARS_MAX;
    is_short && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// A colour: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Reads six hexadecimal digits.
    pub fn of(digits: &str) -> Option<Self> {
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// Returns the address of the styles of a panel of this colour.
    pub fn stylesheet(self) -> String {
        format!("/assets/accent-{}.css", self.digits())
    }

    /// Returns the styles. They stand behind those of the page.
    pub fn styles(self) -> String {
        let text = self.text();
        let strong = self.towards(if text == WHITE { BLACK } else { WHITE });
        format!(
            ":root[data-panel] {{\n  --fill: {self};\n  --fill-strong: {strong};\n  --on-fill: {text};\n}}\n"
        )
    }

    fn digits(self) -> String {
        let Self([red, green, blue]) = self;
        format!("{red:02x}{green:02x}{blue:02x}")
    }

    /// Returns the colour of a text on this one that can be read: white, or else black.
    fn text(self) -> Self {
        if self.contrast(WHITE) >= CONTRAST_MIN { WHITE } else { BLACK }
    }

    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// The relative luminance of WCAG.
    fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let Self([red, green, blue]) = self;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// Returns a colour some way from this one to another.
    fn towards(self, other: Self) -> Self {
        let mut mixed = self;
        for (value, end) in mixed.0.iter_mut().zip(other.0) {
            let between = f64::from(*value) + (f64::from(end) - f64::from(*value)) * STRONGER;
            // Between two bytes.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let between = between.round() as u8;
            *value = between;
        }
        mixed
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.digits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_by(query: &str, (name, value): (&str, &str)) -> Look {
        let request = hyper::Request::builder().uri(format!("/embed/lobby?{query}")).header(name, value);
        Look::of(&request.body(()).unwrap())
    }

    fn look(query: &str) -> Look {
        look_by(query, (DESTINATION, "iframe"))
    }

    #[test]
    fn a_title_of_an_address_is_shown_in_a_frame_alone() {
        for (header, is_shown) in [
            ((DESTINATION, "iframe"), true),
            (("datastar-request", "true"), true),
            ((DESTINATION, "document"), false),
            ((DESTINATION, "empty"), false),
            (("accept", "*/*"), false),
        ] {
            let look = look_by("title=Your+bank&theme=dark", header);
            assert_eq!((look.title.is_some(), look.theme), (is_shown, Theme::Dark), "{header:?}");
        }
    }

    #[test]
    fn a_wrong_value_is_as_good_as_none() {
        let all = look("theme=dark&accent=%230F766e&title=Ask+us%3C%2Ftitle%3E");
        assert_eq!((all.theme, all.accent), (Theme::Dark, Some(Colour([0x0f, 0x76, 0x6e]))));
        assert_eq!(all.title.as_deref(), Some("Ask us</title>"));
        let long = "x".repeat(TITLE_CHARS_MAX + 1);
        for wrong in [
            "",
            "theme=DARK&accent=red&title=",
            "theme=%22%3E&accent=%23fff&title=%20",
            "accent=0f766e",
            "accent=%230f766",
            "accent=%23%2Bf766e",
            "accent=%230f766e%3B%7D*%7B",
            "accent=%23%C3%A9%C3%A9%C3%A9&title=a%0Ab",
            &format!("title={long}"),
        ] {
            assert_eq!(look(wrong), Look::default(), "{wrong}");
        }
        assert!(look(&format!("title={}", &long[1..])).title.is_some());
    }

    #[test]
    fn a_text_on_any_colour_can_be_read_also_under_a_pointer() {
        for red in (0..=255).step_by(5) {
            for green in (0..=255).step_by(5) {
                for blue in (0..=255).step_by(5) {
                    let colour = Colour([red, green, blue]);
                    let text = colour.text();
                    let strong = colour.towards(if text == WHITE { BLACK } else { WHITE });
                    assert!(colour.contrast(text) >= CONTRAST_MIN, "{colour} {text}");
                    assert!(strong.contrast(text) >= CONTRAST_MIN, "{colour} {strong} {text}");
                }
            }
        }
        assert_eq!((WHITE.text(), BLACK.text()), (BLACK, WHITE));
    }

    #[test]
    fn the_styles_of_a_colour_name_three_colours() {
        let styles = Colour::of("0f766e").unwrap().styles();
        assert_eq!(
            styles,
            ":root[data-panel] {\n  --fill: #0f766e;\n  --fill-strong: #0d645e;\n  --on-fill: #ffffff;\n}\n"
        );
    }
}
