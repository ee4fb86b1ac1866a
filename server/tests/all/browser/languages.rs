//! The page in every language: chosen by the browser or in the menu, whole on every screen, with nothing left
//! in another.

use super::looks::{screens, violations};
use super::room_url;
use crate::support::{ADMIN, Browser, Server, is_proof};
use serde_json::json;
use thirtyfour::prelude::*;

/// The languages, and what stands in an empty field to write in.
const LANGUAGES: [(&str, &str); 7] = [
    ("ar", "اكتب رسالة"),
    ("de", "Nachricht schreiben"),
    ("en", "Write a message"),
    ("es", "Escribe un mensaje"),
    ("fr", "Écrire un message"),
    ("ja", "メッセージを書く"),
    ("uk", "Напишіть повідомлення"),
];

/// Chooses a language in the menu.
pub async fn choose(page: &Browser, code: &str) {
    page.click("#more").await;
    page.click(&format!("#languages [value={code}]")).await;
    // The script shows the choices as soon as it runs.
    let has_run = "!document.querySelector('#choices').hidden";
    page.until(&format!("document.documentElement.lang === '{code}' && {has_run}")).await;
}

async fn text(page: &Browser, selector: &str) -> String {
    let text = page.js(&format!("return document.querySelector('{selector}').textContent")).await;
    text.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_browsers_language_is_taken_and_another_is_chosen_in_the_menu_and_kept() {
    let server = Server::start().await;
    let page = Browser::open_in(&room_url(&server), "pt-BR,fr-CA,de").await;
    let lang = "return document.documentElement.lang";
    assert_eq!(page.js(lang).await, "fr");
    page.join("Ada").await;
    page.keys("#draft", "half a thought").await;
    choose(&page, "de").await;
    assert_eq!(page.js("return location.pathname").await, "/lobby", "back in the room");
    assert_eq!(page.js("return document.querySelector('#draft').value").await, "half a thought");
    assert_eq!(text(&page, "#languages [aria-current]").await, "Deutsch");
    page.reload().await;
    assert_eq!(page.js(lang).await, "de");
    // In other rooms and on pages of errors too.
    page.go(&format!("http://{}/a/b", server.address())).await;
    assert_eq!(text(&page, ".failure h1").await, "Hier ist nichts");
    page.go(&format!("http://{}/garden", server.address())).await;
    assert_eq!(page.js(lang).await, "de");
    page.assert_quiet(true).await;
}

#[tokio::test]
async fn a_language_can_be_chosen_without_script() {
    let server = Server::start().await;
    let page = Browser::without_script().await;
    page.go(&room_url(&server)).await;
    page.click("#more").await;
    page.click("#languages [value=ja]").await;
    page.until("document.documentElement.lang === 'ja' && location.pathname === '/lobby'").await;
    page.reload().await;
    assert!(page.is("document.documentElement.lang === 'ja'").await);
}

#[tokio::test]
async fn what_is_live_comes_in_the_language_of_each_who_looks() {
    let server = Server::start().await;
    let api = server.api();
    let (carol, dave) = (api.guest("Carol").await, api.guest("ديف").await);
    let german = Browser::open_in(&room_url(&server), "de").await;
    let arabic = Browser::open_in(&room_url(&server), "ar").await;
    german.join("Ada").await;
    let (edited, deleted) = (api.say("lobby", &carol, "helo").await, api.say("lobby", &dave, "weg").await);
    for page in [&german, &arabic] {
        page.until_messages(2).await;
    }
    api.edit("lobby", &carol, edited, "hello").await.expect(200);
    api.delete("lobby", &dave, deleted).await.expect(204);
    for (page, mark, gone, here) in [
        (&german, "bearbeitet", "Diese Nachricht wurde gelöscht.", "2 hier"),
        (&arabic, "معدّلة", "حُذفت هذه الرسالة.", "شخصان هنا"),
    ] {
        page.until(&format!("document.querySelector('#t-{edited} .edited')?.textContent === '{mark}'")).await;
        page.until(&format!("document.querySelector('#t-{deleted}').textContent === '{gone}'")).await;
        page.until(&format!("document.querySelector('#presence h2').textContent === '{here}'")).await;
        page.until(&format!("document.querySelector('#here .word').textContent === '{here}'")).await;
        // Filled in again, not twice, when the next frame brings it again.
        page.until("document.querySelectorAll('#presence h2 > *').length === 1").await;
    }
    let typing = async {
        while !arabic.is("document.querySelector('#typists').textContent.startsWith('يكتب الآن: ')").await
        {
            german.keys("#draft", "so").await;
        }
    };
    crate::support::within("typing is seen", typing).await;
    // Server and script say the same.
    arabic.reload().await;
    assert_eq!(text(&arabic, &format!("#t-{deleted}")).await, "حُذفت هذه الرسالة.");
    for page in [&german, &arabic] {
        page.assert_quiet(false).await;
    }
}

#[tokio::test]
async fn what_is_new_is_counted_in_the_forms_of_the_language() {
    let server = Server::start().await;
    let page = Browser::open_in(&room_url(&server), "uk").await;
    // As rows that are the same for everybody name their messages.
    let forms = "const spans = arguments[0].map((count) => {
            const span = document.createElement('span');
            span.dataset.l10n = 'new-messages';
            span.dataset.l10nArgs = JSON.stringify({ count });
            return span;
        });
        document.body.append(...spans);
        await new Promise((filled) => setTimeout(filled));
        return spans.map((span) => {
            span.remove();
            return span.textContent;
        })";
    let counts = |counts: &[u32]| vec![json!(counts)];
    assert_eq!(
        page.js_with(forms, counts(&[1, 2, 5, 11, 21, 1_000])).await,
        json!(["1 нове", "2 нові", "5 нових", "11 нових", "21 нове", "1\u{a0}000 нових"])
    );
    choose(&page, "ar").await;
    assert_eq!(
        page.js_with(forms, counts(&[0, 1, 2, 3, 11, 100])).await,
        json!([
            "لا رسائل جديدة",
            "رسالة جديدة",
            "رسالتان جديدتان",
            "3 رسائل جديدة",
            "11 رسالة جديدة",
            "100 رسالة جديدة"
        ])
    );
    // On the button itself.
    let api = server.api();
    let carol = api.guest("Carol").await;
    for number in 0..60 {
        api.say("lobby", &carol, &format!("{number}")).await;
    }
    page.until_messages(60).await;
    page.js("document.querySelector('#scroller').scrollBy(0, -500)").await;
    page.until("!document.querySelector('#latest').hidden").await;
    for number in 0..3 {
        api.say("lobby", &carol, &format!("more {number}")).await;
    }
    page.until("document.querySelector('#latest').textContent === '3 رسائل جديدة'").await;
}

