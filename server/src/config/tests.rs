use std::io::Write;
use std::path::Path;

use clap::Parser;

use super::*;
use crate::access::settings::Creator;
use crate::environment;
use crate::limit::RateLimit;
use crate::tls::Hsts;

#[derive(Parser)]
struct Parsed {
    #[command(flatten)]
    flags: Flags,
}

fn settings<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Settings, String> {
    let (parsed, origins) = environment::parse::<Parsed>(args).map_err(|error| error.to_string())?;
    let settings = parsed.flags.settings(&origins);
    settings.map(|(settings, _)| settings).map_err(|error| error.to_string() + &error.told(&origins))
}

fn with_file(toml: &str, args: &[&str]) -> Result<Settings, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(toml.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    settings(["millchat", "--config", path].into_iter().chain(args.iter().copied()))
}

#[test]
fn a_flag_is_stronger_than_the_file_and_the_file_than_the_default() {
    let settings = with_file("address = \"127.0.0.1:1\"\nlog-format = \"json\"", &["-a", "[::1]:2"]).unwrap();
    assert_eq!(settings.address, "[::1]:2".parse().unwrap());
    assert_eq!(settings.log_format, LogFormat::Json);
    assert_eq!(settings.log, settings::LOG_DEFAULT);
}

#[test]
fn the_file_and_the_flags_say_the_same_things() {
    let flags = [
        "--public-url",
        "https://chat.example.org/",
        "--rate-limit",
        "author=5/20,guests=10",
        "--trusted-proxies",
        "127.0.0.1,10.0.0.0/8",
        "--admin-address",
        "unix:/run/millchat/admin.sock",
        "--tls-certificate",
        "/etc/millchat/chat.pem",
        "--tls-key",
        "/etc/millchat/chat.key",
        "--redirect",
        "0.0.0.0:80",
        "--http2",
        "off",
        "--hsts",
        "30d",
        "--session",
        "7d",
        "--sign-in-again",
        "12h",
        "--embed-origins",
        "https://shop.example,https://*.example.org",
        "--demo",
        "on",
    ];
    let by_flags = with_file("rate-limit = \"author=1\"", &flags).unwrap();
    let file = "public-url = \"https://chat.example.org\"\nrate-limit = \"author=5/20,guests=10\"\n\
        trusted-proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n\
        admin-address = \"unix:/run/millchat/admin.sock\"\n\
        tls-certificate = \"/etc/millchat/chat.pem\"\ntls-key = \"/etc/millchat/chat.key\"\n\
        redirect = \"0.0.0.0:80\"\nhttp2 = \"off\"\nhsts = \"30d\"\n\
        session = \"7d\"\nsign-in-again = \"12h\"\n\
        embed-origins = [\"https://shop.example\", \"https://*.example.org\"]\ndemo = \"on\"";
    assert_eq!(with_file(file, &[]).unwrap(), by_flags);
    assert!(with_file(file, &["--rate-limit", "off"]).unwrap().rate_limit.unwrap().is_off());
}

#[test]
fn the_settings_of_rooms_are_read_from_flags_and_file_alike() {
    let flags = ["--rooms", "lobby,team-*", "--new-rooms", "signed-in", "--operators", "corp:@admins,u_x"];
    let file = "rooms = [\"lobby\", \"team-*\"]\nnew-rooms = \"signed-in\"\n\
        operators = [\"corp:@admins\", \"u_x\"]\n";
    assert_eq!(with_file(file, &[]).unwrap(), with_file("rooms = [\"x\"]", &flags).unwrap());
    let tables = "[[room]]\nname = \"team-*\"\ntitle = \"The team\"\ncreator = \"owner\"\n\
        policy = \"members\"\nowners = [\"corp:@leads\"]\nreaders = [\"corp:*\", \"g_abc\"]\n\
        [[room]]\nname = \"*\"\nguests = \"read\"\n";
    let rules = with_file(tables, &[]).unwrap().rules();
    assert_eq!(rules.tables.len(), 2);
    assert_eq!(
        rules.tables.iter().map(|table| table.creator).collect::<Vec<_>>(),
        [Creator::Owner, Creator::No]
    );
    assert_eq!(rules.tables[0].owners[0].to_string(), "corp:@leads");
}

