//! The panel in pages that were not made for it: `tests/all/hosts` has one for each thing that hosts do to what is in
//! them. Each is looked at in two sizes, with the panel closed and open; the pictures are in `target/screens`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::embed::{BUTTON, READY, ROOT, chat, enter, open_panel, origin};
use super::looks::violations;
use crate::support::site::{Page, Site};
use crate::support::{Browser, Server, node};

/// The folder of the pictures.
const SCREENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screens");
const DESK: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (390, 844);

/// Gathers what goes wrong in a page, from before its first script.
const FAULTS: &str = "window.faults = [];
    addEventListener('error', ({ message }) => faults.push(message));
    addEventListener('unhandledrejection', ({ reason }) => faults.push(`${reason}`));
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
        faults.push(`${effectiveDirective} ${blockedURI}`));";

/// A page that was not made for the panel: its name, which is its room too, its HTML, its policy and other headers.
struct Host(&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const ISOLATED: &[(&str, &str)] =
    &[("Cross-Origin-Embedder-Policy", "require-corp"), ("Cross-Origin-Opener-Policy", "same-origin")];

const HOSTS: [Host; 15] = [
    Host(
        "nonce",
        include_str!("../hosts/nonce.html"),
        "default-src 'none'; script-src 'nonce-n0nce' 'strict-dynamic'; style-src 'nonce-n0nce'; frame-src {chat}",
        &[],
    ),
    Host(
        "trusted_types",
        include_str!("../hosts/trusted_types.html"),
        "default-src 'none'; script-src {chat}; frame-src {chat}; style-src 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        &[],
    ),
    Host("isolated", include_str!("../hosts/isolated.html"), "", ISOLATED),
    Host("turbo", include_str!("../hosts/turbo.html"), "", &[]),
    Host("router", include_str!("../hosts/router.html"), "", &[]),
    Host("unset", include_str!("../hosts/unset.html"), "", &[]),
    Host("newspaper", include_str!("../hosts/newspaper.html"), "", &[]),
    Host("dark", include_str!("../hosts/dark.html"), "", &[]),
    Host("ten_pixels", include_str!("../hosts/ten_pixels.html"), "", &[]),
    Host("in_head", include_str!("../hosts/in_head.html"), "", &[]),
    Host("old_libraries", include_str!("../hosts/old_libraries.html"), "", &[]),
    Host("printed", include_str!("../hosts/printed.html"), "", &[]),
    Host("narrow", include_str!("../hosts/narrow.html"), "", &[]),
    Host("transformed", include_str!("../hosts/transformed.html"), "", &[]),
    Host("quirks", include_str!("../hosts/quirks.html"), "", &[]),
];

/// A page at this address.
fn page(server: &Server, path: &'static str, room: &str, html: &str) -> Page {
    let html = html.replace("{chat}", &origin(server)).replace("{room}", room);
    Page { path, html, ..Page::default() }
}

/// A site of all hosts, each at its name.
async fn site(server: &Server) -> Site {
    node::install().await;
    let turbo = format!("{}/node_modules/@hotwired/turbo/dist/turbo.es2017-umd.js", node::PACKAGE);
    let mut pages = vec![
        Page { path: "/turbo.js", html: fs::read_to_string(turbo).unwrap(), ..Page::default() },
        page(server, "/turbo_next", "turbo", include_str!("../hosts/turbo_next.html")),
        page(server, "/router?2", "router", include_str!("../hosts/router.html")),
        page(server, "/without_script", "without_script", include_str!("../hosts/without_script.html")),
    ];
    for Host(name, html, policy, headers) in HOSTS {
        let path: &'static str = format!("/{name}").leak();
        let policy = (!policy.is_empty()).then(|| policy.replace("{chat}", &origin(server)));
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        pages.push(Page { policy, headers, ..page(server, path, name, html) });
    }
    Site::start(pages).await
}

pub async fn take_picture(browser: &Browser, name: &str) {
    fs::create_dir_all(SCREENS).unwrap();
    fs::write(Path::new(SCREENS).join(format!("{name}.png")), browser.picture().await).unwrap();
}

async fn resize(browser: &Browser, (width, height): (u32, u32)) {
    browser.resize(width, height, 1.0, false).await;
}

/// Returns what axe finds in the panel; a host has its own faults.
async fn violations_of_ours(browser: &Browser) -> Value {
    // The checker does not bear what some hosts give to all objects.
    browser.js("for (const name of Object.keys(Object.prototype)) delete Object.prototype[name]").await;
    violations(browser).await;
    browser
        .js("const { violations } = await axe.run('mill-chat');
             return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])")
        .await
}

