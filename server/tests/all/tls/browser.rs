//! Real Chromium by HTTP/2: ten tabs of different rooms, each live, over one connection.

use crate::support::Browser;
use crate::support::tls::Secure;

const TABS: usize = 10;

#[tokio::test]
async fn ten_tabs_of_a_browser_by_http2_are_live_over_one_connection() {
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let carol = api.guest("Carol").await;
    let url = |number: usize| format!("https://127.0.0.1:{}/room-{number}", secure.address().port());
    let page = Browser::open_untrusted(&url(0)).await;
    let protocol = page.js("return performance.getEntriesByType('navigation')[0].nextHopProtocol").await;
    assert_eq!(protocol, "h2");
    page.join("Ada").await;
    let mut tabs = Vec::new();
    for number in 1..TABS {
        tabs.push(page.open_tab(&url(number)).await);
    }
    tabs.push(page.here().await);
    for round in 0..2 {
        for number in 0..TABS {
            api.say(&format!("room-{number}"), &carol, &format!("{round} for {number}")).await;
        }
        for (number, tab) in tabs.iter().enumerate() {
            page.switch_to(tab.clone()).await;
            page.until_messages(round + 1).await;
            let expected: Vec<_> = (0..=round).map(|round| format!("{round} for {number}")).collect();
            assert_eq!(page.texts().await, expected);
        }
    }
    page.say("by TLS").await;
    page.until_messages(3).await;
    let room = api.history(&format!("room-{}", TABS - 1), "").await.to_string();
    assert!(room.contains("by TLS"), "{room}");
    // A browser may open one more before it knows that one is enough. By HTTP/1.1 it would have six.
    assert!(secure.metric("millchat_tls_handshakes_total{outcome=\"done\"}").await <= 2);
    page.assert_quiet(false).await;
    if let Some(directory) = std::env::var_os("MILLCHAT_PICTURES") {
        std::fs::write(std::path::Path::new(&directory).join("http2.png"), page.picture().await).unwrap();
    }
}
