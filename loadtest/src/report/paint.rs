//! Colour for terminals that support it.

/// Colours text, or leaves it plain.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// Creates a paint with colour or without.
    pub fn new(colour: bool) -> Self {
        Self(colour)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Text to look at first.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Text of little importance.
    pub fn dim(self, text: &str) -> String {
        self.with("90", text)
    }

    /// Drawings.
    pub fn accent(self, text: &str) -> String {
        self.with("36", text)
    }

    /// Good results.
    pub fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    /// Bad results.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Warnings.
    pub fn warn(self, text: &str) -> String {
        self.with("1;33", text)
    }
}