/// Writes a message in the open panel, as a guest who has a name after the first host.
async fn write(browser: &Browser, text: &str) {
    enter(browser).await;
    let is_nobody =
        "document.querySelector('#name:not([hidden] *)') && !localStorage.getItem('millchat:panel')";
    if browser.is(is_nobody).await {
        browser.keys("#name", "Ada").await;
    } else {
        browser.until("document.querySelector('#composer').dataset.authorId").await;
    }
    browser.say(text).await;
    browser.until("document.querySelectorAll('.msg.mine').length > 0").await;
    browser.until("document.querySelectorAll('#outbox li').length === 0").await;
}

#[tokio::test]
async fn the_panel_works_in_pages_that_were_not_made_for_it() {
    let server = chat().await;
    let site = site(&server).await;
    let browser = Browser::open("about:blank").await;
    browser.before_pages(FAULTS).await;
    for Host(name, ..) in HOSTS {
        resize(&browser, DESK).await;
        browser.go(&site.url(&format!("/{name}"))).await;
        browser.until(BUTTON).await;
        let ours = format!(
            "return performance.getEntriesByType('resource').map(({{ name }}) => name)
                 .filter((name) => name.startsWith('{}'))",
            origin(&server)
        );
        assert_eq!(
            browser.js(&ours).await,
            json!([format!("{}/embed.js", origin(&server))]),
            "{name}: before a click"
        );
        for (size, screen) in [(PHONE, "phone"), (DESK, "desk")] {
            resize(&browser, size).await;
            take_picture(&browser, &format!("{name}-{screen}-closed")).await;
        }
        let place = browser
            .js(&format!(
                "const launcher = {ROOT}.querySelector('#launcher');
                 const {{ width, height }} = launcher.getBoundingClientRect();
                 return [width, height, launcher.getAttributeNames().sort().join(' ')]"
            ))
            .await;
        let named = "aria-controls aria-expanded aria-haspopup aria-label id part title";
        assert_eq!(place, json!([56, 56, named]), "{name}: the button");

        open_panel(&browser).await;
        write(&browser, &format!("Do you have hats? ({name})")).await;
        assert_eq!(violations(&browser).await, json!([]), "{name}: in the frame");
        browser.leave_frame().await;
        assert_eq!(violations_of_ours(&browser).await, json!([]), "{name}: the panel");
        let place = browser
            .js(&format!("return {ROOT}.querySelector('#panel').getBoundingClientRect().toJSON()"))
            .await;
        // In one of them the button is above something of the host's.
        let height = if name == "narrow" { 800 - 80 - 68 - 20 } else { 680 };
        assert_eq!((&place["width"], &place["height"]), (&json!(400), &json!(height)), "{name}");
        assert!(place["top"].as_f64() >= Some(20.0), "{name}: {place}");
        take_picture(&browser, &format!("{name}-desk-open")).await;
        visit(&browser, name).await;

        resize(&browser, PHONE).await;
        browser.until("document.body.inert").await;
        let whole = "const { x, y, width, height } = panel.getBoundingClientRect();
                     return [x, y, width, height].join() === '0,0,390,844'";
        browser.until(&format!("((panel) => {{ {whole} }})({ROOT}.querySelector('#panel'))")).await;
        assert_eq!(violations_of_ours(&browser).await, json!([]), "{name}: on a phone");
        take_picture(&browser, &format!("{name}-phone-open")).await;
        enter(&browser).await;
        browser.click("#shut").await;
        browser.leave_frame().await;
        browser.until("!Millchat.isOpen && !document.body.inert").await;
        assert_eq!(browser.js("return [...faults]").await, json!([]), "{name}");
    }
    for entry in browser.log().await {
        assert!(entry.message.contains("favicon.ico") || &*entry.level == "INFO", "{entry:?}");
    }
}

