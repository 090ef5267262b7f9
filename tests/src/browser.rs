//! A real browser without a screen: Chromium, driven by its `DevTools` protocol over two pipes.
//!
//! <https://chromedevtools.github.io/devtools-protocol/> has the methods. Messages are JSON with a zero byte after each;
//! so no port and no WebSocket is needed.

mod program;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::until::SOON;

/// One browser with one page. It ends with this.
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    messages: Receiver<Value>,
    /// What has come besides answers.
    events: VecDeque<Value>,
    session: Option<String>,
    asked: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts it with an empty page.
    ///
    /// # Panics
    /// Where there is no Chromium and none can be fetched, with the command that a person should run.
    pub fn start() -> Self {
        let chromium = program::chromium();
        let profile = tempfile::tempdir().expect("a folder for the browser");
        // The browser reads orders from descriptor 3, and writes answers to 4. `exec`, so that the child is the browser.
        let mut command = chromium.command("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2"]).arg(&chromium.path);
        command.args([
            "--headless",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ]);
        command.args(["--disable-dev-shm-usage", "--disable-background-networking", "--disable-extensions"]);
        command.args(["--no-proxy-server", "--hide-scrollbars", "about:blank"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.env("HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the browser starts");
        let orders = child.stdin.take().expect("it is piped");
        let answers = child.stdout.take().expect("it is piped");
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let events = VecDeque::new();
        let mut browser =
            Self { child, orders, messages, events, session: None, asked: 0, _profile: profile };
        browser.attach();
        browser
    }

    /// Takes over a new page.
    fn attach(&mut self) {
        let created = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": created["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", &attach);
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Calls a method of the protocol, and returns its result.
    ///
    /// # Panics
    /// Where it fails, or is not answered within [`SOON`].
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut order = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        let mut bytes = order.to_string().into_bytes();
        bytes.push(0);
        self.orders.write_all(&bytes).expect("the browser runs");
        let until = Instant::now() + SOON;
        loop {
            let message = self.receive(until).unwrap_or_else(|| panic!("no answer to {method}"));
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn receive(&mut self, until: Instant) -> Option<Value> {
        let left = until.saturating_duration_since(Instant::now());
        self.messages.recv_timeout(left).ok()
    }

    /// Goes to an address, and waits until it is loaded; what was heard of the page before is forgotten.
    pub fn go(&mut self, address: &str) {
        self.events.clear();
        let navigated = self.call("Page.navigate", &json!({ "url": address }));
        assert!(navigated["errorText"].is_null(), "{address}: {navigated}");
        let until = Instant::now() + SOON;
        let is_loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.iter().any(is_loaded) {
            let event = self.receive(until).unwrap_or_else(|| panic!("{address} is not loaded"));
            self.events.push_back(event);
        }
    }

    /// What an expression of JavaScript comes to.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", &params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true; how long that took.
    #[track_caller]
    pub fn until(&mut self, expression: &str, limit: Duration) -> Duration {
        let begin = Instant::now();
        while self.eval(expression) != true {
            let text = if begin.elapsed() > limit { self.text() } else { String::new() };
            assert!(text.is_empty(), "not within {limit:?}: {expression}\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
        begin.elapsed()
    }

    /// What a person reads on the page.
    pub fn text(&mut self) -> String {
        self.eval("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// The whole page as markup.
    pub fn markup(&mut self) -> String {
        self.eval("document.documentElement.outerHTML").as_str().unwrap_or_default().to_owned()
    }

    /// Presses a key, such as `Tab`, `Escape` or `/`.
    pub fn press(&mut self, key: &str) {
        let (text, code) = match key {
            "Tab" => ("", 9),
            "Enter" => ("\r", 13),
            "Escape" => ("", 27),
            key => (key, 0),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// The width of the window in pixels, and whether a person prefers dark colours.
    pub fn look(&mut self, width: u32, is_dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &media);
    }

    /// Whether scripts of pages run that are loaded from now on.
    pub fn run_scripts(&mut self, on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !on }));
    }

    /// The whole page as a PNG.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let shot =
            self.call("Page.captureScreenshot", &json!({ "captureBeyondViewport": true, "format": "png" }));
        STANDARD.decode(shot["data"].as_str().unwrap_or_default()).expect("it is base64")
    }

    /// What the browser complained of since the page was loaded: errors of scripts, refused by a policy, not found.
    pub fn complaints(&mut self) -> Vec<String> {
        // What comes before the answer is heard of.
        self.eval("0");
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            _ => false,
        };
        self.events.iter().filter(is_complaint).map(Value::to_string).collect()
    }

    /// The addresses that the page has asked for.
    pub fn requests(&mut self) -> Vec<String> {
        self.eval("0");
        let requests = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        requests.filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
