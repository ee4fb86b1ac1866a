//! Other browsers than Chromium: Firefox, and `WebKit` in its `MiniBrowser`.
//! `verify/install engines` brings them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use thirtyfour::Capabilities;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{free_port, listens, within};

/// The driver of Firefox, where `verify/install engines` puts it.
const GECKODRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/drivers/bin/geckodriver");
/// Directories in which Debian puts the browser of `WebKit`.
const MINI_BROWSERS: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
];
const MISSING: &str = "is not there; `verify/install engines` brings it";

/// A browser that is not Chromium.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    /// Debian's firefox-esr.
    Firefox,
    /// The `MiniBrowser` of `WebKitGTK`, on a screen of its own that nobody sees.
    WebKit,
}

/// A driver that listens, and the programs that it needs.
pub struct Driver {
    /// Its port.
    pub port: u16,
    /// The capabilities that a session asks for.
    pub capabilities: Capabilities,
    /// The programs, the driver first.
    pub programs: Vec<Child>,
}

impl Engine {
    /// Starts the driver of this engine. `home` holds what the browser keeps.
    pub async fn start(self, home: &Path) -> Driver {
        let port = free_port(Ipv4Addr::LOCALHOST.into()).port();
        let mut capabilities = Capabilities::new();
        let mut programs = Vec::new();
        match self {
            Self::Firefox => {
                capabilities.set("browserName", "firefox").unwrap();
                let firefox = json!({
                    "binary": "/usr/bin/firefox-esr",
                    "args": ["-headless", "--width=1100", "--height=800"],
                    "prefs": { "intl.accept_languages": "en-US" },
                });
                capabilities.set("moz:firefoxOptions", firefox).unwrap();
                let program = if Path::new(GECKODRIVER).exists() { GECKODRIVER } else { "geckodriver" };
                programs.push(spawn(Command::new(program).arg("--port").arg(port.to_string()), home));
            }
            Self::WebKit => {
                let mini_browser = MINI_BROWSERS.into_iter().find(|path| Path::new(path).exists());
                capabilities.set("browserName", "MiniBrowser").unwrap();
                let options = json!({
                    "binary": mini_browser.unwrap_or_else(|| panic!("WebKit's MiniBrowser {MISSING}")),
                    "args": ["--automation", "--geometry=1100x800"],
                });
                capabilities.set("webkitgtk:browserOptions", options).unwrap();
                let (screen, display) = start_screen(home).await;
                let mut driver = Command::new("WebKitWebDriver");
                driver.arg(format!("--port={port}")).env("DISPLAY", display).env("GDK_BACKEND", "x11");
                // There is no graphics card.
                driver.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1").env("LIBGL_ALWAYS_SOFTWARE", "1");
                programs.push(spawn(&mut driver, home));
                programs.push(screen);
            }
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        listens("the driver listens", address).await;
        Driver { port, capabilities, programs }
    }
}

fn spawn(command: &mut Command, home: &Path) -> Child {
    command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env("LANG", "C.UTF-8").stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    child.unwrap_or_else(|error| panic!("{error}: {command:?} {MISSING}"))
}

/// Starts a screen that nobody sees and returns it with its name.
async fn start_screen(home: &Path) -> (Child, String) {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]);
    command.env("HOME", home).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut screen = command.kill_on_drop(true).spawn().unwrap_or_else(|_| panic!("Xvfb {MISSING}"));
    let mut lines = BufReader::new(screen.stdout.take().unwrap()).lines();
    let number = within("the screen says its number", lines.next_line()).await.unwrap();
    (screen, format!(":{}", number.expect("Xvfb says its number").trim()))
}
