//! The questions that come before an act on a message: whether to delete it, why to flag it, for how long to ban
//! its author. The script opens them.

use maud::{Markup, html};

use super::i18n::Language;
use crate::access::flags::REASON_CHARS_MAX;

/// The times of a ban that can be chosen, in hours, and their messages. The last one is for good.
const BAN_TIMES: [(&str, &str); 4] =
    [("1", "ban-hour"), ("24", "ban-day"), ("168", "ban-week"), ("", "ban-ever")];

/// All of them.
pub fn dialogs(language: &Language) -> Markup {
    html! {
        dialog #deleting data-ignore aria-labelledby="deleting-what" {
            form method="dialog" {
                h2 #deleting-what { (language.markup("delete-question")) }
                p.text {}
                p.choices {
                    button.quiet value="keep" { (language.markup("keep")) }
                    button.button.alarm value="delete" { (language.markup("delete")) }
                }
            }
        }
        dialog #flagging data-ignore aria-labelledby="flagging-what" {
            form {
                h2 #flagging-what { (language.markup("flag-question")) }
                p.text {}
                label for="reason" { (language.markup("flag-reason")) }
                input #reason maxlength=(REASON_CHARS_MAX) autocomplete="off";
                (foot(language, "flag"))
            }
        }
        dialog #banning data-ignore aria-labelledby="banning-what" {
            form {
                h2 #banning-what {}
                label for="ban-time" { (language.markup("ban-time")) }
                select #ban-time {
                    @for (hours, message) in BAN_TIMES { option value=(hours) { (language.markup(message)) } }
                }
                label.tick { input type="checkbox"; (language.markup("ban-all")) }
                p { a.link { (language.markup("moderation")) } }
                (foot(language, "ban"))
            }
        }
    }
}

/// The line that says how it went, and the buttons.
fn foot(language: &Language, deed: &'static str) -> Markup {
    html! {
        p.outcome role="status" {}
        p.choices {
            button.quiet.shut type="button" { (language.markup("close-dialog")) }
            button.button.alarm type="submit" { (language.markup(deed)) }
        }
    }
}
