//! Settings that a file holds as the text that their flag takes.

/// Reads and writes these types as text, by their `FromStr` and `Display`; for `serde(try_from, into)`.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

pub(crate) use as_text;