#[test]
fn rights_that_have_no_effect_are_named() {
    let login = "public-url = \"https://chat.example.org\"\n[[login]]\nname = \"corp\"\nkind = \"github\"\n\
        client-id = \"x\"\n";
    let grouped = login.to_owned() + "groups-claim = \"groups\"\n";
    let room = |lines: &str| format!("[[room]]\nname = \"team-*\"\n{lines}\n");
    for (toml, words) in [
        (grouped.clone() + &room("owners = [\"corp:@leads\", \"corp:*\", \"g_abc\"]"), &[][..]),
        (
            grouped.clone() + &room("owners = [\"crop:@leads\"]"),
            &["[[room]] `team-*`", "`crop:@leads`", "`crop`"],
        ),
        (format!("operators = [\"crop:7\"]\n{login}"), &["operators", "`crop:7`"]),
        (login.to_owned() + &room("readers = [\"corp:@leads\"]"), &["`corp:@leads`", "groups-claim"]),
        (login.to_owned() + &room("readers = [\"corp:leads\"]"), &[]),
        ("rooms = [\"lobby\", \"x-*\"]\n".to_owned() + &room(""), &["`team-*`", "`rooms`"]),
        (
            "[[site]]\nname = \"shop\"\norigins = [\"https://shop.example\"]\n".to_owned(),
            &["[[site]] `shop`", "--embed-origins"],
        ),
        ("rooms = [\"lobby\", \"team-7\"]\n".to_owned() + &room(""), &[]),
        ("rooms = [\"*-7\"]\n".to_owned() + &room(""), &[]),
    ] {
        let doubts = with_file(&toml, &[]).unwrap().doubts();
        assert_eq!(doubts.is_empty(), words.is_empty(), "{toml}: {doubts:?}");
        assert!(words.iter().all(|word| doubts[0].contains(word)), "{toml}: {doubts:?}");
    }
    let many: Vec<String> = (0..30).map(|number| format!("\"crop:{number}\"")).collect();
    let doubts = with_file(&format!("operators = [{}]", many.join(", ")), &[]).unwrap().doubts();
    assert_eq!((doubts.len(), doubts[20].as_str()), (21, "and 10 more of this sort"));
}

#[test]
fn the_recommended_limits_are_those_that_the_help_and_the_docs_name() {
    let recommended = RateLimit::recommended().to_string();
    let help = <Parsed as clap::CommandFactory>::command().render_long_help().to_string();
    let docs = include_str!("../../../docs/operations.md");
    let greedy = include_str!("../../../loadtest/src/greedy/round.rs");
    for text in [help.as_str(), docs, greedy] {
        assert!(text.split_whitespace().collect::<String>().contains(&recommended));
    }
}

#[test]
fn who_can_be_reached_by_strangers_has_limits_unless_they_are_switched_off() {
    let recommended = RateLimit::recommended();
    for (toml, limits, trusts_itself) in [
        ("", RateLimit::default(), false),
        ("address = \"0.0.0.0:80\"", recommended, false),
        ("public-url = \"https://chat.example.org\"", recommended, true),
        ("public-url = \"https://chat.example.org\"\ntrusted-proxies = []", recommended, false),
        ("address = \"0.0.0.0:80\"\nrate-limit = \"off\"", RateLimit::default(), false),
        ("address = \"0.0.0.0:80\"\nrate-limit = \"guests=1\"", "guests=1".parse().unwrap(), false),
    ] {
        let settings = with_file(toml, &[]).unwrap();
        assert_eq!(settings.limits(), limits, "{toml}");
        let mut headers = hyper::HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
        let client = settings.proxies().client("127.0.0.1".parse().unwrap(), &headers);
        let trusted = !client.is_exempt && client.address.to_string() == "203.0.113.7";
        assert_eq!(trusted, trusts_itself, "{toml}");
    }
}

