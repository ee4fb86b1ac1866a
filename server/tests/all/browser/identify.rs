//! People for whom the site around a panel vouches.

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::embed::{READY, enter, open_panel, page};
use crate::support::site::Site;
use crate::support::{Browser, Server};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Keeps what the panel says to the page, and gives the token that the page has.
const HOST: &str = "<script>window.said = []; window.calls = 0;
    (window.Millchat ||= []).push((m) => {
        for (const name of ['identity', 'error']) m.on(name, (detail) => said.push([name, detail.author?.name ?? detail.code]));
    });
    const identify = (token) => Millchat.identify(async () => { calls += 1; return token; });
    </script>";

/// A chat to which the site `shop` signs tokens, and the file of its secret.
pub async fn chat() -> (Server, NamedTempFile) {
    let mut secret = NamedTempFile::new().unwrap();
    secret.write_all(SECRET.as_bytes()).unwrap();
    let settings = format!(
        "embed-origins = [\"http://localhost:*\"]\n[[site]]\nname = \"shop\"\nissuer = \"https://shop.example\"\n\
         audience = \"chat\"\nrooms = [\"*\"]\nsecret-file = \"{}\"\n[[room]]\nname = \"team\"\npolicy = \"members\"\n\
         writers = [\"shop:*\"]\n[[room]]\nname = \"help-*\"\npolicy = \"visitor\"\nmoderators = [\"shop:staff\"]\n",
        secret.path().display()
    );
    (Server::start_with_settings(&settings, &[]).await, secret)
}

