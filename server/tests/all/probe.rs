//! `millchat probe`: a health check without an HTTP client.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use crate::support::server::{BINARY, command, run};
use crate::support::tls::Secure;
use crate::support::{Server, free_port, within};

/// Runs `millchat probe` with these arguments and variables: exit code, stdout, stderr.
async fn probe(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut probe = command(BINARY);
    probe.arg("probe").args(arguments).envs(variables.iter().copied());
    let output = within("the probe ends", probe.output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_probe_asks_the_address_of_the_settings() {
    let server = Server::start().await;
    let (address, port) = (server.address().to_string(), server.address().port());
    let file = server.directory().join("millchat.toml");
    // The token's file is none of the probe's business: it may not be allowed to read it.
    fs::write(&file, format!("address = \"{address}\"\nadmin-token-file = \"/no/such/file\"\n")).unwrap();
    let everywhere = [("MILLCHAT_ADDRESS", format!("0.0.0.0:{port}"))];
    let everywhere = everywhere.each_ref().map(|(name, value)| (*name, value.as_str()));
    let elsewhere = [("MILLCHAT_ADDRESS", "127.0.0.1:1")];
    for (arguments, variables) in [
        (&[&*format!("http://{address}")][..], &[][..]),
        (&[&*format!("http://{address}/")], &elsewhere),
        (&[&*format!("http://localhost:{port}")], &[]),
        (&["--address", &address], &elsewhere),
        (&["--config", file.to_str().unwrap()], &[]),
        (&[], &everywhere),
        // Where [::] takes IPv4 too, the server may have no address of IPv6.
        (&["--address", &format!("[::]:{port}")], &[]),
    ] {
        let (code, stdout, stderr) = probe(arguments, variables).await;
        assert_eq!(code, Some(0), "{arguments:?} {variables:?}: {stderr}");
        assert!(stdout.ends_with("is ready\n") && stdout.lines().count() == 1, "{stdout}");
        assert_eq!(stderr, "");
    }
}

#[tokio::test]
async fn a_probe_of_the_server_of_the_settings_asks_by_tls_where_it_speaks_that() {
    let secure = Secure::start(&[]).await;
    let config = secure.server.directory().join("millchat.toml");
    let text = format!("address = \"{}\"\ntls-certificate = \"chat.pem\"\n", secure.address());
    std::fs::write(&config, text).unwrap();
    let address = secure.address().to_string();
    for arguments in [
        &["probe", "--config", config.to_str().unwrap()][..],
        &["probe", "--address", &address, "--tls-certificate", "chat.pem"],
    ] {
        let (code, stdout, stderr) = run(arguments).await;
        assert_eq!((code, stdout), (Some(0), format!("https://{address} is ready\n")), "{stderr}");
    }
    // Whoever names it wants to know that it is the one.
    let (code, _, stderr) = run(&["probe", &format!("https://{address}")]).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("cannot be asked") && stderr.contains("certificate"), "{stderr}");
}

#[tokio::test]
async fn a_probe_of_a_server_that_cannot_be_asked_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", taken.local_addr().unwrap());
    let free = free_port(Ipv4Addr::LOCALHOST.into());
    let free = format!("http://{free}");
    for (server, code, words) in [
        // The kernel takes the connection, and nobody answers.
        (&*silent, 1, &[&*silent, "did not answer within 3 seconds"][..]),
        (&free, 1, &[&free, "refused"]),
        ("unix:/no/such/socket", 1, &["unix:/no/such/socket", "No such file"]),
        ("ftp://chat.example.org", 2, &["ftp://chat.example.org", "http://127.0.0.1:8080"]),
    ] {
        let (found, stdout, stderr) = run(&["probe", server]).await;
        assert_eq!(found, Some(code), "{server}: {stderr}");
        assert_eq!(stdout, "");
        assert!(words.iter().all(|word| stderr.contains(word)), "{server}: {stderr}");
    }
}
