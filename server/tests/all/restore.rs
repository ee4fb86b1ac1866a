//! The steps of `docs/backup.md`, typed as they are written there, by root, on a host with the user of the
//! unit.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::support::host::Host;
use crate::support::server::BINARY;
use crate::support::{Api, free_port, turn};

const BACKUP: &str = include_str!("../../../docs/backup.md");
const SYSUSERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/millchat.sysusers");
/// The backup of which the documented steps speak.
const DOCUMENTED: &str = "millchat-2026-11-24.redb";

/// The first commands below a heading of the document.
fn steps(heading: &str) -> &'static str {
    let section = BACKUP.split_once(&format!("\n## {heading}\n")).expect(heading).1;
    section.split_once("```sh\n").expect(heading).1.split_once("```").expect(heading).0
}

fn texts(history: &serde_json::Value) -> Vec<&str> {
    let messages = history["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_documented_steps_make_a_token_and_a_backup_and_restore_it() {
    let _turn = turn::start().await;
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let mut host = Host::new();
    host.put(Path::new(BINARY), "/usr/local/bin/millchat");
    host.put(Path::new(SYSUSERS), "/etc/sysusers.d/millchat.conf");
    host.enter();
    host.run("systemd-sysusers");
    host.run(&format!("echo 'address = \"{address}\"' > /etc/millchat.toml; systemctl start millchat"));
    // It ends with a restart: the server could read its token, and can be asked with it below.
    host.run(steps("The admin token"));
    assert_eq!(host.run("stat -c '%U:%G %a' /etc/millchat/admin-token"), "root:millchat 640\n");

    let api = Api::new(address);
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "before the backup").await;
    host.run(&steps("Back up a running server").replace("127.0.0.1:8080", &address.to_string()));
    api.say("lobby", &ada, "after the backup").await;
    let restore = steps("Restore");
    assert!(restore.contains(DOCUMENTED), "{restore}");
    host.run(&restore.replace(DOCUMENTED, "\"$(echo millchat-*.redb)\""));

    // The connections of before are gone.
    let api = Api::new(address);
    assert_eq!(texts(&api.history("lobby", "").await), ["before the backup"]);
    // The same key signs: Ada is still Ada. And the server may write to what root installed.
    api.say("lobby", &ada, "after the restore").await;
    let owner = host.run("stat -c '%U:%G %a' /var/lib/millchat/millchat.redb");
    assert_eq!(owner, "millchat:millchat 600\n");
    assert!(host.run("ls /var/lib/millchat").contains("millchat.redb.old"));
    host.run("systemctl stop millchat && millchat check /var/lib/millchat/millchat.redb");
}
