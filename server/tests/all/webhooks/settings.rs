//! Tables that cannot be used end the start with a sentence.

use super::{Files, SECRET};
use crate::support::server::run;

#[tokio::test]
async fn a_table_that_cannot_be_used_ends_the_start_with_what_is_allowed() {
    let files = Files::new();
    let (secret, url) = (files.secret(), "https://deploy.example.org/chat");
    let table = |id: &str, url: &str, more: &str| files.table(id, url, more);
    let all = "rooms = [\"*\"]";
    let many: String = (0..33).map(|n| table(&format!("n{n}"), url, all)).collect();
    let with_secret = |name: &str, text: &str| {
        let bad = secret.with_extension(name);
        std::fs::write(&bad, text).unwrap();
        table("a", url, all).replace(secret.to_str().unwrap(), bad.to_str().unwrap())
    };
    let short = "whsec_MfKQ9r8GKYqrTwjU";
    let cases = [
        (table("Deploys", url, all), "1 to 32 of a-z 0-9 -"),
        ([table("a", url, all), table("a", url, all)].concat(), "there twice"),
        (many, "the limit is 32"),
        (table("a", url, "rooms = []"), "1 to 32 names"),
        (table("a", url, "rooms = [\"a b\"]"), "a b"),
        (table("a", url, "rooms = [\"*\", \"ops\"]"), "`*`"),
        (table("a", url, "rooms = [\"*\"]\nwhen = \"never\""), "`mention` or `all`"),
        (table("a", url, "rooms = [\"*\"]\nproxy = \"x\""), "proxy"),
        (table("a", url, ""), "rooms"),
        (table("a", "http://deploy.example.org/", all), "https"),
        (table("a", "ftp://deploy.example.org/", all), "https"),
        (table("a", "https://ada@deploy.example.org/", all), "https"),
        (table("a", "https://deploy.example.org:99999/", all), "https"),
        (table("a", "deploy.example.org", all), "https"),
        (table("a", url, all).replace("10ms", "0s"), "1ms to 5m"),
        (table("a", url, all).replace("name = \"Deploys\"", "name = \" \""), "name"),
        (table("a", url, all).replace("deploys.whsec", "none.whsec"), "none.whsec cannot be read"),
        (with_secret("none", ""), "1 to 2 secrets"),
        (with_secret("three", &[SECRET; 3].join("\n")), "1 to 2 secrets"),
        (with_secret("short", short), "24 to 64 bytes"),
        (with_secret("bare", &SECRET.replace("whsec_", "")), "24 to 64 bytes"),
    ];
    let file = files.secret().with_extension("toml");
    for (settings, words) in cases {
        std::fs::write(&file, &settings).unwrap();
        let (code, stdout, stderr) = run(&["--config", file.to_str().unwrap(), "--log", "memory:"]).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{settings}: {stderr}");
        assert!(stderr.contains(words) && stderr.contains("webhook"), "{words}: {stderr}");
        assert!(!stderr.contains("MfKQ"), "{stderr}");
    }
}
