//! The page on a network without TLS, with script and without, behind a proxy and not; and pages of other
//! sites there.

use std::net::SocketAddr;

use serde_json::json;
use thirtyfour::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::NOTHING_WAITS;
use super::languages::choose;
use crate::support::network::enter;
use crate::support::{Browser, Guest, Nginx, Server, free_port, within};

/// Every write that a browser without script makes.
async fn write_without_script(page: &Browser, url: &str) {
    page.go(url).await;
    page.click("#more").await;
    page.click("#languages [value=de]").await;
    page.until("document.documentElement.lang === 'de' && location.pathname === '/lobby'").await;
    page.keys("#name", "Grace".to_owned() + Key::Enter).await;
    page.until("document.querySelector('#writer')").await;
    page.keys("#draft", "without script").await;
    page.click("#writer .send").await;
    page.until("document.querySelector('#messages').innerText.includes('without script')").await;
}

#[tokio::test]
async fn over_plain_http_on_a_network_every_write_works_with_script_and_without() {
    let name = "over_plain_http_on_a_network_every_write_works_with_script_and_without";
    let Some(address) = enter(&format!("browser::wherever::{name}")).await else { return };
    let server = Server::start_at(address, &[]).await;
    let url = format!("http://{}/lobby", server.address());
    let page = Browser::open(&url).await;
    assert!(page.is("!window.isSecureContext && !navigator.locks && !crypto.randomUUID").await, "a network");
    let bob = Browser::open(&url).await;
    bob.join("Bob").await;
    page.join("Ada").await;
    choose(&page, "fr").await;
    page.say("first").await;
    bob.until_text("first").await;
    page.until(NOTHING_WAITS).await;
    // An edit, a reaction, a delete, the sign of typing.
    page.keys("#draft", Key::Up + "").await;
    page.keys("#draft", " and more".to_owned() + Key::Enter).await;
    bob.until_text("first and more").await;
    page.hover(".msg.mine .text").await;
    page.click(".tools .react").await;
    page.click(".tools .picker button").await;
    bob.until("document.querySelector('#messages .chip')").await;
    let typing = async {
        while !bob.is("document.querySelector('#typists').textContent.includes('Ada')").await {
            page.keys("#draft", "so").await;
        }
    };
    within("typing is seen", typing).await;
    let field = page.js("document.querySelector('#draft').value = ''; return 0").await;
    assert_eq!(field, 0);
    page.hover(".msg.mine .text").await;
    page.click(".tools .delete").await;
    page.click("#deleting button[value=delete]").await;
    bob.until("document.querySelector('#messages .deleted')").await;
    page.keys("#draft", Key::Escape + "").await;
    // And leaving.
    bob.until("document.querySelectorAll('#presence li').length === 2").await;
    page.go("about:blank").await;
    bob.until("document.querySelectorAll('#presence li').length === 1").await;
    bob.assert_quiet(false).await;

    let plain = Browser::without_script().await;
    write_without_script(&plain, &url).await;
    bob.until_text("without script").await;
}

/// nginx passes on no `Host` then, and the server is asked by its own address.
fn without_host(block: &str) -> String {
    let own: Vec<&str> = block.lines().filter(|line| !line.contains("proxy_set_header Host")).collect();
    own.join("\n")
}

/// Adds the headers that proxies set for all that is behind them.
fn with_strict_headers(block: &str) -> String {
    block.replacen("location /", "add_header Referrer-Policy no-referrer always;\n    location /", 1)
}

#[tokio::test]
async fn behind_a_proxy_on_a_port_of_its_own_every_write_works() {
    let name = "behind_a_proxy_on_a_port_of_its_own_every_write_works";
    let Some(address) = enter(&format!("browser::wherever::{name}")).await else { return };
    for (change, is_named) in
        [(with_strict_headers as fn(&str) -> String, false), (without_host as fn(&str) -> String, true)]
    {
        let front = free_port(address);
        let public = format!("http://{front}");
        let arguments = if is_named { vec!["--public-url", &public] } else { vec![] };
        let server = Server::start_with(&arguments).await;
        let _nginx = Nginx::start_at(front, server.address(), change).await;
        let url = format!("{public}/lobby");
        let page = Browser::open(&url).await;
        page.join("Ada").await;
        choose(&page, "de").await;
        page.say("with script").await;
        page.until_messages(1).await;
        page.until(NOTHING_WAITS).await;
        write_without_script(&Browser::without_script().await, &url).await;
        page.until_messages(2).await;
        page.assert_quiet(false).await;
        assert_eq!(server.stderr().matches("for its origin").count(), 0, "{}", server.stderr());
    }
}

async fn sign_in(page: &Browser, front: SocketAddr, guest: &Guest) {
    let cookie = json!({ "name": "millchat", "value": guest.token, "url": format!("http://{front}") });
    page.cdp("Network.setCookie", cookie).await;
}

