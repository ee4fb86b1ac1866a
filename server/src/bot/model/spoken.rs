//! The text of an answer without the thinking at its start.
//!
//! A server that does not know a model's way of thinking gives it out as text: `<think>…</think>`, at the
//! very start. Such a part is held back and dropped, however it is cut into pieces. Later in the text the
//! same words are text: people ask about them.

/// The mark at which thinking begins.
const OPEN: &str = "<think>";
/// The mark at which it ends.
const CLOSE: &str = "</think>";

/// Tells thinking from text.
#[derive(Debug, Default)]
pub struct Spoken {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing has been said. Holds the beginning of what may become [`OPEN`].
    Silent(String),
    /// Thinking. Holds the beginning of what may become [`CLOSE`].
    Thinking(String),
    /// Text has begun, and stays text.
    Speaking,
}

impl Default for State {
    fn default() -> Self {
        Self::Silent(String::new())
    }
}

/// A piece of an answer, told apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// True if the piece has thinking in it.
    pub is_thinking: bool,
    /// Its text. White space at the start of an answer is left out.
    pub text: String,
}

impl Spoken {
    /// Takes the next text of the model.
    pub fn push(&mut self, text: &str) -> Told {
        let mut told = Told::default();
        let mut rest = text.to_owned();
        while !rest.is_empty() {
            match &mut self.state {
                State::Speaking => {
                    told.text.push_str(&rest);
                    break;
                }
                State::Silent(held) => {
                    held.push_str(&rest);
                    let said = held.trim_start().to_owned();
                    if let Some(thought) = said.strip_prefix(OPEN) {
                        told.is_thinking = true;
                        rest = thought.to_owned();
                        self.state = State::Thinking(String::new());
                    } else if OPEN.starts_with(&*said) {
                        *held = said;
                        break;
                    } else {
                        rest = said;
                        self.state = State::Speaking;
                    }
                }
                State::Thinking(held) => {
                    told.is_thinking = true;
                    held.push_str(&rest);
                    let Some(end) = held.find(CLOSE) else {
                        let from = held.floor_char_boundary(held.len().saturating_sub(CLOSE.len() - 1));
                        held.drain(..from);
                        break;
                    };
                    rest = held.split_off(end + CLOSE.len());
                    self.state = State::default();
                }
            }
        }
        told
    }

    /// Returns the text that was held back when the answer ends.
    pub fn end(&mut self) -> String {
        match &mut self.state {
            State::Silent(held) => std::mem::take(held),
            State::Thinking(_) | State::Speaking => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is said of pieces of this many characters, and if any of it was thinking.
    fn told(text: &str, size: usize) -> (bool, String) {
        let mut spoken = Spoken::default();
        let (mut is_thinking, mut said) = (false, String::new());
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            let told = spoken.push(&piece.iter().collect::<String>());
            is_thinking |= told.is_thinking;
            said += &told.text;
        }
        (is_thinking, said + &spoken.end())
    }

    #[test]
    fn thinking_at_the_start_is_dropped_however_it_is_cut() {
        for (text, thinks, said) in [
            ("<think> Hmm let me see</think> Forty two.", true, "Forty two."),
            (" \n<think>\nβ🙂 </thin </think>\n\n42", true, "42"),
            ("<think></think><think>again</think>42", true, "42"),
            ("<think>never ends </think", true, ""),
            ("The word <think> is text</think>.", false, "The word <think> is text</think>."),
            ("<thinking>is text</thinking>", false, "<thinking>is text</thinking>"),
            ("<thi", false, "<thi"),
            (" <", false, "<"),
            ("", false, ""),
            ("  \n", false, ""),
        ] {
            for size in 1..=text.chars().count().max(1) {
                assert_eq!(told(text, size), (thinks, said.to_owned()), "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn endless_thinking_and_endless_space_are_not_kept() {
        let mut spoken = Spoken::default();
        for start in [" ", "<think>", "x", "🙂"] {
            for _ in 0..1_000 {
                assert_eq!(spoken.push(start).text, "");
                if start == " " {
                    continue;
                }
                let State::Thinking(held) = &spoken.state else { panic!("{:?}", spoken.state) };
                assert!(held.len() < 2 * CLOSE.len(), "{held}");
            }
            if let State::Silent(held) = &spoken.state {
                assert_eq!(held, "");
            }
        }
    }
}
