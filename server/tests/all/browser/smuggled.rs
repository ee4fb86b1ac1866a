//! The second line of defence: markup that got into people's text is not run.

use super::room_url;
use crate::support::{Browser, Server};
use serde_json::json;

/// Puts an element with code in its attributes into each of these places, presses it, and returns the places
/// whose code ran.
const SMUGGLE: &str = r"
    window.ran ??= new Set();
    for (const place of arguments[0]) {
        const target = document.querySelector(place);
        if (!target) throw new Error(`there is no ${place}`);
        const smuggled = document.createElement('b');
        for (const name of ['data-init', 'data-effect', 'data-on:click', 'data-text', 'data-on:smuggled__window']) {
            smuggled.setAttribute(name, `window.ran.add(${JSON.stringify(place)})`);
        }
        target.append(smuggled);
        await new Promise((seen) => setTimeout(seen));
        smuggled.dispatchEvent(new MouseEvent('click'));
        window.dispatchEvent(new CustomEvent('smuggled'));
        smuggled.setAttribute('data-init', `window.ran.add(${JSON.stringify(place)}), 1`);
        await new Promise((seen) => setTimeout(seen));
        smuggled.remove();
    }
    const ran = [...window.ran];
    window.ran.clear();
    return ran;";

/// A frame whose text was not escaped.
const BROKEN_FRAME: &str = r#"
    const code = `<b data-init="window.ran.add('frame')" data-effect="window.ran.add('frame')"></b>`;
    for (const [selector, mode, elements] of [
        ['#messages', 'append', `<li class="msg" id="m-999999" data-position="999999" data-author-id="g_x">
            <div class="body"><p class="who"><bdi class="name">${code}</bdi></p>
            <a class="quote">${code}</a><div class="text" id="t-999999">${code}</div></div></li>`],
        [undefined, 'outer', `<div id="t-999999" class="text">again ${code}</div>`],
        [undefined, 'outer', `<span id="here" data-ignore>${code}</span>`],
        [undefined, 'outer', `<div id="typing" hidden data-ignore>${code}</div>`],
    ]) {
        const detail = { type: 'datastar-patch-elements', el: document.body, argsRaw: { selector, mode, elements } };
        document.dispatchEvent(new CustomEvent('datastar-fetch', { detail }));
    }
    await new Promise((seen) => setTimeout(seen, 50));
    return [document.querySelectorAll('#m-999999 b').length, [...window.ran]];"#;

#[tokio::test]
async fn nothing_that_is_smuggled_into_peoples_text_runs_and_patches_still_arrive() {
    let server = Server::start().await;
    let api = server.api();
    let carol = api.guest("Carol").await;
    let hello = api.say("lobby", &carol, "hello").await;
    api.reply("lobby", &carol, hello, "again").await.expect(201);
    api.react(&carol, ("lobby", hello), "👍", true).await.expect(204);
    let gone = [api.say("lobby", &carol, "one").await, api.say("lobby", &carol, "two").await];
    for gone in gone {
        api.delete("lobby", &carol, gone).await.expect(204);
    }
    let page = Browser::open(&room_url(&server)).await;
    page.join("Ada").await;
    page.until("document.querySelector('#presence li .name')?.textContent === 'Ada'").await;
    page.hover(&format!("#m-{hello} .text")).await;
    page.click(".tools .reply").await;
    page.until("document.querySelector('#replying .said')").await;

    let unprotected = ["footer", "main"];
    assert_eq!(
        page.js_with(SMUGGLE, vec![json!(unprotected)]).await,
        json!(unprotected),
        "the test can see code"
    );
    let row = format!("#m-{hello}");
    let inside: Vec<String> =
        ["", " .body", " .who", " .name", " .tag", " .tag bdi", " .text", " .reactions", " .whose span"]
            .iter()
            .map(|part| format!("{row}{part}"))
            .collect();
    let places = [
        "#messages",
        "#messages .quote",
        "#messages .by",
        "#messages .said",
        "#messages .divider",
        "#presence",
        "#presence li",
        "#presence .who",
        "#here",
        "#here .avatar",
        "#typing",
        "#typists",
        "#joins",
        "#problem",
        "h1",
        "h1 bdi",
        "#outbox",
        "#replying .quote",
        "#replying .said",
        "#deleting .text",
        "#lately ul",
        ".me .name",
    ];
    let places: Vec<_> = inside.iter().map(String::as_str).chain(places).collect();
    assert_eq!(page.js_with(SMUGGLE, vec![json!(places)]).await, json!([]));
    assert_eq!(page.js(BROKEN_FRAME).await, json!([1 + 1 + 1, []]));

    // What must change there does.
    api.edit("lobby", &carol, hello, "hello again").await.expect(200);
    page.until(&format!("document.querySelector('#t-{hello}').textContent.startsWith('hello again')")).await;
    let bob = Browser::open(&room_url(&server)).await;
    bob.join("Bob").await;
    page.until("document.querySelectorAll('#presence li').length === 2").await;
    page.until("document.querySelector('#here .count').textContent === '2'").await;
    page.assert_quiet(false).await;
}
