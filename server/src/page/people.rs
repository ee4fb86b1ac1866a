//! People at the page: a colour, initials and a tag from their id, the list of those present, the line of
//! those who type.
//!
//! Two guests may have the same name; the colour and the tag come from the id, which nobody shares. Nothing
//! here knows who looks at it: the script leaves the viewer out of the typing line by their id.

use maud::{Markup, html};
use millchat::{Author, AuthorKind, Presence};
use unicode_segmentation::UnicodeSegmentation;

use super::i18n::{Localizer, Value};
use crate::sanitize;

/// Number of colours that the style sheet has (`hue-0` to `hue-15`).
const HUES: u8 = 16;
/// Avatars in the header's stack.
const STACK_MAX: usize = 3;
/// Names in the list: everybody in the room gets it again whenever somebody comes or goes.
const LISTED_MAX: usize = 20;

/// The style classes of an author's colour: a hue, and for half of the authors a strong tone of it.
pub fn hue(author: &Author) -> String {
    let hash = blake3::hash(author.id.as_bytes());
    let [hue, tone, ..] = hash.as_bytes();
    format!("hue-{}{}", hue % HUES, if tone % 2 == 0 { "" } else { " strong" })
}

/// The end of the id: short, and random for every guest.
pub fn tag(author: &Author) -> &str {
    sanitize::tag(&author.id)
}

/// A round mark with the initials, and the picture of a user over them.
pub fn avatar(author: &Author) -> Markup {
    html! {
        span class={ "avatar " (hue(author)) } aria-hidden="true" {
            (initials(&author.name))
            // It is empty where there is no picture, and the initials are in view.
            @if author.kind == AuthorKind::User { img src={ "/avatars/" (author.id) } alt="" loading="lazy"; }
        }
    }
}

/// Name, tag, and what sort of author it is: the mark of somebody who signed in, a program, or a guest.
pub fn name(localizer: Localizer, author: &Author) -> Markup {
    html! {
        bdi class={ "name " (hue(author)) } { (author.name) }
        " " span.tag { bdi dir="ltr" { "#" (tag(author)) } }
        // Behind the tag, where no part of a name can be.
        @if author.kind == AuthorKind::User { " " span.mark { span.unseen { (localizer.markup("user-mark")) } } }
        @if author.kind == AuthorKind::Bot { " " span.badge { (localizer.markup("bot")) } }
    }
}

/// The people in the room, in short: for the header.
pub fn here(localizer: Localizer, presence: &Presence) -> Markup {
    html! {
        span #here data-ignore {
            span.stack { @for author in presence.authors.iter().take(STACK_MAX) { (avatar(author)) } }
            span.count aria-hidden="true" { (presence.count) }
            span.word { (here_text(localizer, presence)) }
        }
    }
}

fn here_text(localizer: Localizer, presence: &Presence) -> Markup {
    localizer.markup_with("here", &[("count", Value::Number(presence.count))])
}

/// The people in the room, by name.
pub fn list(localizer: Localizer, presence: &Presence) -> Markup {
    html! {
        div #presence data-ignore {
            h2 { (here_text(localizer, presence)) }
            ul {
                @for author in presence.authors.iter().take(LISTED_MAX) {
                    li data-author-id=(author.id) { (avatar(author)) span.who { (name(localizer, author)) } }
                }
            }
            @if presence.authors.is_empty() {
                p { (localizer.markup("nobody-named")) }
            } @else if presence.authors.len() > LISTED_MAX {
                @let more = Value::Number(presence.count.saturating_sub(LISTED_MAX));
                p { (localizer.markup_with("and-more", &[("count", more)])) }
            }
        }
    }
}

/// The bots of the room. They are always there, so it stays as it is.
pub fn bots(localizer: Localizer, bots: &[Author]) -> Markup {
    html! {
        @if !bots.is_empty() {
            ul #bots data-ignore {
                @for bot in bots {
                    li data-author-id=(bot.id) { (avatar(bot)) span.who { (name(localizer, bot)) } }
                }
            }
        }
    }
}