#[test]
fn a_name_alone_is_all_that_a_site_on_the_internet_needs() {
    let alone = with_file("acme = [\"Chat.example.org\", \"www.example.org\"]\nlog = \"/x/log.redb\"", &[]);
    let alone = alone.unwrap();
    assert_eq!(alone.address, "0.0.0.0:443".parse().unwrap());
    assert_eq!(alone.redirect.unwrap().to_string(), "0.0.0.0:80");
    assert_eq!(alone.public_url.as_ref().unwrap().origin(), "https://chat.example.org");
    assert!(alone.has_tls() && alone.is_reached_by_tls());
    assert_eq!(alone.hsts(), Hsts::recommended());
    let acme = alone.acme().unwrap();
    assert_eq!((acme.domains.len(), acme.cache.as_path()), (2, Path::new("/x/log.acme")));
    assert!(acme.directory.as_str().contains("letsencrypt"));
    for (toml, address, redirect, url) in [
        ("address = \"127.0.0.1:8443\"", "127.0.0.1:8443", None, "https://a.example"),
        ("redirect = \"off\"", "0.0.0.0:443", Some("off"), "https://a.example"),
        ("public-url = \"https://b.example\"", "0.0.0.0:443", Some("0.0.0.0:80"), "https://b.example"),
    ] {
        let settings = with_file(toml, &["--acme", "a.example"]).unwrap();
        assert_eq!(settings.address, address.parse().unwrap(), "{toml}");
        assert_eq!(settings.redirect.map(|at| at.to_string()).as_deref(), redirect, "{toml}");
        assert_eq!(settings.public_url.unwrap().origin(), url, "{toml}");
    }
}

#[test]
fn browsers_are_told_to_come_by_tls_only_where_the_site_has_a_name_of_its_own() {
    let tls = "tls-certificate = \"a\"\ntls-key = \"b\"\n";
    let year = "365d".parse::<Hsts>().unwrap();
    for (toml, hsts) in [
        (String::new(), Hsts::Off),
        ("public-url = \"https://chat.example.org\"".to_owned(), Hsts::Off),
        (tls.to_owned(), Hsts::Off),
        (format!("{tls}hsts = \"365d\""), year),
        (format!("{tls}public-url = \"https://chat.example.org\""), year),
        (format!("{tls}public-url = \"https://chat.example.org\"\nhsts = \"off\""), Hsts::Off),
        (format!("{tls}public-url = \"https://localhost:8443\""), Hsts::Off),
        (format!("{tls}public-url = \"https://192.0.2.1\""), Hsts::Off),
        (format!("{tls}public-url = \"https://[2001:db8::1]\""), Hsts::Off),
    ] {
        assert_eq!(with_file(&toml, &[]).unwrap().hsts(), hsts, "{toml}");
    }
}

