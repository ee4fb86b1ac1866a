//! The page for somebody who may not read a room, in real Chromium: in every language, in both themes, by
//! script and without.

use reqwest::Method;
use serde_json::{Value, json};

use super::browser::at_provider;
use super::{ADMIN, SignIns};
use crate::browser::looks::violations;
use crate::browser::pictures::{DEVICES, keep};
use crate::support::client::answer;
use crate::support::{Browser, Visitor};

/// A room of members, and rooms that belong to whoever opens them.
const TABLES: &str = "[[room]]\nname = \"team\"\npolicy = \"members\"\n\
                      [[room]]\nname = \"own-*\"\npolicy = \"members\"\ncreator = \"owner\"\n";

/// Somebody at the page: nobody, a guest of this name, or a user.
enum Who<'a> {
    Nobody,
    Guest(&'a str),
    User,
}

/// Returns the cookies of somebody.
async fn cookies(signs: &SignIns, who: Who<'_>) -> Value {
    let mut visitor = Visitor::new(&signs.server);
    match who {
        Who::Nobody => return json!([]),
        Who::Guest(name) => drop(visitor.post("/lobby/name", &format!("name={name}")).await.expect(303)),
        Who::User => drop(signs.sign_in(&mut visitor, "ada", "/lobby").await),
    }
    let origin = format!("http://{}", signs.server.address());
    json!([{ "name": "millchat", "value": visitor.cookie("millchat").unwrap(), "url": origin }])
}

/// Goes to the room as somebody, in a language.
async fn come(page: &Browser, signs: &SignIns, code: &str, cookies: &Value) {
    let origin = format!("http://{}", signs.server.address());
    page.cdp("Network.clearBrowserCookies", json!({})).await;
    page.cdp("Network.setCookie", json!({ "name": "lang", "value": code, "url": origin })).await;
    page.set_cookies(cookies.clone()).await;
    page.go(&format!("{origin}/team")).await;
}

/// Returns the link of an invitation to the room.
async fn invitation(signs: &SignIns) -> String {
    let request = signs.server.api().request(Method::POST, "/api/v1/rooms/team/invitations");
    let made = answer(request.bearer_auth(ADMIN).json(&json!({ "role": "writer" }))).await.expect(201).json();
    made["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_checker_of_accessibility_finds_nothing_where_somebody_has_no_right_in_any_language_or_theme() {
    let signs = SignIns::start("", TABLES).await;
    let page = Browser::open_phone(&format!("http://{}/team", signs.server.address()), 360, 700).await;
    let everybody = [
        ("nobody", cookies(&signs, Who::Nobody).await),
        ("a guest", cookies(&signs, Who::Guest("Ada")).await),
        ("a user", cookies(&signs, Who::User).await),
    ];
    for (code, direction) in [
        ("en", "ltr"),
        ("de", "ltr"),
        ("fr", "ltr"),
        ("es", "ltr"),
        ("uk", "ltr"),
        ("ja", "ltr"),
        ("ar", "rtl"),
    ] {
        for theme in ["light", "dark"] {
            page.prefers(&[("prefers-color-scheme", theme)]).await;
            for (who, cookies) in &everybody {
                let screen = format!("{who}, {code}, {theme}");
                come(&page, &signs, code, cookies).await;
                page.click("details.invited summary").await;
                let is_it = format!(
                    "document.documentElement.lang === '{code}' && document.querySelector('.failure')"
                );
                assert!(page.is(&is_it).await, "{screen}");
                assert_eq!(violations(&page).await, json!([]), "{screen}");
                assert_eq!(page.js("return getComputedStyle(document.body).direction").await, direction);
                let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
                assert!(page.is(fits).await, "{screen}: it is wider than the phone");
                let is_led =
                    "document.querySelector('.onward a.button').getAttribute('href') === '/auth?to=/team'";
                assert!(page.is(is_led).await, "{screen}");
                assert_eq!(
                    page.is("document.querySelector('.private button')").await,
                    *who != "nobody",
                    "{screen}"
                );
            }
        }
    }
    // Where people see what is the matter, search engines and caches see nothing.
    for (cookies, status) in [(&everybody[0].1, 401), (&everybody[1].1, 403), (&everybody[2].1, 403)] {
        let mut visitor = Visitor::new(&signs.server);
        if let Some(cookie) = cookies[0]["value"].as_str() {
            visitor.jar.push(("millchat".to_owned(), cookie.to_owned()));
        }
        let answer = visitor.get("/team").await.expect(status);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    }
}

#[tokio::test]
async fn without_script_somebody_without_a_right_becomes_somebody_else_or_uses_an_invitation() {
    let signs = SignIns::start("", TABLES).await;
    let origin = format!("http://{}", signs.server.address());
    let page = Browser::without_script().await;
    page.go(&format!("{origin}/team")).await;
    page.until_text("You are not known here").await;
    page.click(".onward a[href^='/auth']").await;
    page.click(".logins a").await;
    at_provider(&page, "ada").await;
    // Back in the room, where a user is not let in either, and can go.
    page.until("location.pathname === '/team'").await;
    page.until_text("You are here as Ada Lovelace").await;
    page.click(".onward a[href^='/auth']").await;
    page.click(".out form button").await;
    page.until("location.pathname !== '/auth'").await;
    page.go(&format!("{origin}/team")).await;
    page.until_text("You are not known here").await;
    page.click("details.invited summary").await;
    page.keys("#guest", "Bob").await;
    page.keys("#invitation", invitation(&signs).await).await;
    page.click("form.invitation button").await;
    page.until("location.pathname === '/team' && document.querySelector('#writer')").await;
}

#[tokio::test]
async fn the_link_of_an_invitation_to_a_private_room_opens_the_form_and_leaves_no_secret_in_the_address() {
    let signs = SignIns::start("", TABLES).await;
    let page = Browser::open(&invitation(&signs).await).await;
    page.until(
        "document.querySelector('details.invited').open && document.querySelector('#invitation[hidden]')",
    )
    .await;
    assert!(!page.url().await.contains('#'));
    page.keys("#guest", "Bob\n").await;
    page.until("document.querySelector('#draft')").await;
    // The page without the right is an answer that was refused.
    page.assert_quiet(true).await;
}

#[tokio::test]
#[ignore = "it writes the pictures of the documentation"]
async fn pictures_of_the_page_without_a_right_are_taken() {
    let signs = SignIns::start("", TABLES).await;
    let page = Browser::open(&format!("http://{}/team", signs.server.address())).await;
    for (code, name) in [("en", "Joan Clarke"), ("ar", "سلمى"), ("ja", "美咲")] {
        let guest = cookies(&signs, Who::Guest(name)).await;
        for (device, width, height, scale, mobile) in DEVICES {
            page.resize(width, height, scale, mobile).await;
            for theme in ["light", "dark"] {
                page.prefers(&[("prefers-color-scheme", theme)]).await;
                come(&page, &signs, code, &guest).await;
                keep(&page, "denied", &format!("{code}-{device}-{theme}")).await;
            }
        }
    }
}
