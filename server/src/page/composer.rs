//! The foot of the room: where one says who one is, and writes.
//!
//! A visitor without a name sees only the form for it. The script holds what was typed until the server has
//! it (`outbox`); here are the forms and the template of a message on its way.

use std::sync::Arc;

use maud::{Markup, html};
use millchat::{Author, AuthorKind, CONTENT_BYTES_MAX};
use rand::RngExt;
use rand::distr::Alphanumeric;

use super::i18n::{Language, LocalizedMessage, Localizer, Value};
use super::{people, quote, reactions};
use crate::identity::{Person, Via};
use crate::paths::SIGNED_IN_PATH;
use crate::room_address::RoomAddress;
use crate::sanitize::NAME_GRAPHEMES_MAX;

/// Letters and digits of the key that a form without script is sent under.
const FORM_KEY_CHARS: usize = 22;

/// The reader, as the foot of the room knows them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reader<'a> {
    /// The reader, if they gave a name or signed in.
    pub me: Option<&'a Author>,
    /// The ids that they wrote under as guests, before they signed in. Their own page alone has them.
    pub was: &'a [Arc<str>],
    /// People can sign in.
    pub has_logins: bool,
    /// The reader signed in here, and can sign out.
    pub is_signed_in: bool,
}

/// Returns the reader of a room, as its foot shows them.
pub fn reader(me: Option<&Arc<Person>>, has_logins: bool) -> Reader<'_> {
    Reader {
        me: me.map(|me| &me.author),
        was: me.map(|me| me.was.as_slice()).unwrap_or_default(),
        has_logins,
        is_signed_in: me.is_some_and(|me| matches!(me.via, Via::Login(_))),
    }
}

/// A name that was not taken.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// The text as it was typed.
    pub typed: &'a str,
    /// Why it is no name.
    pub why: &'a LocalizedMessage,
}

/// The whole foot, as this reader sees it.
pub fn composer(
    language: &'static Language,
    at: RoomAddress<'_>,
    reader: Reader<'_>,
    refused: Option<Refused<'_>>,
) -> Markup {
    let Reader { me, was, has_logins, is_signed_in } = reader;
    let is_user = me.is_some_and(|me| me.kind == AuthorKind::User);
    let id = me.map_or("", |me| &me.id);
    let name = me.map_or("", |me| &me.name);
    html! {
        section #composer aria-label=(language.text("write")) data-author-id=(id) data-author-name=(name)
            data-author-was=[(!was.is_empty()).then(|| was.join(" "))]
            data-on:refresh={ "@get('" (at) "/name')" } {
            // A guest of a panel gives the name with the first message.
            @let is_introduced_later = at.is_panel() && me.is_none() && refused.is_none();
            @if is_introduced_later {
                (introduction(language))
                (writer(language, at))
            }
            @if let Some(me) = me {
                (writer(language, at))
                p.me {
                    @let name = html! { span data-ignore { (people::name(Localizer::For(language), me)) } };
                    (language.markup_with("writing-as", &[("name", Value::Markup(name))])) " "
                    @if is_user {
                        @if !at.is_panel() {
                            a.link href=(sign_in_address(at.room())) { (language.markup("account")) }
                        } @else if is_signed_in {
                            button #sign-out .link type="button" { (language.markup("sign-out")) }
                        }
                    } @else {
                        button #rename .link type="button" aria-controls="namer"
                            data-on:click="$_naming = !$_naming" data-attr:aria-expanded="`${$_naming}`" {
                            (language.markup("rename"))
                        }
                    }
                    @if has_logins && !is_user {
                        " " (sign_in(language, at))
                    }
                }
            }
            // A user has the name that the provider says.
            @if (!is_user || refused.is_some()) && !is_introduced_later {
                (namer(language, at, me, refused))
            }
            @if has_logins && me.is_none() {
                p.me { (sign_in(language, at)) }
            }
        }
    }
}

/// The foot of a room of which nothing is shown yet.
pub fn blank(language: &Language, at: RoomAddress<'_>, has_logins: bool) -> Markup {
    html! {
        section #composer aria-label=(language.text("write")) data-author-id="" data-author-name=""
            data-on:refresh={ "@get('" (at) "/name')" } {
            @if has_logins { p.me { (sign_in(language, at)) } }
        }
    }
}

