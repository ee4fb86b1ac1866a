//! People sign in with real Chromium.

use std::path::Path;

use super::SignIns;
use crate::browser::looks::violations;
use crate::browser::pictures::{DEVICES, keep};
use crate::support::{Browser, LOOK_EVERY, Visitor, within};
use serde_json::json;

/// The folder of the pictures that a person is to look at.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/sign-in");

pub async fn picture(page: &Browser, name: &str) {
    std::fs::create_dir_all(PICTURES).unwrap();
    std::fs::write(Path::new(PICTURES).join(format!("{name}.png")), page.picture().await).unwrap();
}

/// Fills in the form of the provider.
pub async fn at_provider(page: &Browser, account: &str) {
    page.until("document.querySelector('input[name=login]') !== null").await;
    page.keys("input[name=login]", account).await;
    page.keys("input[name=password]", "x").await;
    page.click("button[type=submit], [type=submit]").await;
}

#[tokio::test]
async fn a_guest_signs_in_edits_what_they_wrote_before_and_signs_out_everywhere() {
    let signs = SignIns::start("", "").await;
    let origin = format!("http://{}", signs.server.address());
    let page = Browser::open(&format!("{origin}/lobby")).await;
    page.join("Guest Ada").await;
    page.say("written as a guest").await;
    page.until_text("written as a guest").await;
    page.keys("#draft", "a draft").await;
    picture(&page, "guest").await;
    page.click(".me a[href^='/auth']").await;
    page.until("document.querySelector('.account') !== null").await;
    picture(&page, "choice").await;
    assert_eq!(violations(&page).await, json!([]));
    page.click(".logins a").await;
    at_provider(&page, "ada").await;
    page.until("location.pathname === '/lobby' && document.querySelector('#composer')?.dataset.authorName === 'Ada Lovelace'").await;
    // The room, the draft, and the right to edit.
    page.until("document.querySelector('#draft').value === 'a draft'").await;
    page.until("document.querySelector('#messages > .mine') !== null").await;
    page.js("document.querySelector('#draft').value = ''; document.querySelector('#draft').dispatchEvent(new Event('input', {bubbles: true}))").await;
    page.keys("#draft", thirtyfour::Key::Up + "").await;
    page.until("document.querySelector('#writer').dataset.editing !== undefined").await;
    page.keys("#draft", " and edited as a user\n").await;
    page.until_text("and edited as a user").await;
    page.say("written as a user").await;
    page.until_text("written as a user").await;
    picture(&page, "user").await;
    // Who am I.
    page.go(&format!("{origin}/auth?to=/lobby")).await;
    page.until_text("Ada Lovelace").await;
    picture(&page, "account").await;
    assert_eq!(violations(&page).await, json!([]));
    // Another browser of hers, which is told to go by this one.
    let mut other = Visitor::new(&signs.server);
    signs.sign_in(&mut other, "ada", "/lobby").await;
    let second = Browser::open(&format!("{origin}/healthz")).await;
    let cookie = other.cookie("millchat").unwrap();
    second.set_cookies(json!([{ "name": "millchat", "value": cookie, "url": origin }])).await;
    second.go(&format!("{origin}/lobby")).await;
    second.until("document.querySelector('#composer')?.dataset.authorName === 'Ada Lovelace'").await;
    page.click("form[action$='everywhere=1'] button").await;
    page.until("document.querySelector('#namer') !== null && document.querySelector('#writer') === null")
        .await;
    second.reload().await;
    second
        .until("document.querySelector('#namer') !== null && document.querySelector('#writer') === null")
        .await;
    picture(&second, "revoked").await;
}

#[tokio::test]
async fn people_without_script_sign_in_and_out() {
    let signs = SignIns::start("logout = \"provider\"", "").await;
    let origin = format!("http://{}", signs.server.address());
    let page = Browser::without_script().await;
    page.go(&format!("{origin}/lobby")).await;
    page.click(".me a[href^='/auth']").await;
    page.click(".logins a").await;
    let form = "input[name=login]";
    page.keys(form, "ada").await;
    page.keys("input[name=password]", "x").await;
    page.click("[type=submit]").await;
    page.click(".me a[href^='/auth']").await;
    picture(&page, "account-without-script").await;
    page.click(".out form button").await;
    // By the page that leads on, to the provider's own question.
    let there = async {
        while !page.url().await.starts_with(&signs.provider.issuer) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("the provider's own question", there).await;
}

#[tokio::test]
async fn a_checker_of_accessibility_finds_nothing_on_a_screen_of_signing_in_in_any_language() {
    let signs = SignIns::start("", "").await;
    let origin = format!("http://{}", signs.server.address());
    let mut ada = Visitor::new(&signs.server);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    let cookie = json!([{ "name": "millchat", "value": ada.cookie("millchat").unwrap(), "url": origin }]);
    let page = Browser::open_phone(&format!("{origin}/auth"), 360, 700).await;
    for code in ["en", "de", "fr", "es", "uk", "ja", "ar"] {
        page.cdp("Network.clearBrowserCookies", json!({})).await;
        page.cdp("Network.setCookie", json!({ "name": "lang", "value": code, "url": origin })).await;
        let theme = if code == "de" { "dark" } else { "light" };
        page.prefers(&[("prefers-color-scheme", theme)]).await;
        for (path, is_user) in [
            ("/auth?to=/lobby", false),
            ("/auth/corp/callback", false),
            ("/auth/nowhere", false),
            ("/auth/done", false),
            ("/auth?to=/lobby", true),
            ("/auth/done", true),
            ("/lobby", true),
        ] {
            if is_user {
                page.set_cookies(cookie.clone()).await;
            }
            page.go(&format!("{origin}{path}")).await;
            assert_eq!(violations(&page).await, json!([]), "{path}, {code}");
            let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
            assert!(page.is(fits).await, "{path}, {code}: it is wider than the phone");
            picture(&page, &format!("{code}{}-{is_user}", path.split('?').next().unwrap().replace('/', "-")))
                .await;
        }
    }
}

#[tokio::test]
#[ignore = "it writes the pictures of the documentation"]
async fn pictures_of_the_page_of_signing_in_are_taken() {
    let signs = SignIns::start("", "").await;
    let origin = format!("http://{}", signs.server.address());
    let mut ada = Visitor::new(&signs.server);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    let cookie = json!([{ "name": "millchat", "value": ada.cookie("millchat").unwrap(), "url": origin }]);
    let page = Browser::open(&format!("{origin}/auth")).await;
    for code in ["en", "ar", "ja"] {
        for (device, width, height, scale, mobile) in DEVICES {
            page.resize(width, height, scale, mobile).await;
            for theme in ["light", "dark"] {
                page.prefers(&[("prefers-color-scheme", theme)]).await;
                let of = format!("{code}-{device}-{theme}");
                page.cdp("Network.clearBrowserCookies", json!({})).await;
                page.cdp("Network.setCookie", json!({ "name": "lang", "value": code, "url": origin })).await;
                page.go(&format!("{origin}/auth?to=/lobby")).await;
                keep(&page, "sign-in", &of).await;
                page.go(&format!("{origin}/auth/corp/callback")).await;
                keep(&page, "sign-in-expired", &of).await;
                page.set_cookies(cookie.clone()).await;
                page.go(&format!("{origin}/auth?to=/lobby")).await;
                keep(&page, "account", &of).await;
            }
        }
    }
}