#[tokio::test]
async fn dates_follow_the_language_and_the_region_of_the_browser() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    api.say("lobby", &carol, "hello").await;
    let page = Browser::open_in(&room_url(&server), "en-GB,de").await;
    let time = "return document.querySelector('#messages time').textContent";
    assert!(!page.js(time).await.as_str().unwrap().contains('M'), "the British have 24 hours");
    for code in ["en-GB", "de", "ja", "ar"] {
        if code != "en-GB" {
            choose(&page, code).await;
        }
        let expected = format!(
            "return document.querySelector('#messages .msg').dataset.day === new Intl.DateTimeFormat('{code}-u-nu-latn', \
             {{ dateStyle: 'full' }}).format(Date.parse(document.querySelector('time').dateTime))"
        );
        assert_eq!(page.js(&expected).await, true, "{code}");
    }
}

/// Latin words that people see, in a page whose language has other letters; key names and the like are the
/// same there, and the tags of people are of ids.
const LATIN: &str = "
    const same = ['Millchat', 'UTC', 'Enter', 'Shift', 'Escape', 'JavaScript', 'A', 'Z', 'a', 'z', 'application', 'json'];
    const said = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) if (!walk.currentNode.parentElement.closest('#languages [lang], noscript, .tag')) said.push(walk.currentNode.data);
    for (const template of document.querySelectorAll('template')) said.push(template.content.textContent);
    for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'data-day', 'data-unread', 'data-you'])
        for (const element of document.querySelectorAll(`[${name}]`)) said.push(element.getAttribute(name));
    return said.flatMap((text) => text.match(/[A-Za-z]+/g) ?? []).filter((word) => !same.includes(word));";

