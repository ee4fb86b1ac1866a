//! Logins in the settings: wrong ones end the start with a sentence, and no secret is shown.

use super::{file, local};
use crate::support::client::Answer;
use crate::support::lying_provider::{LyingProvider, Wire};
use crate::support::server::{BINARY, command};
use crate::support::{Server, Visitor};

const OIDC: &str = "[[login]]\nname = \"corp\"\nkind = \"oidc\"\nissuer = \"https://login.example.org\"\n\
    client-id = \"millchat\"\n";
const PUBLIC: &str =
    "public-url = \"https://chat.example.org\"\naddress = \"127.0.0.1:0\"\nlog = \"memory:\"\n";

async fn refused(settings: &str, environment: &[(&str, &str)]) -> String {
    let settings = file(settings);
    let mut command = command(BINARY);
    command.args(["--config", settings.path().to_str().unwrap()]).envs(environment.iter().copied());
    let output = crate::support::within("it does not start", command.output()).await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

#[tokio::test]
async fn a_login_that_cannot_work_ends_the_start_with_a_sentence() {
    let secret = "the-very-secret\u{1}";
    let empty = file("");
    let control = file(secret);
    let path =
        |file: &tempfile::NamedTempFile| format!("client-secret-file = \"{}\"\n", file.path().display());
    for (settings, environment, words) in [
        (
            format!("log = \"memory:\"\naddress = \"127.0.0.1:0\"\n{OIDC}"),
            &[][..],
            &["corp", "public-url", "https"][..],
        ),
        (format!("{}{OIDC}", PUBLIC.replace("https", "http")), &[], &["corp", "plain http"]),
        (format!("{PUBLIC}{OIDC}colour = \"red\""), &[], &["line 4", "colour"]),
        (format!("{PUBLIC}{OIDC}client-secret = \"the-very-secret\""), &[], &["client-secret"]),
        (format!("{PUBLIC}{OIDC}{OIDC}"), &[], &["two logins", "corp"]),
        (format!("{PUBLIC}{OIDC}client-secret-file = \"/no/such\""), &[], &["corp", "/no/such"]),
        (format!("{PUBLIC}{OIDC}{}", path(&empty)), &[], &["corp", "visible characters"]),
        (format!("{PUBLIC}{OIDC}{}", path(&control)), &[], &["corp", "visible characters"]),
        (format!("{PUBLIC}{OIDC}ca-file = \"/no/such.pem\""), &[], &["corp", "ca-file", "/no/such.pem"]),
        (
            format!("{PUBLIC}{OIDC}{}", path(&control)),
            &[("MILLCHAT_SECRET_CORP_CLIENT_SECRET", "x")],
            &["client-secret-file", "MILLCHAT_SECRET_CORP_CLIENT_SECRET"],
        ),
        (format!("session = \"10m\"\n{PUBLIC}{OIDC}"), &[], &["session", "1h to 1y"]),
    ] {
        let stderr = refused(&settings, environment).await;
        for word in words {
            assert!(stderr.contains(word), "{settings}: {stderr}");
        }
        assert!(!stderr.contains("the-very-secret"), "{stderr}");
    }
}

#[tokio::test]
async fn sign_ins_of_one_address_are_limited() {
    let liar = LyingProvider::start().await;
    let address = local();
    let settings = file(&format!(
        "public-url = \"http://{address}\"\nrate-limit = \"logins=3\"\ntrusted-proxies = [\"127.0.0.1\"]\n{}",
        OIDC.replace("https://login.example.org", &liar.issuer())
    ));
    let server = Server::start_on(address, &["--config", settings.path().to_str().unwrap()]).await;
    let from = async |address: &str| -> Answer {
        let mut visitor = Visitor::new(&server);
        let request = visitor.request(reqwest::Method::GET, "/auth/corp").header("x-forwarded-for", address);
        visitor.send(request).await
    };
    for _ in 0..3 {
        from("203.0.113.7").await.expect(303);
    }
    assert!(from("203.0.113.7").await.expect(429).header("retry-after").is_some());
    from("203.0.113.8").await.expect(303);
    let metrics = server.api().get("/metrics").await.body;
    assert!(metrics.contains("millchat_rate_limited_total{limit=\"logins\"} 1"), "{metrics}");
}

#[tokio::test]
async fn config_check_says_what_each_provider_answers() {
    let (liar, silent) = (LyingProvider::start().await, LyingProvider::start().await);
    silent.lie(crate::support::lying_provider::Lies {
        wire: Some((
            "/.well-known/openid-configuration",
            Wire::Raw("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".into()),
        )),
        ..Default::default()
    });
    let check = async |settings: &str| {
        let settings = file(settings);
        let mut command = command(BINARY);
        command.args(["config", "check", "--config", settings.path().to_str().unwrap()]);
        let output = crate::support::within("the settings are checked", command.output()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let login =
        |name: &str, issuer: &str| OIDC.replace("corp", name).replace("https://login.example.org", issuer);
    let good = format!("{PUBLIC}{}", login("corp", &liar.issuer()));
    let (code, stdout, _) = check(&good).await;
    assert!(code == 0 && stdout.contains("corp") && stdout.contains(&liar.issuer()), "{code} {stdout}");
    let (code, stdout, stderr) = check(&format!("{good}{}", login("other", &silent.issuer()))).await;
    assert!(
        code == 1 && stdout.contains("corp") && stderr.contains("other") && stderr.contains("503"),
        "{stdout} {stderr}"
    );
    let doubtful = format!("{good}[[room]]\nname = \"x\"\nowners = [\"crop:@leads\"]\n");
    let (code, stdout, stderr) = check(&doubtful).await;
    assert!(
        code == 1 && stdout.contains("crop:@leads") && stdout.contains(&liar.issuer()),
        "{stdout} {stderr}"
    );
    assert!(stderr.contains("no effect") && !stdout.contains("settings are good"), "{stdout} {stderr}");
    let (code, _, stderr) = check(&good.replace(&liar.issuer(), &format!("{}/", liar.issuer()))).await;
    let both = [format!("{:?}", liar.issuer()), format!("{:?}", format!("{}/", liar.issuer()))];
    assert!(code == 1 && both.iter().all(|issuer| stderr.contains(issuer)), "{stderr}");
    let (code, _, stderr) = check(&format!("{good}colour = 1")).await;
    assert!(code == 2 && stderr.contains("colour"), "{stderr}");
    let (code, stdout, _) = check("").await;
    assert!(code == 0 && stdout.contains("settings are good"), "{stdout}");
}
