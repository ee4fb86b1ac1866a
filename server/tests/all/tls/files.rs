//! A certificate that changes while streams are open, and files that are of no use.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;

use super::{exchange, read_until};
use crate::support::PATIENCE;
use crate::support::server::run;
use crate::support::tls::{Authority, NAME, Secure, UNTIL};

/// The serial number of the certificate that a new connection gets.
async fn serial(secure: &Secure) -> u8 {
    let socket = secure.connect(&["http/1.1"]).await;
    let chain = socket.get_ref().1.peer_certificates().unwrap();
    // Behind the version comes the number: 02 01 N.
    let at = chain[0].windows(5).position(|bytes| bytes == [0xa0, 3, 2, 1, 2]).unwrap();
    assert_eq!(chain[0][at + 5..at + 7], [2, 1]);
    chain[0][at + 7]
}

/// Sends SIGHUP, and waits until the log has these words once more.
async fn reload(secure: &Secure, words: &str) {
    let before = secure.server.stderr().matches(words).count();
    kill_process(Pid::from_raw(secure.server.pid().cast_signed()).unwrap(), Signal::HUP).unwrap();
    secure.server.said(words, before + 1).await;
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_lost_stream_and_a_broken_one_is_not() {
    const NEW: &str = "a new certificate is in use";
    const KEPT: &str = "the certificate stays as it was";
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let mut stream = secure.connect(&["http/1.1"]).await;
    let request = "GET /api/v1/rooms/lobby/events HTTP/1.1\r\nHost: chat.example\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    read_until(&mut stream, &mut bytes, "event: start").await;
    assert_eq!(serial(&secure).await, 1);

    let (certificate, key) = secure.authority.issue(&[NAME], 2, UNTIL);
    let (third, third_key) = secure.authority.issue(&[NAME], 3, UNTIL);
    let (expired, expired_key) = secure.authority.issue(&[NAME], 4, 2021);
    secure.replace(&certificate, &key);
    reload(&secure, NEW).await;
    assert_eq!(serial(&secure).await, 2);
    for (broken, broken_key, words) in [
        (&*third, &*key, "does not belong to the first certificate"),
        ("", &key, "holds no certificate"),
        (&certificate, "", "holds no key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "is not one of X.509"),
        ("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n", &key, "is not PEM"),
        (&certificate[..certificate.len() / 2], &key, "chat.pem"),
        (&expired, &expired_key, "the new one has expired"),
    ] {
        secure.replace(broken, broken_key);
        reload(&secure, KEPT).await;
        assert_eq!(serial(&secure).await, 2, "{words}");
        let log = secure.server.stderr();
        assert!(log.contains(words), "{words} in {log}");
        assert!(!log.contains(key.lines().nth(1).unwrap()), "{log}");
    }
    // A fault is named once, however often the files are looked at.
    let before = secure.server.stderr().matches(KEPT).count();
    reload(&secure, "the settings were read again").await;
    assert_eq!(secure.server.stderr().matches(KEPT).count(), before);
    // Without a signal they are looked at too.
    secure.replace(&third, &third_key);
    secure.server.said(NEW, 2).await;
    assert_eq!(serial(&secure).await, 3);

    api.say("lobby", &ada, "through all of it").await;
    read_until(&mut stream, &mut bytes, "through all of it").await;
    let mut socket = secure.connect(&["http/1.1"]).await;
    let readyz = "GET /readyz HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n";
    assert!(exchange(&mut socket, readyz).await.ends_with("ready\n"));
}

#[tokio::test]
async fn a_pair_of_files_that_cannot_be_served_ends_the_start_with_a_sentence() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue(&[NAME], 1, UNTIL);
    let (_, other) = authority.issue(&[NAME], 2, UNTIL);
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = (file("chat.pem", &certificate), file("chat.key", &key));
    let (other, empty) = (file("other.key", &other), file("empty", ""));
    let missing = directory.path().join("missing").to_str().unwrap().to_owned();
    for (certificate, key, words) in [
        (&missing, &good.1, "missing cannot be read"),
        (&good.0, &missing, "missing cannot be read"),
        (&good.0, &other, "other.key does not belong to the first certificate of"),
        (&empty, &good.1, "empty holds no certificate"),
        (&good.0, &empty, "empty holds no key"),
        (&good.0, &good.0, "chat.pem holds no key"),
    ] {
        let arguments =
            ["-a", "127.0.0.1:0", "-l", "temp:", "--tls-certificate", certificate, "--tls-key", key];
        let ended = tokio::time::timeout(PATIENCE, run(&arguments)).await;
        let (code, stdout, stderr) = ended.expect("it ends");
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains(words) && stderr.contains("set by --tls-certificate"), "{stderr}");
    }
}
