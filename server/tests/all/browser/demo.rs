//! The demo: a page that stands for a site with the panel.

use std::net::Ipv4Addr;

use serde_json::json;

use super::embed::{enter, open_panel};
use super::looks::violations;
use crate::support::{Browser, Server, free_port};

#[tokio::test]
async fn the_demo_has_the_panel_as_a_site_elsewhere_has_it() {
    // The demo is at another name than the public one: to a browser these are two sites.
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let public = format!("http://{address}");
    let flags = ["--public-url", &public, "--embed-origins", "http://localhost:*", "--demo", "on"];
    let server = Server::start_on(address, &flags).await;
    let browser = Browser::open(&format!("http://localhost:{}/demo", address.port())).await;
    open_panel(&browser).await;
    assert_eq!(violations(&browser).await, json!([]));
    enter(&browser).await;
    browser.join_with("Ada", "Do you have hats?").await;
    browser.until("document.querySelector('.msg.mine')").await;
    browser.leave_frame().await;
    let pictures = concat!(env!("CARGO_TARGET_TMPDIR"), "/demo");
    std::fs::create_dir_all(pictures).unwrap();
    std::fs::write(format!("{pictures}/desktop.png"), browser.picture().await).unwrap();
    browser.js("Millchat.close(); document.querySelector('[data-mill-chat]').click()").await;
    assert!(browser.is("Millchat.isOpen && location.pathname === '/demo'").await);
    assert_eq!(server.api().history("lobby", "").await["messages"][0]["content"], "Do you have hats?");
    browser.assert_quiet(true).await;
}

#[tokio::test]
async fn there_is_no_demo_unless_the_settings_say_so() {
    let server = Server::start().await;
    server.api().get("/demo").await.expect(404);
    let server = Server::start_with(&["--demo", "on", "--rooms", "team-*,hats"]).await;
    let page = server.api().get("/demo").await.expect(200);
    assert!(page.body.contains("src=\"/embed.js\" data-room=\"hats\""), "{}", page.body);
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
}