/// The token of a user of the shop, good for some seconds.
pub fn token(sub: &str, name: &str, audience: &str, seconds: u64) -> String {
    let now = jsonwebtoken::get_current_timestamp();
    let claims = json!({ "iss": "https://shop.example", "aud": audience, "sub": sub, "name": name, "iat": now,
        "exp": now + seconds });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

pub fn ada() -> String {
    token("1", "Ada", "chat", 3_600)
}

pub fn bob() -> String {
    token("2", "Bob", "chat", 3_600)
}

/// Says for whom the page vouches.
pub async fn vouch(browser: &Browser, token: &str) {
    browser.js_with("identify(arguments[0])", vec![json!(token)]).await;
}

/// Goes into the frame once its author has this name; nobody has none.
pub async fn enter_as(browser: &Browser, name: &str) {
    browser.until(READY).await;
    enter(browser).await;
    browser.until(&format!("document.querySelector('#composer')?.dataset.authorName === '{name}'")).await;
}

/// All that the frame and its storage hold.
pub async fn whole(browser: &Browser) -> String {
    let whole = "return document.documentElement.outerHTML + document.querySelector('#draft')?.value +
        JSON.stringify(localStorage) + JSON.stringify(sessionStorage)";
    browser.js(whole).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_site_vouches_for_its_user_in_a_room_of_members_and_the_token_is_nowhere_to_be_found() {
    let (server, _secret) = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=team", HOST)]).await;
    let browser = Browser::open(&site.url("/")).await;
    let ada = ada();
    vouch(&browser, &ada).await;
    open_panel(&browser).await;
    enter_as(&browser, "Ada").await;
    browser.say("of Ada").await;
    browser.until("document.querySelector('.msg.mine')").await;
    for part in ada.split('.') {
        assert!(!whole(&browser).await.contains(part));
        assert!(!server.stderr().contains(part));
    }
    let addresses =
        "return [location.href, document.referrer, ...performance.getEntries().map(({ name }) => name)]";
    for part in ada.split('.') {
        assert!(!browser.js(addresses).await.to_string().contains(part));
    }
    browser.leave_frame().await;
    assert_eq!(browser.js("return said").await, json!([["identity", "Ada"]]));
    assert_eq!(browser.js("return calls").await, 1);
    // The next page has to vouch again.
    browser.reload().await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until("document.querySelector('#denied:not([hidden])')").await;
    assert!(!whole(&browser).await.contains("of Ada"));
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn nothing_of_somebody_is_left_when_the_site_vouches_for_another_in_any_of_its_tabs() {
    let (server, _secret) = chat().await;
    let pages =
        vec![page(&server, "/", "data-room=team", HOST), page(&server, "/next", "data-room=team", HOST)];
    let site = Site::start(pages).await;
    let browser = Browser::open(&site.url("/")).await;
    vouch(&browser, &ada()).await;
    open_panel(&browser).await;
    enter_as(&browser, "Ada").await;
    browser.keys("#draft", "a secret of Ada").await;
    browser
        .js("const ada = document.querySelector('#composer').dataset.authorId;
             localStorage.setItem(`${ada}:millchat:unsent:team`, JSON.stringify(
                 [{ key: 'k', content: 'unsent of Ada', author: ada, at: 1 }]))")
        .await;
    assert!(whole(&browser).await.contains("a secret of Ada"));
    browser.leave_frame().await;
    // Bob, in another tab: hers is hers until its page says another thing.
    let first = browser.open_tab(&site.url("/next")).await;
    vouch(&browser, &bob()).await;
    open_panel(&browser).await;
    enter_as(&browser, "Bob").await;
    assert!(!whole(&browser).await.contains("of Ada"), "{}", whole(&browser).await);
    browser.say("of Bob").await;
    browser.until("document.querySelector('.msg.mine')").await;
    let second = browser.here().await;
    browser.switch_to(first).await;
    vouch(&browser, &bob()).await;
    enter_as(&browser, "Bob").await;
    browser.until_text("of Bob").await;
    assert!(!whole(&browser).await.contains("of Ada"), "{}", whole(&browser).await);
    // Nobody.
    browser.keys("#draft", "a secret of Bob").await;
    browser.leave_frame().await;
    browser.js("Millchat.identify(null)").await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until("document.querySelector('#denied:not([hidden])')").await;
    assert!(!whole(&browser).await.contains("Bob"), "{}", whole(&browser).await);
    browser.switch_to(second).await;
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_an_error_and_leaves_a_reader_who_is_nobody() {
    let (server, _secret) = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=lobby", HOST)]).await;
    let browser = Browser::open(&site.url("/")).await;
    let api = server.api();
    api.say("lobby", &api.guest("Eve").await, "Hello").await;
    let wrong = token("1", "Ada", "another chat", 3_600);
    browser.js_with("Millchat.identify(arguments[0])", vec![json!(wrong)]).await;
    open_panel(&browser).await;
    browser.until("said.some(([name, code]) => name === 'error' && code === 'identity')").await;
    enter_as(&browser, "").await;
    browser.until_text("Hello").await;
    browser.until_text("could not say who you are").await;
    // Who is nobody may still be a guest, and reads on.
    browser.join_with("Guest", "Good morning").await;
    browser.until("document.querySelector('.msg.mine')").await;
    browser.leave_frame().await;
    // Functions of the host that fail harm nothing.
    for host in [
        "Millchat.identify(() => { throw new Error('of the host') })",
        "Millchat.identify(async () => { throw new Error('of the host') })",
        "Millchat.identify(() => 7)",
    ] {
        browser.js("said.length = 0").await;
        browser.js(host).await;
        browser.until("said.some(([name]) => name === 'error')").await;
    }
    for wrong in ["Millchat.identify(7)", "Millchat.identify({})", "Millchat.identify()"] {
        let error = browser.js(&format!("try {{ {wrong} }} catch (error) {{ return error.name }}")).await;
        assert_eq!(error, "TypeError", "{wrong}");
    }
}

#[tokio::test]
async fn a_thousand_calls_of_the_host_are_a_few_and_one_is_under_way() {
    let (server, _secret) = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=team", HOST)]).await;
    let browser = Browser::open(&site.url("/")).await;
    let loops = "window.most = 0; let now = 0; const token = arguments[0];
        const give = async () => { calls += 1; most = Math.max(most, ++now); await new Promise((done) => setTimeout(done)); \
            now -= 1; return token; };
        for (let at = 0; at < 1000; at += 1) {
            Millchat.identify(give); Millchat.set({ title: `${at}` }); Millchat.open(); Millchat.close();
        }
        Millchat.open();";
    browser.until("window.Millchat?.open").await;
    browser.js_with(loops, vec![json!(ada())]).await;
    enter_as(&browser, "Ada").await;
    browser.leave_frame().await;
    let counts = browser.js("return [calls, most]").await;
    assert!(counts[0].as_u64().unwrap() <= 3 && counts[1] == 1, "{counts}");
}

#[tokio::test]
async fn a_token_is_asked_for_again_before_it_ends_and_the_stream_goes_on() {
    let (server, _secret) = chat().await;
    let site = Site::start(vec![page(&server, "/", "data-room=team data-token=TOKEN", HOST)]).await;
    let browser = Browser::open(&site.url("/")).await;
    // Its function is called at most every 30 s: the first call at once, the second after 80 % of the token's life.
    let tokens = json!([token("1", "Ada", "chat", 40), ada()]);
    browser
        .js_with(
            "window.tokens = arguments[0];
             Millchat.identify(() => { calls += 1; return tokens.length > 1 ? tokens.shift() : tokens[0]; })",
            vec![tokens],
        )
        .await;
    open_panel(&browser).await;
    enter_as(&browser, "Ada").await;
    browser.leave_frame().await;
    browser.until("calls === 2").await;
    enter(&browser).await;
    browser.say("with the second").await;
    browser.until("document.querySelector('.msg.mine')").await;
    browser.leave_frame().await;
    let errors = browser.js("return said.filter(([name]) => name === 'error')").await;
    assert_eq!(errors, json!([]));
}

#[tokio::test]
async fn a_visitor_writes_in_a_room_of_their_own_and_the_next_page_shows_it_again() {
    let (server, _secret) = chat().await;
    let pages = vec![
        page(&server, "/", "data-room=\"help-*\"", HOST),
        page(&server, "/next", "data-room=\"help-*\"", HOST),
    ];
    let site = Site::start(pages).await;
    let browser = Browser::open(&site.url("/")).await;
    open_panel(&browser).await;
    enter(&browser).await;
    browser.until_text("Nobody else can read it").await;
    browser.keys("#name", "Zoe").await;
    browser.keys("#draft", "Do you have hats?").await;
    browser.click("#writer .send").await;
    browser.until("location.pathname !== '/embed/help-' && document.querySelector('.msg.mine')").await;
    let room = browser.js("return document.body.dataset.room").await;
    let room = room.as_str().unwrap().to_owned();
    assert!(room.starts_with("help-") && room.len() == 25, "{room}");
    // The staff answer, by the token of the site.
    let api = server.api();
    let staff = token("staff", "Sam", "chat", 3_600);
    let path = format!("/api/v1/rooms/{room}/messages");
    let answer =
        api.request(reqwest::Method::POST, &path).bearer_auth(&staff).json(&json!({ "content": "Yes" }));
    crate::support::client::answer(answer).await.expect(201);
    browser.until_messages(2).await;
    browser.leave_frame().await;
    browser.go(&site.url("/next")).await;
    browser.until(READY).await;
    enter(&browser).await;
    browser.until("document.querySelectorAll('.msg').length === 2").await;
    assert_eq!(browser.texts().await, ["Do you have hats?", "Yes"]);
    // Of somebody for whom the site vouches it is another one.
    browser.leave_frame().await;
    vouch(&browser, &ada()).await;
    browser
        .until(&format!("said.some(([name, who]) => name === 'identity' && who === 'Ada') && {READY}"))
        .await;
    enter(&browser).await;
    browser.until("document.body.dataset.room.length === 25").await;
    let own: Value = browser.js("return document.body.dataset.room").await;
    assert_ne!(own, json!(room));
    assert!(!whole(&browser).await.contains("hats"));
}
