//! Colour, where a terminal shows it.

/// Whether there is colour.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// With colour or without.
    pub fn new(colour: bool) -> Self {
        Self(colour)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What is looked at first.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What may be looked over.
    pub fn dim(self, text: &str) -> String {
        self.with("90", text)
    }

    /// What is drawn.
    pub fn accent(self, text: &str) -> String {
        self.with("36", text)
    }

    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// What is to be taken with care.
    pub fn warn(self, text: &str) -> String {
        self.with("1;33", text)
    }
}
