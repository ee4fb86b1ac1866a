//! Quotes: what a row that answers another one shows of it, in a line.
//!
//! Nothing of a quote is stored, and no frame holds one: a frame is the same for everybody and for ever, and
//! what is quoted may be edited or deleted. In HTML that is made for a page a quote is filled in from the
//! target; in a frame it is empty, and the script fills it.

use std::collections::{BTreeSet, HashMap, HashSet};

use hyper::StatusCode;
use maud::{Markup, html};
use millchat::{Author, Chat, HistoryPage, Message, Position, ReadError, RoomName};

use super::i18n::Localizer;
use super::people::hue;
use super::{layout, markdown};
use crate::current::current;
use crate::http::Response;
use crate::turns::Turns;

/// Characters of the target's text.
const QUOTE_CHARS_MAX: usize = 140;

/// The message that a row answers.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The position of the message.
    pub target: Position,
    /// Its state as far as it is known.
    pub quoted: Quoted<'a>,
}

/// The state of a message that is answered, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum Quoted<'a> {
    /// The message was not read: the script does that.
    Unread,
    /// The message is no longer kept.
    Gone,
    /// The message is there.
    There {
        /// The author; a system message has none.
        author: Option<&'a Author>,
        /// Its text; `None` once deleted.
        content: Option<&'a str>,
    },
}

/// Messages that rows of a page answer and that are not in it.
#[derive(Debug, Default)]
pub struct QuotedMessages(HashMap<Position, Message>);

impl QuotedMessages {
    /// Reads them, as many as a page of history may hold.
    pub async fn read(chat: &Chat, room: &RoomName, page: &HistoryPage) -> Result<Self, ReadError> {
        let shown = page.messages.iter().filter(|message| message.content.is_some());
        let targets: BTreeSet<Position> = shown
            .filter_map(|message| message.reply_to)
            .filter(|target| *target >= page.floor && of_page(page, *target).is_none())
            .collect();
        if targets.is_empty() {
            return Ok(Self::default());
        }
        let messages = chat.messages(room, targets.into_iter().collect()).await?;
        Ok(Self(messages.into_iter().map(|message| (message.position, message)).collect()))
    }

    /// Returns the messages of which a page with these quotes has texts.
    pub fn texts_of(&self, page: &HistoryPage) -> HashSet<Position> {
        page.messages.iter().map(|message| message.position).chain(self.0.keys().copied()).collect()
    }

    /// Returns the message that a message of the page answers.
    pub fn answered<'a>(&'a self, page: &'a HistoryPage, message: &Message) -> Option<Answered<'a>> {
        let target = message.reply_to?;
        let quoted = match of_page(page, target).or_else(|| self.0.get(&target)) {
            Some(Message { author, content, .. }) => {
                Quoted::There { author: author.as_ref(), content: content.as_deref() }
            }
            None if target < page.floor => Quoted::Gone,
            None => Quoted::Unread,
        };
        Some(Answered { target, quoted })
    }
}

fn of_page(page: &HistoryPage, position: Position) -> Option<&Message> {
    let at = page.messages.binary_search_by_key(&position, |message| message.position).ok()?;
    page.messages.get(at)
}

/// The quote, which leads to what it quotes.
pub fn quote(localizer: Localizer, answered: Answered<'_>) -> Markup {
    let Answered { target, quoted } = answered;
    let unread = matches!(quoted, Quoted::Unread);
    html! {
        a.quote dir="auto" href={ "#m-" (target) } data-target=(target) data-empty[unread] {
            @match quoted {
                Quoted::Unread => {}
                Quoted::Gone => span.gone { (localizer.markup("quote-gone")) },
                Quoted::There { content: None, .. } => span.gone { (localizer.markup("deleted")) },
                Quoted::There { author, content: Some(content) } => {
                    @if let Some(author) = author { bdi.by.(hue(author)) { (author.name) } " " }
                    @let text = markdown::formatted(content);
                    span.said { (markdown::line(&text.markup, QUOTE_CHARS_MAX)) }
                }
            }
        }
    }
}

