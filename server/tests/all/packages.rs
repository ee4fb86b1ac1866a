//! The packages: the image's file, the Debian package, and the static program.
//!
//! The release builds take minutes, so `make test` packs the program at hand, installs that package and
//! starts it. `make prove` has `make dist` build both, names their folder in [`DIST`], and runs the tests
//! that ask for it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::host::Host;
use crate::support::server::BINARY;
use crate::support::{Api, free_port, listens, turn};

/// The variable that names the folder that `make dist` filled.
const DIST: &str = "MILLCHAT_DIST";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the file of a folder whose name ends so.
fn file(folder: &Path, end: &str) -> PathBuf {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = files.map(|file| file.unwrap().path());
    let file = files.find(|file| file.to_str().unwrap().ends_with(end));
    file.unwrap_or_else(|| panic!("{} has no {end}", folder.display()))
}

/// Returns what `make dist` built, by the end of its name.
fn built(end: &str) -> PathBuf {
    file(Path::new(&std::env::var_os(DIST).expect(DIST)), end)
}

/// Packs the program at hand as `make dist` packs the release.
fn packed(folder: &Path) -> PathBuf {
    fs::create_dir(folder.join("release")).unwrap();
    symlink(BINARY, folder.join("release/millchat")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["deb", "--no-build", "--offline", "--locked", "--strip", "--fast"])
        .args(["-p", "millchat-server", "--output"])
        .arg(folder)
        .env("CARGO_TARGET_DIR", folder)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}; `make install` installs cargo-deb");
    file(folder, ".deb")
}

/// A send and a read: it is a chat.
async fn talk(address: SocketAddr) {
    let api = Api::new(address);
    listens("the server listens", address).await;
    let ada = api.guest("Ada").await;
    let position = api.say("lobby", &ada, "hello").await;
    let history = api.history("lobby", "").await;
    assert_eq!(history["messages"][0]["position"], position);
    assert_eq!(history["messages"][0]["content"], "hello");
    api.get("/lobby").await.expect(200);
}

#[test]
fn the_image_is_built_of_what_is_there() {
    let dockerfile = text("docs/Dockerfile");
    let rust =
        text("Cargo.toml").split_once("\nrust-version = \"").unwrap().1.split('"').next().unwrap().to_owned();
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-slim-bookworm AS build\n")), "{dockerfile}");
    // Both stages are of one release: what is linked in the first runs in the second.
    assert!(dockerfile.contains("\nFROM debian:bookworm-slim\n"), "{dockerfile}");
    // The first stage copies everything that is not left out, and what the build reads is not.
    assert!(!root().join(".dockerignore").exists());
    let left_out = text("docs/Dockerfile.dockerignore");
    assert_eq!(left_out.lines().collect::<Vec<_>>(), [".git", "**/target", "**/node_modules", "**/*.redb"]);
    assert!(dockerfile.contains("\nRUN cargo build --release --locked -p millchat-server\n"), "{dockerfile}");
    assert!(dockerfile.contains("COPY --from=build /src/target/release/millchat /usr/local/bin/millchat\n"));
    // The slim image has a C compiler and no make.
    assert!(dockerfile.contains("apt-get install -y --no-install-recommends make "), "{dockerfile}");
    assert!(dockerfile.contains("\nUSER millchat\n"), "not as root");
    // Its health is asked by the program itself, at the address that its variable sets.
    let health = dockerfile.lines().find(|line| line.starts_with("HEALTHCHECK ")).expect("a health check");
    assert!(health.ends_with("CMD [\"/usr/local/bin/millchat\", \"probe\"]"), "{health}");
    assert!(dockerfile.contains("ENV MILLCHAT_ADDRESS=0.0.0.0:8080 "), "{dockerfile}");
}

#[test]
fn the_package_is_made_of_the_documented_files() {
    let manifest = text("server/Cargo.toml");
    let deb = manifest.split_once("[package.metadata.deb]").unwrap().1;
    for line in deb.lines().filter_map(|line| line.trim().strip_prefix("[\"../")) {
        let source = line.split('"').next().unwrap();
        assert!(root().join(source).is_file(), "{source}");
    }
    // cargo-deb finds these by their names, and makes the scripts of the package of them.
    for name in ["millchat.service", "millchat.sysusers", "millchat.tmpfile"] {
        assert_eq!(text(&format!("server/debian/{name}")), text(&format!("docs/{name}")), "{name}");
    }
    assert_eq!(fs::read_dir(root().join("server/debian")).unwrap().count(), 3);
}

