//! A person at a real browser, Chromium mostly, driven by its driver; both are gone when it is dropped.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{BrowserLogEntry, LoggingPrefsLogLevel, WindowHandle};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::SemaphorePermit;

use super::engine::{Driver, Engine};
use super::{PATIENCE, turn, within};

/// Words of chromedriver once it listens, before the port.
const STARTED: &str = "started successfully on port ";
/// Time between two looks at a page that has not got there yet.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Nothing that a fresh browser would do by itself on the network, and no sandbox: tests may run as root.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,800",
];

/// Language that the reader of a browser prefers, unless a test says otherwise.
const ENGLISH: &str = "en-US";

/// One browser with a profile of its own.
pub struct Browser {
    driver: WebDriver,
    port: u16,
    // Dropped in this order: the driver, then the profile, then the turn.
    _driver: Vec<Child>,
    _profile: TempDir,
    _turn: Arc<SemaphorePermit<'static>>,
}

impl Browser {
    /// Opens a browser at this address.
    pub async fn open(url: &str) -> Self {
        Self::open_in(url, ENGLISH).await
    }

    /// Opens one that takes the certificates of authorities that it does not know.
    pub async fn open_untrusted(url: &str) -> Self {
        Self::open_by(url, &["--ignore-certificate-errors"]).await
    }

    /// Opens one that was started with these arguments.
    pub async fn open_by(url: &str, arguments: &[&str]) -> Self {
        let browser = Self::launch_with(ENGLISH, arguments, json!({})).await;
        browser.go(url).await;
        browser
    }

    /// Opens one whose reader has changed these settings of it, by their names in its profile.
    pub async fn open_set(url: &str, preferences: Value) -> Self {
        let browser = Self::launch_with(ENGLISH, &[], preferences).await;
        browser.go(url).await;
        browser
    }

    /// Opens one whose reader prefers these languages, as `Accept-Language` lists them.
    pub async fn open_in(url: &str, languages: &str) -> Self {
        let browser = Self::launch(languages).await;
        browser.go(url).await;
        browser
    }

    /// Opens one that is a phone of this width.
    pub async fn open_phone(url: &str, width: u32, height: u32) -> Self {
        let browser = Self::launch(ENGLISH).await;
        browser.resize(width, height, 2.0, true).await;
        browser.go(url).await;
        browser
    }