/// `GET /{room}?quote=POSITION`: the quote of a message, for a page that does not hold it.
pub async fn answer(
    turns: &Turns,
    chat: &Chat,
    localizer: Localizer,
    room: &RoomName,
    target: Position,
) -> Result<Response, ReadError> {
    let quote = current(chat, async || {
        let message = chat.message(room, target).await?;
        let texts_of = message.iter().map(|message| message.position).collect();
        // The text may be a long one, of which the quote is a line.
        let write = move || {
            let quoted = match &message {
                Some(Message { author, content, .. }) => {
                    Quoted::There { author: author.as_ref(), content: content.as_deref() }
                }
                None => Quoted::Gone,
            };
            quote(localizer, Answered { target, quoted }).into_string()
        };
        Ok((turns.render(write).await, texts_of))
    });
    Ok(layout::answer(StatusCode::OK, quote.await?))
}

/// A quote for the script to aim and to fill.
pub fn empty() -> Markup {
    html! { a.quote dir="auto" data-empty {} }
}

#[cfg(test)]
mod tests {
    use millchat::{AuthorKind, Timestamp};

    use super::super::i18n::Language;
    use super::*;

    fn message(position: Position, reply_to: Option<Position>, content: Option<&str>) -> Message {
        Message {
            position,
            prev: position - 1,
            room: RoomName::new("lobby").unwrap(),
            author: Some(Author { id: "g_4kq7".into(), name: "<b>\"Ada".into(), kind: AuthorKind::Guest }),
            content: content.map(Into::into),
            reply_to,
            created_at: Timestamp(0),
            edited_at: None,
            deleted_by: None,
            reactions: Vec::new(),
        }
    }

    fn english() -> Localizer {
        Localizer::For(Language::by_code("en").unwrap())
    }

    fn shown(page: &HistoryPage, elsewhere: &QuotedMessages) -> Vec<String> {
        let answered = page.messages.iter().filter_map(|it| elsewhere.answered(page, it));
        answered.map(|answered| quote(english(), answered).into_string()).collect()
    }

    #[test]
    fn a_quote_shows_its_target_as_it_is_wherever_it_is() {
        let messages = vec![
            message(10, None, Some("a <i>\n\n b")),
            message(11, None, None),
            message(12, Some(10), Some("x")),
            message(13, Some(11), Some("x")),
            message(14, Some(7), Some("x")),
            message(15, Some(8), Some("x")),
            message(16, Some(2), Some("x")),
        ];
        let page = HistoryPage { messages, floor: 5, head: 16, older: None, newer: None };
        let far = QuotedMessages(HashMap::from([(7, message(7, None, Some("far back")))]));
        let [here, deleted, far, unread, gone] = &shown(&page, &far)[..] else { panic!("five") };
        assert!(here.contains("href=\"#m-10\"") && here.contains(">a &lt;i&gt; b</span>"), "{here}");
        assert!(here.contains("&lt;b&gt;&quot;Ada</bdi>") && !here.contains("data-empty"), "{here}");
        assert!(deleted.contains("was deleted") && !deleted.contains("Ada"), "{deleted}");
        assert!(far.contains("far back"), "{far}");
        assert_eq!(unread, "<a class=\"quote\" dir=\"auto\" href=\"#m-8\" data-target=\"8\" data-empty></a>");
        assert!(gone.contains("no longer kept"), "{gone}");
    }

    #[test]
    fn a_quote_shows_formatting_and_leads_to_its_target_only() {
        let text = format!("**b** `<c>` https://a.example\n> q {}", "é".repeat(QUOTE_CHARS_MAX));
        let page = HistoryPage {
            messages: vec![message(1, None, Some(&text)), message(2, Some(1), Some("x"))],
            floor: 1,
            head: 2,
            older: None,
            newer: None,
        };
        let [quote] = &shown(&page, &QuotedMessages::default())[..] else { panic!("one") };
        let said = "<strong>b</strong> <code>&lt;c&gt;</code> https://a.example q éé";
        assert!(quote.contains(said) && quote.contains("é…</span></a>"), "{quote}");
        assert_eq!(quote.matches("<a ").count(), 1, "{quote}");
    }
}