/// The way to sign in. No frame shows its pages: from a panel it leads to a window, which the script opens.
fn sign_in(language: &Language, at: RoomAddress<'_>) -> Markup {
    html! {
        @if at.is_panel() {
            a #sign-in .link href={ "/auth?to=" (SIGNED_IN_PATH) } target="_blank" { (language.markup("sign-in")) }
        } @else {
            a.link href=(sign_in_address(at.room())) { (language.markup("sign-in")) }
        }
    }
}

/// The page of signing in, or of who one is, with the way back to the room.
pub fn sign_in_address(room: &str) -> String {
    format!("/auth?to=/{room}")
}

fn writer(language: &Language, at: RoomAddress<'_>) -> Markup {
    let key: String = rand::rng().sample_iter(Alphanumeric).take(FORM_KEY_CHARS).map(char::from).collect();
    html! {
        p #editing hidden {
            span { (language.markup("editing")) } " "
            button.link.delete type="button" { (language.markup("editing-delete")) } " "
            button.link.cancel type="button" { (language.markup("cancel")) }
        }
        p #replying hidden data-ignore {
            span { (language.markup("replying")) } " "
            (quote::empty()) " "
            button.link.cancel type="button" { (language.markup("cancel")) }
        }
        form #writer method="post" action={ (at) "/messages" }
            data-content-bytes-max=(CONTENT_BYTES_MAX) {
            // Without script the browser sends this form; sent twice, it is one message.
            input type="hidden" name="key" value=(key);
            label.unseen for="draft" { (language.markup("message")) }
            textarea #draft name="content" rows="1" autocomplete="off"
                placeholder=(language.text("message-hint"))
                enterkeyhint="send" aria-describedby="keys"
                aria-autocomplete="list" aria-controls="mentionable" {}
            span #keys .unseen { (language.markup("keys")) }
            button.send type="submit" title=(language.text("send-by-key"))
                aria-label=(language.text("send")) {
                svg viewBox="0 0 24 24" aria-hidden="true" { path d="M4 12h14M12 6l6 6-6 6" {} }
            }
        }
    }
}

/// The field for the name, which goes with the first message.
fn introduction(language: &Language) -> Markup {
    html! {
        div.introduction {
            label for="name" { (language.markup("your-name")) }
            input #name name="name" form="writer" required maxlength=(NAME_GRAPHEMES_MAX * 4)
                autocomplete="nickname" spellcheck="false" placeholder=(language.text("name-hint"));
        }
    }
}

fn namer(
    language: &Language,
    at: RoomAddress<'_>,
    me: Option<&Author>,
    refused: Option<Refused<'_>>,
) -> Markup {
    let path = format!("{at}/name");
    let post = format!("@post('{path}', {{contentType: 'form', requestCancellation: 'disabled'}})");
    let value = refused.map(|r| r.typed).or(me.map(|me| &*me.name)).unwrap_or_default();
    html! {
        form #namer method="post" action=(path) data-on:submit=(post) data-indicator:_saving
            hidden[me.is_some() && refused.is_none()] data-attr:hidden=[me.is_some().then_some("!$_naming")] {
            label for="name" { (language.markup(if me.is_some() { "your-new-name" } else { "your-name" })) }
            div.field {
                // A person's characters are counted by the server; this only stops a paste of a whole page.
                input #name name="name" value=(value) required maxlength=(NAME_GRAPHEMES_MAX * 4)
                    autocomplete="nickname" spellcheck="false" placeholder=(language.text("name-hint"))
                    aria-invalid=[refused.map(|_| "true")] aria-describedby=[refused.map(|_| "name-problem")];
                button.button type="submit" data-attr:disabled="$_saving" {
                    (language.markup(if me.is_some() { "save" } else { "join" }))
                }
            }
            @if let Some(refused) = refused {
                p #name-problem .problem role="alert" data-ignore { (refused.why.markup(language)) }
            }
        }
    }
}

/// Messages on their way: the script clones a template for each. Here they are not read out; only a failure
/// is.
pub fn outbox(language: &Language) -> Markup {
    html! {
        ol #outbox data-ignore aria-label=(language.text("outbox")) aria-live="off" {}
        template #quote { (quote::empty()) }
        template #pending { li { div.text {} p.fate {} } }
        template #unsent {
            li.failed {
                div.text {}
                p.fate role="alert" {}
                p.choices {
                    button.link.again type="button" { (language.markup("try-again")) }
                    " " button.link.edit type="button" { (language.markup("edit")) }
                    " " button.link.discard type="button" { (language.markup("discard")) }
                }
            }
        }
    }
}