    /// Opens another browser than Chromium at this address. What is said in Chromium's own protocol is not
    /// for it.
    pub async fn open_engine(engine: Engine, url: &str) -> Self {
        let turn = turn::browser().await;
        let profile = tempfile::tempdir().unwrap();
        let Driver { port, capabilities, programs } = engine.start(profile.path()).await;
        let driver =
            WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities).client(http_client());
        let driver = within("the browser starts", driver.connect()).await.unwrap();
        let browser = Self { driver, port, _driver: programs, _profile: profile, _turn: turn };
        browser.go(url).await;
        browser
    }

    /// Opens a second tab in front of this one, at this address; gives the one that was in front.
    pub async fn open_tab(&self, url: &str) -> WindowHandle {
        let before = self.driver.window().await.unwrap();
        let tab = self.driver.new_tab().await.unwrap();
        self.driver.switch_to_window(tab).await.unwrap();
        self.go(url).await;
        before
    }

    /// The tab in front.
    pub async fn here(&self) -> WindowHandle {
        self.driver.window().await.unwrap()
    }

    /// Puts another tab before this room's, lets something happen, and comes back once the room's page has as
    /// many messages as it should then have: they came while nobody looked.
    pub async fn look_away(&self, meanwhile: impl Future<Output = ()>, messages: usize) {
        self.js(
            "const note = () => localStorage.setItem('test:rows', document.querySelectorAll('#messages > .msg').length);
             new MutationObserver(note).observe(document.querySelector('#messages'), { childList: true });",
        )
        .await;
        let url = self.js("return `${location.origin}/healthz`").await;
        let before = self.open_tab(url.as_str().unwrap()).await;
        meanwhile.await;
        self.until(&format!("localStorage.getItem('test:rows') === '{messages}'")).await;
        self.switch_to(before).await;
    }

    /// Opens a tab like [`Self::open_tab`] in which this script runs before those of each page.
    pub async fn open_tab_with(&self, script: &str, url: &str) -> WindowHandle {
        let before = self.open_tab("about:blank").await;
        self.before_pages(script).await;
        self.go(url).await;
        before
    }

    /// Has this script run in this tab before those of each page.
    pub async fn before_pages(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Opens a browser that runs no script of pages.
    pub async fn without_script() -> Self {
        let page = Self::open("about:blank").await;
        page.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        page
    }

    /// All its tabs and windows.
    pub async fn windows(&self) -> Vec<WindowHandle> {
        self.driver.windows().await.unwrap()
    }

    /// Goes to that tab.
    pub async fn switch_to(&self, tab: WindowHandle) {
        self.driver.switch_to_window(tab).await.unwrap();
    }

    /// Closes that tab and stays in this one.
    pub async fn close(&self, tab: WindowHandle) {
        let here = self.driver.window().await.unwrap();
        self.driver.switch_to_window(tab).await.unwrap();
        self.driver.close_window().await.unwrap();
        self.driver.switch_to_window(here).await.unwrap();
    }

    /// Puts the pointer over what this selector finds.
    pub async fn hover(&self, selector: &str) {
        let element = within("an element is found", self.driver.find(By::Css(selector))).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        self.driver.action_chain().move_to_element_center(&element).perform().await.unwrap();
    }

    /// Says something to the browser in its own protocol.
    pub async fn cdp(&self, method: &str, parameters: Value) {
        self.ask(method, parameters).await;
    }

    /// The same, with its answer.
    pub async fn ask(&self, method: &str, parameters: Value) -> Value {
        within("the browser obeys", self.driver.cdp().send_raw(method, parameters)).await.unwrap()
    }

    /// A screen of this size; `scale`: pixels of the device for each of the page.
    pub async fn resize(&self, width: u32, height: u32, scale: f64, mobile: bool) {
        self.driver
            .cdp()
            .emulation()
            .set_device_metrics_override(width, height, scale, mobile)
            .await
            .unwrap();
    }

    /// A picture of what is in sight, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        self.driver.screenshot_as_png().await.unwrap()
    }

    /// The same as WebP, which is small.
    pub async fn small_picture(&self) -> Vec<u8> {
        let how = json!({ "format": "webp", "quality": 70 });
        let taken = self.ask("Page.captureScreenshot", how).await;
        BASE64_STANDARD.decode(taken["data"].as_str().expect("a picture")).unwrap()
    }

    /// Returns the cookies by which the browser is known, to be given back later.
    pub async fn cookies(&self) -> Value {
        self.ask("Network.getAllCookies", json!({})).await["cookies"].clone()
    }

    /// Gives them back.
    pub async fn set_cookies(&self, cookies: Value) {
        self.cdp("Network.setCookies", json!({ "cookies": cookies })).await;
    }

    /// Sets what the reader's system asks of pages, such as `prefers-color-scheme`.
    pub async fn prefers(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    async fn launch(languages: &str) -> Self {
        Self::launch_with(languages, &[], json!({})).await
    }

    async fn launch_with(languages: &str, more: &[&str], preferences: Value) -> Self {
        let turn = turn::browser().await;
        let (chromedriver, port) = start_chromedriver().await;

        let profile = tempfile::tempdir().unwrap();
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in ARGUMENTS.iter().chain(more) {
            capabilities.add_arg(argument).unwrap();
        }
        capabilities.add_arg(&format!("--accept-lang={languages}")).unwrap();
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        capabilities.add_experimental_option("prefs", preferences).unwrap();
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let client = http_client();
        let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities).client(client);
        let driver = within("Chromium starts", driver.connect()).await;
        let driver = driver.expect("Chromium does not start; `make test` installs it");
        Self { driver, port, _driver: vec![chromedriver], _profile: profile, _turn: turn }
    }

    pub async fn go(&self, url: &str) {
        within("a page loads", self.driver.goto(url)).await.unwrap();
    }

    pub async fn reload(&self) {
        within("a page loads again", self.driver.refresh()).await.unwrap();
    }

    pub async fn url(&self) -> String {
        self.driver.current_url().await.unwrap().to_string()
    }

    /// Runs this script and returns its value.
    pub async fn js(&self, script: &str) -> Value {
        self.js_with(script, Vec::new()).await
    }

    /// Runs this script, given these as `arguments`, and returns its value.
    pub async fn js_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        let result = within("a script runs", self.driver.execute(script, arguments)).await;
        result.unwrap_or_else(|error| panic!("{error} in {script}")).json().clone()
    }

    /// True if this expression is true on the page. A page that is just being exchanged has no answer.
    pub async fn is(&self, expression: &str) -> bool {
        let result = self.driver.execute(format!("return !!({expression})"), Vec::new()).await;
        result.is_ok_and(|result| result.json() == &Value::Bool(true))
    }

    /// Waits until this expression is true on the page.
    pub async fn until(&self, expression: &str) {
        let look = async {
            while !self.is(expression).await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(PATIENCE, look).await.is_err() {
            let body = self.js("return document.body.innerText").await;
            panic!(
                "waited {PATIENCE:?} in vain for {expression}; the page says:\n{body}\n{:?}",
                self.log().await
            );
        }
    }

    /// Waits until the page says this somewhere.
    pub async fn until_text(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", Value::from(text))).await;
    }

    /// Types into what this selector finds, key by key.
    pub async fn keys(&self, selector: &str, keys: impl Into<TypingData>) {
        let element = within("an element is found", self.driver.find(By::Css(selector))).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.send_keys(keys).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    pub async fn click(&self, selector: &str) {
        let element = within("an element is found", self.driver.find(By::Css(selector))).await;
        element.unwrap_or_else(|error| panic!("{selector}: {error}")).click().await.unwrap();
    }

    /// Clicks the element that this expression gives, also one in the shadow of another.
    pub async fn click_found(&self, expression: &str) {
        self.found(expression).await.click().await.unwrap();
    }

    /// Goes into the frame that this expression gives: what follows happens there.
    pub async fn enter_found(&self, expression: &str) {
        self.found(expression).await.enter_frame().await.unwrap();
    }

    /// Goes back to the page around all frames.
    pub async fn leave_frame(&self) {
        self.driver.enter_default_frame().await.unwrap();
    }

    async fn found(&self, expression: &str) -> WebElement {
        let found = self.driver.execute(format!("return {expression}"), Vec::new()).await;
        found.unwrap().element().unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Gives a name, as a person who is asked for it.
    pub async fn join(&self, name: &str) {
        self.keys("#name", name.to_owned() + Key::Enter).await;
        self.until("document.querySelector('#writer')").await;
    }

    /// Gives a name with the first message, as a panel asks for it.
    pub async fn join_with(&self, name: &str, text: &str) {
        self.keys("#name", name).await;
        self.say(text).await;
        self.until("document.querySelector('.msg.mine')").await;
    }

    /// Writes a message and sends it.
    pub async fn say(&self, text: &str) {
        self.keys("#draft", text.to_owned() + Key::Enter).await;
    }

    /// The messages on the page: position, author's id, text as it was typed.
    pub async fn rows(&self) -> Vec<(u64, String, String)> {
        let rows = self
            .js("return [...document.querySelectorAll('#messages > .msg')].map((row) => {
                    const text = row.querySelector('.text').cloneNode(true);
                    const edited = text.querySelector('.edited');
                    edited?.remove();
                    // A space stands before that mark.
                    const end = edited ? -1 : undefined;
                    const typed = text.dataset.source ?? text.textContent.slice(0, end);
                    return [Number(row.dataset.position), row.dataset.authorId, typed];
                })")
            .await;
        serde_json::from_value(rows).unwrap()
    }

    /// The texts of the messages on the page.
    pub async fn texts(&self) -> Vec<String> {
        self.rows().await.into_iter().map(|(_, _, text)| text).collect()
    }

    /// Waits until the page holds this many messages.
    pub async fn until_messages(&self, count: usize) {
        self.until(&format!("document.querySelectorAll('#messages > .msg').length >= {count}")).await;
    }

    /// Returns the entries of the browser's console since the last look.
    pub async fn log(&self) -> Vec<BrowserLogEntry> {
        self.driver.browser_log().await.unwrap()
    }

    /// Fails if the console holds a warning, an error or a violation of the policy. `network`: whether failed
    /// requests are to be expected, because the server was gone.
    pub async fn assert_quiet(&self, network: bool) {
        for entry in self.log().await {
            let bad =
                matches!(&*entry.level, "SEVERE" | "WARNING") || entry.source.as_deref() == Some("security");
            let expected = network && entry.source.as_deref() == Some("network");
            assert!(!bad || expected, "the console says: {entry:?}");
        }
    }

    /// The network as the browser sees it, off or on.
    pub async fn offline(&self, offline: bool) {
        self.cdp("Network.enable", json!({})).await;
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1
        });
        self.cdp("Network.emulateNetworkConditions", conditions).await;
    }
}

