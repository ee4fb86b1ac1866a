//! The answers that bots are writing, below the last message: who, how far, and the text so far.
//!
//! The text is plain: half of a formatting would flicker. It is the same for everybody; the script shows the button
//! that stops an answer to those who may.

use maud::{Markup, html};
use millchat::{AnswerState, UnfinishedAnswer};

use super::i18n::Localizer;
use super::people;

/// The unfinished answers.
pub fn list(localizer: Localizer, answers: &[UnfinishedAnswer]) -> Markup {
    html! {
        ol #answering data-ignore { @for answer in answers { (row(localizer, answer)) } }
    }
}

fn row(localizer: Localizer, answer: &UnfinishedAnswer) -> Markup {
    let UnfinishedAnswer { author, reply_to, asker_id, state, content, from } = answer;
    let id = format!("a-{reply_to}-{}", people::tag(author));
    let is_failed = matches!(state, AnswerState::Failed(_));
    html! {
        li .failed[is_failed] #(id) data-author-id=(author.id) data-asker-id=[asker_id.as_deref()]
            data-target=(reply_to) {
            (people::avatar(author))
            div.body {
                p.who {
                    (people::name(localizer, author)) " "
                    span.state { (localizer.markup(said(state))) } " "
                    @if !is_failed {
                        button.quiet.stop #{ (id) "-stop" } type="button" hidden {
                            (localizer.markup("answering-stop"))
                        }
                    }
                }
                @if !content.is_empty() {
                    p.text { @if *from > 0 { "… " } (content) }
                }
            }
        }
    }
}

/// The message for how far an answer is.
fn said(state: &AnswerState) -> &'static str {
    let AnswerState::Failed(reason) = state else {
        return match state {
            AnswerState::Waiting => "answering-waiting",
            AnswerState::Thinking => "answering-thinking",
            _ => "answering-writing",
        };
    };
    match &**reason {
        "absent" => "answering-absent",
        "busy" => "answering-busy",
        "limit" => "answering-limit",
        "model" => "answering-model",
        "late" => "answering-late",
        "empty" => "answering-empty",
        "spent" => "answering-spent",
        _ => "answering-broke",
    }
}