/// The people who type, for the script to make a line of.
pub fn typing(authors: &[Author]) -> Markup {
    html! {
        div #typing hidden data-ignore {
            @for author in authors { span data-author-id=(author.id) { (author.name) } }
        }
    }
}

/// The first letters of the first and the last word; of a name without letters its first character.
fn initials(name: &str) -> String {
    let first_of = |word| UnicodeSegmentation::graphemes(word, true).next();
    let is_letter = |grapheme: &&str| grapheme.chars().next().is_some_and(char::is_alphanumeric);
    let mut words = name.split_whitespace().filter_map(first_of).filter(is_letter);
    let first = words.next().or_else(|| first_of(name)).unwrap_or("?");
    let last = words.next_back().unwrap_or_default();
    format!("{first}{last}").to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::super::i18n::Language;
    use super::*;

    fn author(id: &str, name: &str) -> Author {
        Author { id: id.into(), name: name.into(), kind: AuthorKind::Guest }
    }

    #[test]
    fn two_people_of_one_name_differ() {
        let (one, other) = (author("g_aaaa4kq7x2m9", "Ada"), author("g_aaaa4kq7x2m8", "Ada"));
        assert_eq!(tag(&one), "4kq7x2m9");
        let shown = |author| name(Localizer::InBrowser, author).into_string();
        assert_ne!(shown(&one), shown(&other));
    }

    #[test]
    fn the_mark_of_a_user_is_behind_the_tag_and_no_guest_has_it() {
        let shown = |author: &Author| name(Localizer::InBrowser, author).into_string();
        let guest = author("g_aaaa4kq7x2m9", "Ada \u{2713} signed in <span class=mark>");
        let user = Author { kind: AuthorKind::User, ..guest.clone() };
        assert!(!shown(&guest).contains("class=\"mark\""), "{}", shown(&guest));
        let html = shown(&user);
        assert!(html.find("class=\"mark\"").unwrap() > html.find("class=\"tag\"").unwrap(), "{html}");
    }

    #[test]
    fn a_short_or_wide_id_still_has_a_tag() {
        assert_eq!(tag(&author("x", "A")), "x");
        assert_eq!(tag(&author("ééééééééé", "A")), "éééééééé");
    }

    #[test]
    fn of_a_crowd_some_are_listed_and_the_rest_counted() {
        let authors: Vec<_> = (0..50).map(|n| author(&format!("g_{n:08}"), "Ada")).collect();
        let english = Localizer::For(Language::by_code("en").unwrap());
        let html = list(english, &Presence { count: 120, authors: authors.clone() }).into_string();
        assert_eq!(html.matches("<li ").count(), LISTED_MAX);
        assert!(html.contains("120 here") && html.contains("and 100 more"), "{html}");
        let few = Presence { count: 30, authors: authors[..LISTED_MAX].to_vec() };
        assert!(!list(english, &few).into_string().contains("more"));
    }

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, expected) in [
            ("Ada", "A"),
            ("ada king lovelace", "AL"),
            ("Bo 👩‍💻", "B"),
            ("👩‍💻 🙂", "👩‍💻"),
            ("<b>", "<"),
            ("", "?"),
        ] {
            assert_eq!(initials(name), expected);
        }
    }

    #[test]
    fn a_hostile_name_stays_text_wherever_it_is_shown() {
        let ada = author("g_\"><img>", "\"><img src=x onerror=alert(1)>' data-on:click='x");
        let here = Presence { count: 1, authors: vec![ada.clone()] };
        let localizer = Localizer::InBrowser;
        for markup in [
            self::here(localizer, &here),
            list(localizer, &here),
            typing(std::slice::from_ref(&ada)),
            name(localizer, &ada),
            avatar(&ada),
        ] {
            let markup = markup.into_string();
            assert!(!markup.contains("<img"), "{markup}");
            assert!(!markup.contains("\" data-on"), "{markup}");
        }
    }
}