#[tokio::test]
async fn a_write_that_is_refused_for_its_origin_says_which_setting_is_meant() {
    let name = "a_write_that_is_refused_for_its_origin_says_which_setting_is_meant";
    let Some(address) = enter(&format!("browser::wherever::{name}")).await else { return };
    for public in [None, Some("http://chat.example")] {
        let arguments: Vec<&str> = public.into_iter().flat_map(|public| ["--public-url", public]).collect();
        let server = Server::start_with(&arguments).await;
        let nginx = Nginx::start_at(free_port(address), server.address(), without_host).await;
        let front = nginx.address();
        let url = format!("http://{front}/lobby");
        let inner = server.address().to_string();
        let values =
            [format!("http://{front}"), public.map_or(inner, str::to_owned), "--public-url".to_owned()];
        let said = async |page: &Browser, selector: &str| {
            page.until(&format!(
                "document.querySelector('{selector}')?.textContent.includes('--public-url')"
            ))
            .await;
            let text = page.js(&format!("return document.querySelector('{selector}').textContent")).await;
            for value in &values {
                assert!(text.as_str().unwrap().contains(value.as_str()), "{value} in {text}");
            }
        };
        // A name that is typed stays, with the reason below it.
        let page = Browser::open(&url).await;
        page.keys("#name", "Ada".to_owned() + Key::Enter).await;
        said(&page, "#name-problem").await;
        assert_eq!(page.js("return document.querySelector('#name').value").await, "Ada");
        // A text too.
        let ada = server.api().guest("Ada").await;
        let at = server.api().say("lobby", &ada, "by the API").await;
        sign_in(&page, front, &ada).await;
        page.reload().await;
        page.say("never sent").await;
        said(&page, "#outbox .fate").await;
        page.hover(&format!("#m-{at} .text")).await;
        page.click(".tools .react").await;
        page.click(".tools .picker button").await;
        said(&page, "#problem").await;
        // Without script it is a page.
        let plain = Browser::without_script().await;
        sign_in(&plain, front, &ada).await;
        plain.go(&url).await;
        plain.keys("#draft", "never sent").await;
        plain.click("#writer .send").await;
        said(&plain, ".failure .why").await;
        plain.go(&url).await;
        plain.click("#more").await;
        plain.click("#languages [value=ja]").await;
        said(&plain, ".failure .why").await;
        let log = server.stderr();
        for value in &values {
            assert!(log.contains(value.as_str()), "{value} in {log}");
        }
        assert!(log.matches("for its origin").count() < 10, "{log}");
        assert_eq!(server.api().history("lobby", "").await["messages"].as_array().unwrap().len(), 1);
    }
}

/// A site that answers everything with this page.
async fn site(address: SocketAddr, html: String) {
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}", html.len());
            let _ = socket.read(&mut [0; 8192]).await;
            let _ = socket.write_all(format!("{head}\r\nConnection: close\r\n\r\n{html}").as_bytes()).await;
        }
    });
}

#[tokio::test]
async fn over_plain_http_pages_of_other_sites_write_nothing() {
    let name = "over_plain_http_pages_of_other_sites_write_nothing";
    let Some(address) = enter(&format!("browser::wherever::{name}")).await else { return };
    let server = Server::start_at(address, &[]).await;
    let ada = server.api().guest("Ada").await;
    let form = |path: &str, field: &str| {
        let action = format!("http://{}{path}", server.address());
        format!("<form method=post action={action}><input name={field} value=forged></form>")
    };
    let submit = "<script>document.forms[0].submit()</script>";
    let page = Browser::open(&format!("http://{}/lobby", server.address())).await;
    let sandboxed = |form: &str| {
        let later = "<script>onload = () => setTimeout(() => document.forms[0].submit())</script>";
        let inner = format!("{form}{later}").replace('"', "&quot;");
        format!(
            "<script>loads = 0</script><iframe onload='loads += 1' sandbox='allow-scripts allow-forms' srcdoc=\"{inner}\"></iframe>"
        )
    };
    for (path, field) in
        [("/lobby/messages", "content"), ("/lobby/name", "name"), ("/lobby/language", "language")]
    {
        let form = form(path, field);
        // On another port of the same host: browsers send the cookie there.
        for html in
            [format!("{form}{submit}"), format!("<meta name=referrer content=no-referrer>{form}{submit}")]
        {
            let other = free_port(address);
            site(other, html).await;
            sign_in(&page, server.address(), &ada).await;
            page.go(&format!("http://{other}/")).await;
            page.until("document.querySelector('.failure .code')?.textContent === '403'").await;
        }
        // In a frame the answer cannot be seen; it is the second page there.
        let other = free_port(address);
        site(other, sandboxed(&form)).await;
        page.go(&format!("http://{other}/")).await;
        page.until("window.loads === 2").await;
        page.go(&format!("data:text/html,{form}")).await;
        page.js("document.forms[0].submit()").await;
        page.until("document.querySelector('.failure .code')?.textContent === '403'").await;
    }
    page.go(&format!("http://{}/lobby", server.address())).await;
    assert!(page.is("document.querySelector('#composer').dataset.authorName === 'Ada'").await);
    assert_eq!(server.api().history("lobby", "").await["messages"], json!([]));
    let log = server.stderr();
    assert!(log.contains("Origin: null") && log.contains("for its origin"), "{log}");
}