/// Does in a host what its visitors do there.
async fn visit(browser: &Browser, name: &str) {
    let stays = async |what: &str| {
        assert!(browser.is("Millchat.isOpen").await, "{name}: {what}");
        enter(browser).await;
        assert_eq!(browser.js("return window.mark").await, 1, "{name}: the frame goes on, {what}");
        browser.leave_frame().await;
    };
    enter(browser).await;
    browser.js("window.mark = 1").await;
    browser.leave_frame().await;
    match name {
        "turbo" => {
            browser.js("document.documentElement.addEventListener('turbo:load', () => { window.loads = (window.loads ?? 0) + 1 });
                        Turbo.session.refresh(location.href)").await;
            browser.until("window.loads === 1").await;
            stays("after a morph").await;
            browser.js("document.querySelector('#next').click()").await;
            browser.until("window.loads === 2 && document.title === 'The next page'").await;
            stays("on the next page").await;
        }
        "router" => {
            browser.js("document.querySelector('#next').click()").await;
            browser.until("window.swapped").await;
            stays("in another body").await;
        }
        "printed" => {
            browser.cdp("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
            browser.until("getComputedStyle(document.querySelector('mill-chat')).display === 'none'").await;
            take_picture(browser, "printed-paper").await;
            browser.cdp("Emulation.setEmulatedMedia", json!({ "media": "" })).await;
        }
        "narrow" => {
            resize(browser, (320, 568)).await;
            browser.until("document.body.inert").await;
            take_picture(browser, "narrow-320-open").await;
            enter(browser).await;
            assert!(browser.is("document.documentElement.scrollWidth === 320").await, "{name}");
            browser.leave_frame().await;
            browser.js("Millchat.close()").await;
            take_picture(browser, "narrow-320-closed").await;
            assert!(browser.is("document.documentElement.scrollWidth === 320").await, "{name}");
            browser.js("Millchat.open()").await;
        }
        "old_libraries" => {
            assert_eq!(browser.js("return defined.length").await, 0, "{name}: no module of a loader");
        }
        _ => {}
    }
}

#[tokio::test]
async fn without_script_the_link_of_a_host_opens_the_room() {
    let server = chat().await;
    let site = site(&server).await;
    let browser = Browser::without_script().await;
    browser.go(&site.url("/without_script")).await;
    take_picture(&browser, "without_script").await;
    browser.click("#ask").await;
    assert_eq!(browser.url().await, format!("{}/without_script", origin(&server)));
    browser.keys("#name", "Ada".to_owned() + Key::Enter).await;
    browser.until("document.querySelector('#writer')").await;
}

/// Notes each shift of the layout, and each long frame with what of ours ran in it.
const OBSERVE: &str = "window.shifts = [];
    window.long = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push(entry.value);
    }).observe({ type: 'layout-shift', buffered: true });
    new PerformanceObserver((list) => {
        for (const { scripts } of list.getEntries()) {
            for (const { sourceURL, duration, invoker } of scripts) {
                if (/embed/.test(sourceURL)) long.push([invoker, duration]);
            }
        }
    }).observe({ type: 'long-animation-frame', buffered: true });";

/// Number of looks at how long our code runs: another program of this machine may hold up one of them.
const LOOKS_MAX: usize = 3;
/// Longest that our code may run at a time in the host's page, which is when a browser speaks of a long task.
const TASK_MS_MAX: f64 = 50.0;

#[tokio::test]
async fn the_panel_moves_nothing_in_the_page_of_its_host_and_holds_it_up_for_no_long_task() {
    let server = chat().await;
    let bob = server.api().guest("Bob").await;
    let text = "<p>A hat keeps the rain out of the eyes.</p>".repeat(40);
    let inline = format!(
        "<style>mill-chat {{ display: block; height: 400px; --mill-chat-height: 400px }}</style>{text}\
         <mill-chat room=\"inline\"></mill-chat>{text}"
    );
    let site = Site::start(vec![
        super::embed::page(&server, "/", "data-room=floating", &text),
        super::embed::page(&server, "/inline", "", &inline),
    ])
    .await;
    let browser = Browser::open("about:blank").await;
    browser.before_pages(OBSERVE).await;
    for (path, room) in [("/", "floating"), ("/inline", "inline")] {
        let mut longest = f64::MAX;
        for look in 1..=LOOKS_MAX {
            browser.go(&site.url(path)).await;
            browser.until(BUTTON).await;
            browser.js("Millchat.open()").await;
            browser.until(READY).await;
            browser.js("Millchat.set({ theme: 'dark', accent: '#884400' }); Millchat.close()").await;
            server.api().say(room, &bob, "Yes").await;
            browser.until("Millchat.unread === 1").await;
            browser.js("Millchat.open(); Millchat.close()").await;
            // After the next frame the observers have heard of those before.
            browser
                .js("await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                     await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
                .await;
            assert_eq!(browser.js("return shifts").await, json!([]), "{path}: what moved");
            let tasks: Vec<(String, f64)> = serde_json::from_value(browser.js("return long").await).unwrap();
            println!("{path}, look {look}: {tasks:?}");
            longest = tasks.iter().map(|(_, ms)| *ms).fold(0.0, f64::max).min(longest);
            if longest < TASK_MS_MAX {
                break;
            }
        }
        assert!(longest < TASK_MS_MAX, "{path}: {longest} ms in one task");
    }
}