#[tokio::test]
async fn whatever_happens_at_the_page_nothing_is_said_in_another_language() {
    let mut server = Server::start_with(&["--rate-limit", "author=1/2"]).await;
    let api = server.api();
    let url = format!("http://{}/000", server.address());
    for number in 0..40 {
        // Each by somebody else, since there is a limit for each.
        let other = api.guest("99").await;
        api.say("000", &other, &format!("{number}")).await;
    }
    let other = api.guest("99").await;
    let page = Browser::open_in(&url, "uk").await;
    let check = async |state: &str| assert_eq!(page.js(LATIN).await, json!([]), "{state}");
    check("a visitor").await;
    page.keys("#name", "\u{200b}".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#name-problem')").await;
    check("a name that was refused").await;
    page.js("document.querySelector('#name').value = ''").await;
    page.join("42").await;
    page.until("document.querySelector('.tag')").await;
    check("a writer").await;
    page.say("1").await;
    page.until("document.querySelector('.mine')").await;
    page.hover(".msg.mine .text").await;
    page.keys("#draft", Key::Up + "").await;
    check("editing").await;
    page.keys("#draft", "2".to_owned() + Key::Enter).await;
    page.until("document.querySelector('.edited')").await;
    check("edited").await;
    page.click("#more").await;
    check("the menu").await;
    page.keys("body", Key::Escape + "").await;
    page.js("document.querySelector('#scroller').scrollTop = 0").await;
    page.until("!document.querySelector('#latest').hidden").await;
    api.say("000", &other, "77").await;
    page.until("document.querySelector('#latest.news')").await;
    check("something new").await;
    page.js("location.hash = '#m-9999'").await;
    page.until("document.querySelector('#problem').textContent !== ''").await;
    check("a link that leads nowhere").await;
    page.keys("#draft", format!("3{0}4{0}5{0}6{0}", Key::Enter.value())).await;
    page.until("document.querySelector('#outbox .late')").await;
    check("too fast").await;
    page.until("document.querySelectorAll('#outbox li').length === 0").await;
    server.kill().await;
    page.until("document.querySelector('#state').className === 'lost'").await;
    check("no connection").await;
    page.say("8").await;
    page.until("document.querySelector('#outbox .late')").await;
    check("waiting").await;
    server.restart().await;
    page.until("document.querySelectorAll('#outbox li').length === 0").await;
    check("back").await;
    page.cdp("Network.clearBrowserCookies", json!({})).await;
    page.cdp("Network.setCookie", json!({ "name": "lang", "value": "uk", "url": url })).await;
    page.say("9").await;
    page.until("document.querySelector('#outbox .failed')").await;
    check("not known any more").await;
}

/// A room with what rows can be: long names and texts of both directions, links, deleted and edited ones.
async fn furnish(server: &Server) {
    let api = server.api();
    let guests = [api.guest(&"Wide".repeat(10)).await, api.guest("ليلى").await, api.guest("さくら").await];
    let texts = ["short https://example.org/", "مرحبًا بالجميع، كيف الحال؟", &"unbroken".repeat(40)];
    for number in 0..24 {
        let guest = &guests[number % 3];
        let at = api.say("lobby", guest, texts[number % 3]).await;
        match number % 8 {
            3 => api.delete("lobby", guest, at).await.expect(204),
            5 => api.edit("lobby", guest, at, "edited, معدّل").await.expect(200),
            _ => continue,
        };
    }
}

#[tokio::test]
async fn a_checker_of_accessibility_finds_nothing_in_any_language_in_either_theme() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    furnish(&server).await;
    let page = Browser::open(&room_url(&server)).await;
    for (number, (code, hint)) in LANGUAGES.into_iter().enumerate() {
        // Colours do not depend on words: by turns is enough, but for `make prove`.
        let themes = ["light", "dark"];
        for &theme in if is_proof() { &themes[..] } else { &themes[number % 2..=number % 2] } {
            page.prefers(&[("prefers-color-scheme", theme)]).await;
            let look = async |screen: &str| {
                assert_eq!(violations(&page).await, json!([]), "{screen}, {code}, {theme}");
                let direction = if code == "ar" { "rtl" } else { "ltr" };
                assert_eq!(page.js("return getComputedStyle(document.body).direction").await, direction);
                let draft = page.js("return document.querySelector('#draft')?.placeholder").await;
                assert!(draft.is_null() || draft == hint, "{screen}, {code}: {draft}");
            };
            screens(&page, &server, code, theme, look).await;
        }
    }
}

#[tokio::test]
async fn every_language_fits_a_narrow_phone_and_twice_the_size() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    furnish(&server).await;
    let page = Browser::open(&room_url(&server)).await;
    // A phone; a window of 1100 by 800 whose reader zooms to 200 %.
    for (width, height, scale, mobile) in [(320, 740, 2.0, true), (550, 400, 2.0, false)] {
        page.resize(width, height, scale, mobile).await;
        for (code, _) in LANGUAGES {
            let look = async |screen: &str| {
                let state = format!("{screen}, {code}, {width} px");
                // A page that is read is scrolled as a whole: the bar at its side takes of the width.
                let across = page.js("return document.documentElement.scrollWidth").await.as_u64().unwrap();
                assert!(across <= u64::from(width), "{state}: {across}");
                let out = page
                    .js("return [...document.querySelectorAll('body, body *')].filter((e) => {
                             const box = e.getBoundingClientRect();
                             return box.width > 1 && box.height > 1 && getComputedStyle(e).visibility !== 'hidden'
                                 && (box.right > innerWidth + 1 || box.left < -1)
                                 && !e.closest('[hidden], .unseen, .skip, aside') && !(e.closest('.word') && e.closest('.bar'));
                         }).map((e) => e.outerHTML.slice(0, 200))")
                    .await;
                assert_eq!(out, json!([]), "{state}: these stand out");
                // What is a button shows all of its words.
                let cut = page
                    .js("return [...document.querySelectorAll('button, label:not(.unseen), h2, .fate, #closed')].filter((e) =>
                             e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflow !== 'visible')
                             .map((e) => e.outerHTML.slice(0, 200))")
                    .await;
                assert_eq!(cut, json!([]), "{state}: these are cut");
            };
            screens(&page, &server, code, &format!("{width}"), look).await;
            assert!(
                page.is("((box) => box.height > 0 && box.bottom <= innerHeight)\
                         (document.querySelector('#draft').getBoundingClientRect())")
                    .await,
                "{code}, {width} px: the field to write in is in sight"
            );
        }
    }
}