/// The actions on a message, on one's own, and of moderators: the script puts them into the row that is pointed at.
pub fn tools(language: &Language) -> Markup {
    html! {
        template #tools {
            span.tools {
                button.quiet.reply type="button" { (language.markup("reply")) }
                button.quiet.react type="button" aria-expanded="false" { (language.markup("react")) }
                (reactions::picker())
                button.quiet.edit type="button" { (language.markup("edit")) }
                button.quiet.delete type="button" { (language.markup("delete")) }
                button.quiet.flag type="button" { (language.markup("flag")) }
                button.quiet.ban type="button" { (language.markup("ban")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use millchat::RoomName;

    use super::*;
    use crate::room_address::Surface;

    fn composer(me: Option<&Author>, refused: Option<Refused<'_>>) -> String {
        composer_with(me, false, refused)
    }

    fn composer_with(me: Option<&Author>, has_logins: bool, refused: Option<Refused<'_>>) -> String {
        let reader = Reader { me, has_logins, was: &[], is_signed_in: true };
        let room = RoomName::new("lobby").unwrap();
        super::composer(Language::by_code("en").unwrap(), RoomAddress::page(&room), reader, refused)
            .into_string()
    }

    #[test]
    fn in_a_panel_all_is_below_its_own_address_and_nothing_leads_to_a_page_in_the_frame() {
        let (room, english) = (RoomName::new("lobby").unwrap(), Language::by_code("en").unwrap());
        let at = RoomAddress::new(Surface::Panel, &room);
        for kind in [AuthorKind::Guest, AuthorKind::User] {
            let ada = Author { id: "g_4kq7".into(), name: "Ada".into(), kind };
            for (me, is_signed_in) in [(None, false), (Some(&ada), false), (Some(&ada), true)] {
                let reader = Reader { me, has_logins: true, was: &[], is_signed_in };
                let html = super::composer(english, at, reader, None).into_string();
                assert!(html.contains("@get('/embed/lobby/name')"), "{html}");
                assert!(!html.contains("\"/lobby"), "{html}");
                let is_user = me.is_some() && kind == AuthorKind::User;
                let in_a_window = html.contains("href=\"/auth?to=/auth/done\" target=\"_blank\"");
                assert_eq!(html.matches("/auth?").count(), usize::from(!is_user), "{html}");
                assert_eq!(in_a_window, !is_user, "{html}");
                // Whom the site vouches for signs out at the site.
                assert_eq!(html.contains(">Sign out<"), is_user && is_signed_in, "{html}");
            }
        }
    }

    #[test]
    fn a_visitor_is_asked_for_a_name_and_can_read_only() {
        let html = composer(None, None);
        assert!(html.contains("id=\"namer\"") && !html.contains(" hidden"), "{html}");
        assert!(!html.contains("id=\"writer\""));
    }

    #[test]
    fn a_name_that_was_refused_is_shown_as_typed_and_as_text() {
        let refused = Refused { typed: "\"><script>", why: &LocalizedMessage::of("name-like-tag") };
        let html = composer(None, Some(refused));
        assert!(
            html.contains("value=\"&quot;&gt;&lt;script&gt;\"") && html.contains("somebody’s tag"),
            "{html}"
        );
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn a_user_cannot_rename_and_everybody_else_can_sign_in_where_there_is_a_login() {
        let ada = Author { id: "g_4kq7".into(), name: "Ada".into(), kind: AuthorKind::Guest };
        let user = Author { kind: AuthorKind::User, ..ada.clone() };
        for (me, has_logins, sign_in, account) in [
            (None, false, false, false),
            (None, true, true, false),
            (Some(&ada), false, false, false),
            (Some(&ada), true, true, false),
            (Some(&user), true, false, true),
        ] {
            let html = composer_with(me, has_logins, None);
            assert_eq!(html.contains(">Sign in<"), sign_in, "{html}");
            assert_eq!(html.contains(">Your account<"), account, "{html}");
            assert_eq!(html.contains("id=\"namer\""), !account, "{html}");
            assert_eq!(html.contains("href=\"/auth?to=/lobby\""), sign_in || account, "{html}");
        }
    }

    #[test]
    fn who_has_a_name_writes() {
        let ada = Author { id: "g_4kq7".into(), name: "Ada".into(), kind: AuthorKind::Guest };
        let html = composer(Some(&ada), None);
        assert!(html.contains("id=\"writer\"") && html.contains("Change name"), "{html}");
        // Also without script.
        assert!(html.contains("method=\"post\" action=\"/lobby/messages\"") && html.contains("name=\"key\""));
    }
}