#[test]
fn a_page_of_the_package_leads_to_no_page_that_is_not_in_it() {
    let manifest = text("server/Cargo.toml");
    let assets = manifest.lines().filter_map(|line| line.trim().strip_prefix("[\"../docs/"));
    let pages: Vec<&str> = assets.filter_map(|asset| asset.split('"').next()?.strip_suffix(".md")).collect();
    assert!(pages.contains(&"operations"), "{pages:?}");
    for page in &pages {
        let text = text(&format!("docs/{page}.md"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_there = link.strip_suffix(".md").is_none_or(|other| pages.contains(&other));
            assert!(is_there || link.contains("://"), "docs/{page}.md leads to {link}");
        }
    }
}

#[tokio::test]
#[ignore = "make prove builds the program, which takes minutes"]
async fn the_static_program_runs_where_there_is_nothing_else() {
    let program = built("-linux");
    let libraries = Command::new("ldd").arg(&program).output().unwrap();
    let libraries = String::from_utf8([libraries.stdout, libraries.stderr].concat()).unwrap();
    assert!(
        libraries.contains("statically linked") || libraries.contains("not a dynamic executable"),
        "{libraries}"
    );
    let _turn = turn::start().await;
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let mut host = Host::new();
    // The kernel's devices are there, as in any container: randomness comes from one of them.
    host.run(&format!(
        "mkdir -p empty/dev; mount --rbind /dev empty/dev; cp {} empty/millchat
        chroot empty /millchat --address {address} --log /log.redb --admin-token 0123456789abcdef >/dev/null 2>&1 &",
        program.display()
    ));
    talk(address).await;
    let port = address.port();
    // There are no files from which a C library would learn names.
    let said = host.run(&format!("chroot empty /millchat probe http://localhost:{port}"));
    assert_eq!(said, format!("http://localhost:{port} is ready\n"));
    host.run(&format!(
        "chroot empty /millchat backup --from http://localhost:{port} --admin-token 0123456789abcdef /backup.redb
        chroot empty /millchat check /backup.redb",
    ));
}

#[tokio::test]
async fn a_debian_package_of_the_program_at_hand_installs_a_service_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let package = packed(folder.path());
    let _turn = turn::start().await;
    install_and_run(&package).await;
}

#[tokio::test]
#[ignore = "make prove builds the package, which takes minutes"]
async fn the_debian_package_installs_a_service_that_runs() {
    let _turn = turn::start().await;
    install_and_run(&built(".deb")).await;
}

/// Installs a package as an operator does, talks, upgrades it, and removes it.
async fn install_and_run(package: &Path) {
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let mut host = Host::new();
    host.put(package, "/root/millchat.deb");
    host.enter();
    // The scripts of the package find no systemd that runs, as in a container or while an image is made. What
    // the next start of the machine does follows by hand.
    host.run(
        "rm -rf /run/systemd/system; dpkg -i /root/millchat.deb; systemd-tmpfiles --create millchat.conf",
    );
    assert_eq!(host.run("stat -c '%U:%G %a' /etc/millchat"), "root:millchat 750\n");
    assert!(host.run("dpkg-query -W -f '${Conffiles}' millchat").contains("/etc/millchat.toml"));
    host.run("getent passwd millchat; systemd-analyze verify /usr/lib/systemd/system/millchat.service");
    host.run("ls /etc/systemd/system/multi-user.target.wants/millchat.service");
    host.run(&format!("echo 'address = \"{address}\"' >>/etc/millchat.toml; systemctl start millchat"));
    talk(address).await;
    // The commands find what the package installed, and changed settings outlive an upgrade.
    host.run(
        "which millchat | grep -x /usr/bin/millchat; systemctl stop millchat; dpkg -i /root/millchat.deb",
    );
    host.run("systemctl start millchat");
    let history = Api::new(address).history("lobby", "").await;
    assert_eq!(history["messages"][0]["content"], "hello", "the log outlives an upgrade too");
    host.run("systemctl stop millchat; dpkg --remove millchat; ls /var/lib/millchat/millchat.redb");
    host.run("! which millchat");
}
