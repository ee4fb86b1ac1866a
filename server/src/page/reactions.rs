//! Reactions below a text: a chip for each kind, with how many there are and whose.
//!
//! A frame has the count after its event, and a mark of the author has an id of its own. So it does no harm
//! that a frame comes twice, or after HTML that was newer: what it adds it adds only where that is not, and
//! nothing is counted in the page.

use datastar::consts::ElementPatchMode;
use datastar::patch_elements::PatchElements;
use maud::{Markup, html};
use millchat::{Author, Position, Reaction, Reactions};

use super::patch::{elements, outer, push};

/// Hexadecimal digits of an author in the id of their mark: 64 bits.
const MARK_DIGITS: usize = 16;

/// The chips of a message. The place for them is there before there is one.
pub fn chips(target: Position, reactions: &[Reactions]) -> Markup {
    html! {
        p.reactions #{ "r-" (target) } {
            @for Reactions { reaction, count, authors } in reactions {
                (chip(target, *reaction, *count as u64, authors))
            }
        }
    }
}

/// The reactions to choose from.
pub fn picker() -> Markup {
    html! {
        span.picker hidden {
            @for reaction in Reaction::ALL {
                button.quiet type="button" data-reaction=(reaction) { (reaction) }
            }
        }
    }
}

fn chip(target: Position, reaction: Reaction, count: u64, authors: &[Author]) -> Markup {
    let id = id(target, reaction);
    html! {
        button.chip #(id) type="button" data-reaction=(reaction) {
            (reaction) " " (counted(&id, count))
            span.whose.unseen { @for author in authors { (mark(&id, author)) } }
        }
    }
}

fn counted(chip: &str, count: u64) -> Markup {
    html! { span #{ (chip) "-n" } { (count) } }
}

/// The mark of an author who reacted: read out with the chip, and used by the script for its own reader.
fn mark(chip: &str, author: &Author) -> Markup {
    html! { span #(mark_id(chip, author)) data-author-id=(author.id) { " " (author.name) } }
}

fn id(target: Position, reaction: Reaction) -> String {
    format!("r-{target}-{}", reaction.number())
}

fn mark_id(chip: &str, author: &Author) -> String {
    let hash = blake3::hash(author.id.as_bytes()).to_hex();
    format!("{chip}-{}", &hash[..MARK_DIGITS])
}

/// Appends the patches of a reaction: its kind has `count` authors after it.
pub fn patch(
    (target, reaction): (Position, Reaction),
    on: bool,
    count: u64,
    author: &Author,
    out: &mut Vec<u8>,
) {
    let id = id(target, reaction);
    if count == 0 {
        return push(PatchElements::new_remove(format!("#{id}")), out);
    }
    let first = on && count == 1;
    let marks = if first { std::slice::from_ref(author) } else { &[] };
    append(&format!("#r-{target}"), &id, chip(target, reaction, count, marks), out);
    if first {
        return;
    }
    outer(counted(&id, count), out);
    let mark_id = mark_id(&id, author);
    if on {
        append(&format!("#{id} > .whose"), &mark_id, mark(&id, author), out);
    } else {
        push(PatchElements::new_remove(format!("#{mark_id}")), out);
    }
}

/// Appends the patch that removes the reactions of a deleted message.
pub fn remove(target: Position, out: &mut Vec<u8>) {
    push(PatchElements::new_remove(format!("#r-{target}")), out);
}

/// Appends an element with this id to a place that does not hold it.
fn append(place: &str, id: &str, element: Markup, out: &mut Vec<u8>) {
    let selector = format!("{place}:not(:has(#{id}))");
    push(elements(element).selector(selector).mode(ElementPatchMode::Append), out);
}

#[cfg(test)]
mod tests {
    use millchat::AuthorKind;

    use super::super::frame::tests::{elements_of, read};
    use super::*;

    fn author(id: &str) -> Author {
        Author { id: id.into(), name: "\"><img src=x>\rdata: signals {}".into(), kind: AuthorKind::Guest }
    }

    fn framed(on: bool, count: u64) -> Vec<(Vec<String>, String)> {
        let mut out = Vec::new();
        patch((7, Reaction::Heart), on, count, &author("g_1\"] { }"), &mut out);
        assert!(!out.contains(&b'\r'));
        let rest =
            |data: &[String]| data.iter().filter(|line| !line.starts_with("elements ")).cloned().collect();
        read(&out).iter().map(|patch| (rest(&patch.data), elements_of(patch))).collect()
    }

    #[test]
    fn a_frame_adds_only_what_is_not_there_and_tells_the_count() {
        let [(first, chip)] = &framed(true, 1)[..] else { panic!("the first is one patch") };
        assert_eq!(first, &["selector #r-7:not(:has(#r-7-2))", "mode append"]);
        assert!(chip.contains("id=\"r-7-2\"") && chip.contains("id=\"r-7-2-n\">1<"), "{chip}");
        assert_eq!(chip.matches("data-author-id").count(), 1, "{chip}");

        let [(added, empty), (set, count), (marked, mark)] = &framed(true, 3)[..] else {
            panic!("three patches")
        };
        assert_eq!(added, first);
        assert!(!empty.contains("data-author-id"), "{empty}");
        assert_eq!((set.len(), count.as_str()), (0, "<span id=\"r-7-2-n\">3</span>"));
        let id = mark.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(
            id.len() == "r-7-2-".len() + MARK_DIGITS
                && id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        );
        assert_eq!(marked, &[format!("selector #r-7-2 > .whose:not(:has(#{id}))"), "mode append".to_owned()]);

        let [_, _, (taken, nothing)] = &framed(false, 1)[..] else { panic!("three patches") };
        assert_eq!(
            (taken, nothing.as_str()),
            (&vec![format!("selector #{id}"), "mode remove".to_owned()], "")
        );
        assert_eq!(
            framed(false, 0),
            [(vec!["selector #r-7-2".to_owned(), "mode remove".to_owned()], String::new())]
        );
    }

    #[test]
    fn a_hostile_name_or_id_stays_text() {
        let all =
            [Reactions { reaction: Reaction::Joy, count: 60, authors: vec![author("<i>"), author("\" x=")] }];
        let frames = [framed(true, 1), framed(true, 2)].concat();
        for html in frames.iter().map(|(_, html)| html.clone()).chain([chips(7, &all).into_string()]) {
            assert!(!html.contains("<img") && !html.contains("<i>") && !html.contains("\" x="), "{html}");
        }
        assert!(chips(7, &all).into_string().contains(">60</span>"));
    }
}