impl Drop for Browser {
    /// Ends the session, which ends Chromium; killing chromedriver alone would leave it behind. By hand and
    /// blocking: the client's connections belong to a runtime that may be busy dropping this.
    fn drop(&mut self) {
        let _ = self.driver.clone().leak();
        let end = || -> io::Result<()> {
            let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            socket.set_read_timeout(Some(PATIENCE))?;
            let session = self.driver.handle().session_id();
            write!(
                socket,
                "DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )?;
            // The answer comes when the browser has ended; chromedriver then keeps the connection.
            socket.read(&mut [0; 1024]).map(|_| ())
        };
        if let Err(error) = end() {
            eprintln!("a browser may be left behind: {error}");
        }
    }
}

fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Starts a chromedriver and returns it with its port. It chooses a port for IPv4 and then takes the same for
/// IPv6; where another program has that one, it ends, and is started again.
async fn start_chromedriver() -> (Child, u16) {
    const STARTS_MAX: usize = 5;
    for _ in 0..STARTS_MAX {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut chromedriver =
            command.spawn().expect("chromedriver is not there; `make test` installs it with Chromium");
        let mut lines = BufReader::new(chromedriver.stdout.take().unwrap()).lines();
        let port = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once(STARTED) {
                    return Some(port.trim_end_matches('.').parse::<u16>().unwrap());
                }
            }
            None
        };
        if let Some(port) = within("chromedriver starts", port).await {
            // It goes on talking; nobody may leave its pipe full.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (chromedriver, port);
        }
    }
    panic!("chromedriver ended {STARTS_MAX} times before it said its port");
}
