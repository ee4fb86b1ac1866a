//! Settings that a file holds as the text that their flag takes.

/// Reads these types from text, by their `FromStr`; for `serde(try_from)`.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    )*};
}

pub(crate) use as_text;
