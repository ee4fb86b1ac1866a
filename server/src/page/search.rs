//! The page of a search in a room. It is read and needs no script: a form, and what was found as rows that
//! lead to the messages in the room.

use std::ops::Range;

use hyper::StatusCode;
use maud::{Markup, html};
use millchat::{Chat, Message, Position, Query, ReadError, RoomName, SearchPage};

use super::error::{self, Localize};
use super::i18n::{Language, Localizer};
use super::layout::{self, Script};
use super::{people, rows};
use crate::current::current;
use crate::http::{self, Response};
use crate::room_address::RoomAddress;
use crate::route_table::Call;

/// Messages of a page.
const RESULTS: usize = 20;
/// Number of times that a search goes on when it found nothing so far: so people seldom press for nothing.
const STEPS_MAX: usize = 4;
/// Characters of a message that a row shows.
const EXCERPT_CHARS: usize = 400;
/// Those of them before the first word that was found.
const EXCERPT_CHARS_BEFORE: usize = 100;
/// Longest text that a field takes, in characters: the limit is in bytes, and a character has up to four.
const FIELD_CHARS_MAX: usize = millchat::QUERY_BYTES_MAX;

/// The parts of the page.
pub struct View<'a> {
    /// The language of its reader.
    pub language: &'static Language,
    /// The address of the room.
    pub at: RoomAddress<'a>,
    /// The title of the room, if the operator gave it one.
    pub title: Option<&'a str>,
    /// The words as they were typed.
    pub typed: &'a str,
    /// The result; `None` when there is nothing to look for yet.
    pub shown: Option<Result<(&'a Query, &'a SearchPage), &'a dyn Localize>>,
}

/// `GET /{room}/search`: what a search finds, and the form to search again.
pub async fn search(Call { w, req, language, .. }: Call<'_>, room: RoomName) -> Response {
    if let Err(limited) = w.app.limits.read(&req) {
        return error::of(language, limited);
    }
    let typed = http::query(&req, "q").unwrap_or_default();
    let before = http::query(&req, "before").and_then(|before| before.parse::<Position>().ok());
    let title = w.app.authority.rules().of(&room).title.clone();
    let page = |shown| {
        let at = RoomAddress::page(&room);
        document(&View { language, at, title: title.as_deref(), typed: &typed, shown })
    };
    if typed.is_empty() {
        return layout::answer(StatusCode::OK, page(None));
    }
    let query = match Query::parse(&typed) {
        Ok(query) => query,
        Err(refused) => return layout::answer(StatusCode::BAD_REQUEST, page(Some(Err(&refused)))),
    };
    let _turn = w.app.turns.read(&req).await;
    let chat = w.chat_for(&req);
    let found = current(&chat, async || {
        let found = find(&chat, &room, &query, before).await?;
        let texts_of = found.messages.iter().map(|message| message.position).collect();
        let (room, title) = (room.clone(), title.clone());
        let (typed, query) = (typed.clone(), query.clone());
        let render = move || {
            let (at, title) = (RoomAddress::page(&room), title.as_deref());
            document(&View { language, at, title, typed: &typed, shown: Some(Ok((&query, &found))) })
        };
        Ok((w.app.turns.render(render).await, texts_of))
    });
    match found.await {
        Ok(page) => layout::answer(StatusCode::OK, page),
        Err(unread) => error::of(language, unread),
    }
}

/// Searches until something is found, for a few steps.
async fn find(
    chat: &Chat,
    room: &RoomName,
    query: &Query,
    before: Option<Position>,
) -> Result<SearchPage, ReadError> {
    let mut page = chat.search(room, query.clone(), before, RESULTS).await?;
    for _ in 1..STEPS_MAX {
        if !page.messages.is_empty() || page.older.is_none() {
            break;
        }
        page = chat.search(room, query.clone(), page.older, RESULTS).await?;
    }
    Ok(page)
}

/// The page.
pub fn document(view: &View<'_>) -> String {
    let title = format!("{} · {}", view.language.text("search"), view.title.unwrap_or(view.at.room()));
    layout::document(view.language, &title, Script::None, &body(view))
}

fn body(View { language, at, title, typed, shown, .. }: &View<'_>) -> Markup {
    html! {
        body.plain {
            header.bar {
                (layout::brand(language))
                h1 title=(at.room()) { a href=(at) { bdi { (title.unwrap_or(at.room())) } } }
            }
            main.search {
                (form(language, *at, typed))
                @match shown {
                    None => p.hint { (language.markup("search-hint")) },
                    Some(Err(refused)) => p.problem role="alert" { (refused.localize().markup(language)) },
                    Some(Ok((query, page))) => (results(language, *at, typed, query, page)),
                }
                p.onward { a.quiet href=(at) { (language.markup("search-back")) } }
            }
        }
    }
}