#[test]
fn a_wrong_value_says_what_was_wrong_and_what_is_allowed() {
    for (toml, args, words) in [
        ("adress = \"127.0.0.1:1\"", &[][..], &["adress", "address"][..]),
        ("address = \"nowhere\"", &[], &["nowhere", "127.0.0.1:8080"]),
        ("address = 80", &[], &["address", "string"]),
        ("log = \"\"", &[], &["temp:", "memory:"]),
        ("log-format = \"xml\"", &[], &["xml", "text", "json"]),
        ("log = ", &[], &["TOML"]),
        ("keep = \"10s\"", &[], &["keep", "1m at least"]),
        ("", &["--keep", "soon"], &["--keep", "30d", "forever"]),
        ("", &["--keep-bytes", "lots"], &["--keep-bytes", "4GiB"]),
        ("public-url = \"chat.example.org\"", &[], &["public-url", "https://chat.example.org"]),
        ("rate-limit = \"messages=5\"", &[], &["rate-limit", "messages=5", "author=RATE/BURST"]),
        ("trusted-proxies = [\"nginx\"]", &[], &["trusted-proxies", "nginx", "10.0.0.0/8"]),
        ("", &["--public-url", "https://a.example/b"], &["--public-url", "without a path"]),
        ("", &["--rate-limit", "author=0"], &["--rate-limit", "author=0", "1000000"]),
        ("", &["--trusted-proxies", "10.0.0.1,x"], &["--trusted-proxies", "`x`"]),
        ("", &["--address", "127.0.0.1:99999"], &["--address", "99999", "65535"]),
        ("", &["--log-format", "xml"], &["xml", "text", "json"]),
        ("", &["--admin-address", "9080"], &["--admin-address", "9080", "unix:/run/millchat/admin.sock"]),
        ("admin-address = \"unix:x\"", &[], &["admin-address", "unix:x", "absolute path"]),
        ("", &["--drain-delay", "2h"], &["--drain-delay", "`2h`", "1h at most"]),
        ("drain-delay = \"soon\"", &[], &["drain-delay", "`soon`", "10s"]),
        ("session = \"10m\"", &[], &["session", "`10m`", "1h to 1y"]),
        ("", &["--sign-in-again", "soon"], &["--sign-in-again", "`soon`", "1h to 1y"]),
        ("tls-key = \"x.key\"", &[], &["tls-key", "tls-certificate", "line 1"]),
        ("", &["--tls-certificate", "x.pem"], &["tls-key", "set by --tls-certificate"]),
        ("acme = [\"localhost\"]", &[], &["acme", "`localhost`", "chat.example.org"]),
        ("acme = \"chat.example.org\"", &[], &["acme", "sequence"]),
        ("", &["--acme", "*.example.org"], &["--acme", "no *"]),
        ("acme-contact = \"a@b.c\"", &[], &["acme-contact", "acme is not", "line 1"]),
        ("acme-cache = \"x\"", &[], &["acme-cache", "acme is not"]),
        ("acme = [\"a.example\"]\nlog = \"temp:\"", &[], &["acme-cache", "line 1"]),
        (
            "acme = [\"a.example\"]\ntls-certificate = \"a\"\ntls-key = \"b\"",
            &[],
            &["acme", "tls-certificate", "line 1", "line 2"],
        ),
        ("", &["--acme", "a.example", "--acme-directory", "http://x"], &["--acme-directory", "http://x"]),
        ("", &["--acme", "a.example", "--acme-contact", "ops"], &["--acme-contact", "`ops`"]),
        ("http2 = true", &[], &["http2", "string"]),
        ("", &["--http2", "maybe"], &["maybe", "on", "off"]),
        ("hsts = \"1000d\"", &[], &["hsts", "730d at most"]),
        ("", &["--redirect", "80"], &["--redirect", "`80`", "or off"]),
        ("redirect = \"0.0.0.0:80\"", &[], &["redirect", "public-url", "line 1"]),
        (
            "redirect = \"0.0.0.0:80\"\npublic-url = \"http://chat.example.org\"",
            &[],
            &["redirect", "https", "line 1"],
        ),
        ("", &["--nonsense"], &["--nonsense"]),
        ("rooms = [\"lobby\", \"a b\"]", &[], &["rooms", "`a b`", "team-*"]),
        ("rooms = []", &[], &["rooms", "leave it out"]),
        ("", &["--rooms", "lobby,x.y"], &["--rooms", "`x.y`"]),
        ("new-rooms = \"some\"", &[], &["new-rooms", "`some`", "signed-in"]),
        ("", &["--new-rooms", "some"], &["--new-rooms", "signed-in"]),
        (
            "embed-origins = [\"shop.example\"]",
            &[],
            &["line 1: embed-origins", "`shop.example`", "https://shop.example"],
        ),
        ("embed-origins = [\"*\", \"https://a.example\"]", &[], &["embed-origins", "alone"]),
        ("", &["--embed-origins", "http://a.example"], &["--embed-origins", "`http://a.example`"]),
        (
            "[[site]]\nname = \"shop\"\norigins = [\"https://*.example\"]",
            &[],
            &["line 1: site", "`https://*.example`", "two labels"],
        ),
        ("operators = [\"Ada\"]", &[], &["operators", "`Ada`", "LOGIN:@GROUP"]),
        ("", &["--operators", "corp:"], &["--operators", "`corp:`"]),
        ("[[room]]\npolicy = \"members\"", &[], &["line 1: room", "name"]),
        ("\n[[room]]\nname = \"x\"\npolice = \"members\"", &[], &["line 2: room", "`police`", "policy"]),
        ("[[room]]\nname = \"x\"\npolicy = \"secret\"", &[], &["`secret`", "members"]),
        ("[[room]]\nname = \"team\"\npolicy = \"visitor\"", &[], &["`team`", "support-*", "1 to 44"]),
        ("[[room]]\nname = \"*\"\npolicy = \"visitor\"", &[], &["`*`", "support-*"]),
        ("[[room]]\nname = \"s-*\"\npolicy = \"visitor\"\nguests = \"read\"", &[], &["`s-*`", "no `guests`"]),
        (
            "[[room]]\nname = \"s-*\"\npolicy = \"visitor\"\ncreator = \"owner\"",
            &[],
            &["`s-*`", "no `creator`"],
        ),
        ("[[room]]\nname = \"x\"\nguests = \"some\"", &[], &["`some`", "write"]),
        ("[[room]]\nname = \"x\"\ncreator = \"me\"", &[], &["`me`", "owner"]),
        ("[[room]]\nname = \"x y\"", &[], &["`x y`"]),
        ("[[room]]\nname = \"x\"\ntitle = \" x\"", &[], &["title", "100"]),
        ("[[room]]\nname = \"x\"\nreaders = [\"corp\"]", &[], &["`corp`", "LOGIN:@GROUP"]),
        ("room = 7", &[], &["room", "sequence"]),
    ] {
        let error = with_file(toml, args).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{toml} {args:?}: {error}");
        }
    }
    let missing = settings(["millchat", "--config", "/no/such.toml"]).unwrap_err();
    assert!(missing.contains("/no/such.toml") && missing.contains("set by --config"), "{missing}");
}

