//! The choice of a login, and who one is.

use hyper::StatusCode;
use maud::{Markup, html};
use millchat::Timestamp;

use super::failure::query;
use crate::http::{self, Response};
use crate::identity::{Person, Via};
use crate::page::error;
use crate::page::i18n::{Language, LocalizedMessage, Localizer, Value};
use crate::page::layout::{self, Script};
use crate::page::{people, rows};
use crate::paths::SIGN_OUT_PATH;
use crate::route_table::Call;
use crate::sign_in::Target;

/// The parts of the page.
pub struct Choice<'a> {
    /// The person who looks at it, if they gave a name or signed in.
    pub me: Option<&'a Person>,
    /// The logins: the name and the label of each.
    pub logins: &'a [(&'a str, &'a str)],
    /// The place that a sign-in leads to.
    pub target: &'a Target,
}

/// `GET /auth?to=`: the buttons of the logins; for somebody who signed in who they are, and the ways out.
pub fn choice(Call { w, req, language, .. }: &Call<'_>) -> Response {
    if w.app.logins.is_empty() {
        return error::page(language, StatusCode::NOT_FOUND, &LocalizedMessage::of("no-logins"));
    }
    let me = w.app.identity.visitor(req.headers());
    let logins: Vec<_> = w
        .app
        .logins
        .iter()
        .map(|login| (login.settings.name.as_str(), login.settings.label.as_str()))
        .collect();
    let target = Target::of(http::query(req, "to").as_deref());
    let body = markup(language, &Choice { me: me.as_ref(), logins: &logins, target: &target });
    let title = language.text("sign-in");
    layout::answer(StatusCode::OK, layout::document(language, &title, Script::None, &body))
}

/// The page's body.
pub fn markup(language: &'static Language, choice: &Choice<'_>) -> Markup {
    let Choice { me, logins, target } = *choice;
    let user = me.filter(|me| matches!(me.via, Via::Login(_)));
    let guest = me.filter(|me| me.via == Via::Guest);
    let to = query(target);
    html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.account {
                @if let Some(user) = user {
                    h1 { (language.markup("account")) }
                    (who(language, user, logins))
                    p.onward {
                        a.button href=(target) {
                            @let name = Value::Text((&*user.author.name).into());
                            span { (language.markup_with("continue-as", &[("name", name)])) }
                        }
                    }
                    (ways_out(language))
                    h2 { (language.markup("sign-in-other")) }
                } @else {
                    h1 { (language.markup("sign-in")) }
                    @if let Some(guest) = guest {
                        @let name = Value::Text((&*guest.author.name).into());
                        p { (language.markup_with("sign-in-guest", &[("name", name)])) }
                    }
                }
                ul.logins {
                    @for (name, label) in logins {
                        li {
                            a class=(if user.is_some() { "quiet" } else { "button" })
                                href={ "/auth/" (name) "?" (to) } {
                                @let label = Value::Text((*label).into());
                                span { (language.markup_with("sign-in-at", &[("login", label)])) }
                            }
                        }
                    }
                }
                @if user.is_none() {
                    p.onward { a.quiet href=(target) { (language.markup("sign-in-not")) } }
                }
            }
        }
    }
}

/// The user, the login and the end of the session.
fn who(language: &'static Language, user: &Person, logins: &[(&str, &str)]) -> Markup {
    let Via::Login(login) = &user.via else { return Markup::default() };
    // A login that is not in the settings any more has its name alone.
    let label = logins.iter().find(|(name, _)| *name == &**login).map_or(&**login, |(_, label)| *label);
    let until = user.expires_at.unwrap_or(Timestamp(0));
    html! {
        dl.who {
            dt { (language.markup("account-name")) }
            dd { (people::name(Localizer::For(language), &user.author)) }
            dt { (language.markup("account-login")) }
            dd { bdi { (label) } }
            dt { (language.markup("account-until")) }
            dd { (rows::date(until)) }
        }
    }
}

/// The ways to sign out: two forms, so that they work without script.
fn ways_out(language: &Language) -> Markup {
    html! {
        div.out {
            form method="post" action=(SIGN_OUT_PATH) {
                button.quiet type="submit" { (language.markup("sign-out")) }
            }
            form method="post" action={ (SIGN_OUT_PATH) "?everywhere=1" } {
                button.quiet type="submit" { (language.markup("sign-out-everywhere")) }
            }
            p.hint { (language.markup("sign-out-hint")) }
        }
    }
}