/// The form by which one searches a room. What is found is a page, which opens beside a panel.
pub fn form(language: &Language, at: RoomAddress<'_>, typed: &str) -> Markup {
    let target = at.is_panel().then_some("_blank");
    html! {
        form.search role="search" action={ "/" (at.room()) "/search" } target=[target] {
            input type="search" name="q" value=(typed) maxlength=(FIELD_CHARS_MAX) required
                enterkeyhint="search" autocomplete="off" aria-label=(language.text("search-room"))
                placeholder=(language.text("search-room"));
            button.button { (language.markup("search")) }
        }
    }
}

fn results(
    language: &'static Language,
    at: RoomAddress<'_>,
    typed: &str,
    query: &Query,
    page: &SearchPage,
) -> Markup {
    let older = page.older.map(|before| {
        let q: String = form_urlencoded::byte_serialize(typed.as_bytes()).collect();
        format!("{at}/search?q={q}&before={before}")
    });
    html! {
        @if page.messages.is_empty() {
            p.hint role="status" {
                (language.markup(if older.is_some() { "search-none-yet" } else { "search-none" }))
            }
        } @else {
            ol.results aria-label=(language.text("search-results")) {
                @for message in &page.messages { (result(language, at, query, message)) }
            }
        }
        @if let Some(older) = older {
            p.onward { a.button href=(older) rel="next" { (language.markup("search-older")) } }
        }
    }
}

/// A message that was found: who, when, and the part of its text around the words.
fn result(language: &'static Language, at: RoomAddress<'_>, query: &Query, message: &Message) -> Markup {
    let localizer = Localizer::For(language);
    html! {
        li.msg.system[message.author.is_none()] {
            @if let Some(author) = &message.author { (people::avatar(author)) }
            div.body {
                p.who {
                    @if let Some(author) = &message.author { (people::name(localizer, author)) " " }
                    a.at href={ (at) "#m-" (message.position) } dir="ltr" { (rows::date(message.created_at)) }
                    @if message.edited_at.is_some() { " " span.edited { (localizer.markup("edited")) } }
                }
                p.text { (excerpt(message.content.as_deref().unwrap_or_default(), query)) }
            }
        }
    }
}

/// The part of a text around the first word of a query, with its words marked.
fn excerpt(text: &str, query: &Query) -> Markup {
    let mut marks = query.marks(text);
    let Range { start, end } = part(text, marks.first().map_or(0, |mark| mark.start));
    marks.retain(|mark| mark.end <= end);
    let between = |nth: usize| {
        let from = nth.checked_sub(1).and_then(|before| marks.get(before)).map_or(start, |mark| mark.end);
        &text[from..marks.get(nth).map_or(end, |mark| mark.start)]
    };
    html! {
        @if start > 0 { "…" }
        @for (nth, mark) in marks.iter().enumerate() { (between(nth)) mark { (text[mark.clone()]) } }
        (between(marks.len()))
        @if end < text.len() { "…" }
    }
}

/// The part of a text to show, of which the first word that was found is at `first`.
fn part(text: &str, first: usize) -> Range<usize> {
    let before = text[..first].char_indices().rev().nth(EXCERPT_CHARS_BEFORE - 1).map(|(at, _)| at);
    let is_short = text.chars().nth(EXCERPT_CHARS).is_none();
    let start = before.filter(|_| !is_short).unwrap_or(0);
    let end = text[start..].char_indices().nth(EXCERPT_CHARS).map_or(text.len(), |(at, _)| start + at);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_with_a_title_is_shown_by_it() {
        let room = RoomName::new("team-7").unwrap();
        let at = RoomAddress::page(&room);
        for (title, shown) in [(Some("The <team>"), "The &lt;team&gt;"), (None, "team-7")] {
            let language = Language::by_code("en").unwrap();
            let page = document(&View { language, at, title, typed: "", shown: None });
            assert!(page.contains(&format!(" · {shown} · Millchat</title>")), "{page}");
            assert!(page.contains(&format!("<bdi>{shown}</bdi>")), "{page}");
        }
    }

    fn shown(text: &str, query: &str) -> String {
        excerpt(text, &Query::parse(query).unwrap()).into_string()
    }

    #[test]
    fn the_words_are_marked_and_nothing_else_is_markup() {
        assert_eq!(
            shown("Die <b>Straße</b> & co", "strasse"),
            "Die &lt;b&gt;<mark>Straße</mark>&lt;/b&gt; &amp; co"
        );
        assert_eq!(shown("東京都と京都", "京都"), "東<mark>京都</mark>と<mark>京都</mark>");
        assert_eq!(shown("a b a", "a"), "<mark>a</mark> b <mark>a</mark>");
    }

    #[test]
    fn of_a_long_text_the_part_around_the_first_word_is_shown() {
        let text = format!("{} needle {}", "é ".repeat(1_000), "ü ".repeat(1_000));
        let shown = shown(&text, "needle");
        assert!(shown.starts_with("…") && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("<mark>needle</mark>"), "{shown}");
        assert_eq!(shown.chars().count(), EXCERPT_CHARS + "……<mark></mark>".chars().count());
        assert_eq!(part("short", 3), 0..5);
    }
}
