//! A browser without a screen (Chromium), told what to do over its DevTools protocol: what a page asks the network for, what it
//! says on the console, how wide it gets.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{LIMIT, need};

/// A browser with one open page. Dropping it ends it.
pub struct Browser {
    child: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    last_id: u64,
    session: Value,
    /// What happened in the page while an answer was waited for.
    events: VecDeque<Value>,
    _profile: TempDir,
}

/// What a page did while it was loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What it said on the console, and what the browser said about it there: errors, exceptions, broken policies.
    pub console: Vec<String>,
    /// What it asked for beside itself, also where its policy forbade it.
    pub requests: Vec<String>,
}

impl Browser {
    /// Starts a browser with an empty page.
    ///
    /// # Panics
    ///
    /// Where Chromium is missing or does not answer.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        // The protocol is on the descriptors 3 and 4. Tests may run as root, where Chromium's sandbox does not.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"])
            .arg(need::tool("chromium"))
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().expect("a shell starts");
        let requests = child.stdin.take().expect("it is a pipe");
        let answers = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("Chromium writes JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let (session, events) = (Value::Null, VecDeque::new());
        let mut browser = Self { child, requests, messages, last_id: 0, session, events, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Makes the page so many pixels wide, and the system's taste light or dark.
    pub fn look(&mut self, width: u32, dark: bool) {
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [scheme] }));
    }

    /// Loads a file and waits until all of it is there.
    pub fn load(&mut self, file: &Path) -> Loaded {
        let url = format!("file://{}", file.display());
        self.events.clear();
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert_eq!(answer["errorText"], Value::Null, "{url} can be loaded");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.next();
            self.events.push_back(event);
        }
        // What the page caused is told before the answer to what is asked after it.
        self.evaluate("new Promise(done => setTimeout(() => done(0), 200))");
        let mut loaded = Loaded::default();
        for event in &self.events {
            let about = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded" => {
                    loaded.console.push(about.to_string());
                }
                "Network.requestWillBeSent" => {
                    let asked = about["request"]["url"].as_str().unwrap_or_default();
                    // Data is in the page itself.
                    if asked != url && !asked.starts_with("data:") {
                        loaded.requests.push(asked.to_owned());
                    }
                }
                _ => {}
            }
        }
        loaded
    }

    /// The value of a JavaScript expression in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression} can be evaluated");
        answer["result"]["value"].clone()
    }

    /// Sends a request and waits for its answer.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut request = json!({ "id": self.last_id, "method": method, "params": params });
        if !self.session.is_null() {
            request["sessionId"] = self.session.clone();
        }
        let mut bytes = request.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).expect("Chromium reads");
        loop {
            let message = self.next();
            if message["id"] == self.last_id {
                assert_eq!(message["error"], Value::Null, "Chromium does {method}");
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn next(&mut self) -> Value {
        self.messages.recv_timeout(LIMIT).expect("Chromium answers")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The whole group: it has a process for each part of its work.
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ended = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _reaped = self.child.wait();
    }
}