#[test]
fn a_node_of_many_has_all_its_settings_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s".repeat(32)).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let secret = secret.to_str().unwrap();
    let all = [
        ("--journal", "nats://a:4222,nats://b:4222"),
        ("--peer-address", "b:8081"),
        ("--peers", "a:8081,b:8081"),
        ("--cluster-secret-file", secret),
    ];
    let with = |changed: &[(&str, &str)]| {
        let value = |flag: &str| changed.iter().find(|(name, _)| *name == flag).map(|(_, value)| *value);
        let kept = all.iter().map(|(flag, of_all)| (*flag, value(flag).unwrap_or(of_all)));
        let added = changed.iter().copied().filter(|(flag, _)| all.iter().all(|(name, _)| name != flag));
        let pairs: Vec<_> = kept.chain(added).filter(|(_, value)| !value.is_empty()).collect();
        settings(["millchat"].into_iter().chain(pairs.into_iter().flat_map(|(flag, value)| [flag, value])))
    };
    let node = with(&[]).unwrap().node.expect("it is one of many");
    assert_eq!(node.members.len(), 2);
    assert_eq!(settings(["millchat"]).unwrap().node, None);
    for (flag, _) in all {
        let refused = with(&[(flag, "")]).unwrap_err();
        assert!(refused.contains(&flag[2..]), "{refused}");
    }
    for (changed, words) in [
        (("--peers", "a:8081"), "b:8081 is not among them"),
        (("--peers", "a:8081,b:8081,a:8081"), "names a:8081 twice"),
        (("--peers", "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9,b:8081"), "9 at most"),
        (("--peer-address", "b"), "is not the address of a node"),
        (("--log", "temp:"), "is a file"),
        (("--acme", "chat.example.org"), "acme is for a single node"),
        (("--journal-password-file", secret), "journal-password-file is for Postgres"),
        (("--journal", "nats://a:4222,postgres://chat:geheim@db/chat"), "and not both or two"),
        (("--journal", "postgres://chat:geheim@db/chat,nats://a:4222"), "and not both or two"),
        (("--journal", "postgres://db/chat,postgres://other/chat"), "and not both or two"),
        (("--journal", "postgres://chat:geheim@db/chat"), "put it into the file of journal-password-file"),
        (("--journal", "postgres://chat:geheim@db:port/chat"), "postgres://USER@HOST:PORT/DATABASE"),
    ] {
        let refused = with(&[changed]).unwrap_err();
        assert!(refused.contains(words), "{changed:?}: {refused}");
        assert!(!refused.contains("geheim"), "{refused}");
    }
    let postgres = ("--journal", "postgres://chat@a:5432,b:5432/chat");
    let node =
        with(&[postgres, ("--journal-password-file", secret)]).unwrap().node.expect("it is one of many");
    let shown = format!("{:?}", node.journal);
    assert!(shown.contains(r#"Tcp("a"), Tcp("b")"#) && shown.contains(secret), "{shown}");
    let refused = with(&[postgres, ("--journal-nkey-file", secret)]).unwrap_err();
    assert!(refused.contains("journal-nkey-file is for NATS"), "{refused}");
}
