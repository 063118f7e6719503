//! Live metrics, as other programs read them: over HTTP, and by readers that did not come from us.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::process::{Builder, Process};
use crate::serving::address_in;
use crate::{LIMIT, binary, need};

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, in lower case.
    pub head: String,
    /// What comes then.
    pub body: String,
}

/// Asks for `path` by `method`, with more header lines that each end with CR LF.
///
/// # Errors
///
/// Where nobody answers in whole.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut_off = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut_off)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut_off)?;
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// Waits until `receiver` says where its metrics are.
///
/// # Panics
///
/// Where it does not.
pub fn address_of(receiver: &mut Process) -> SocketAddr {
    receiver
        .wait_for_line("where metrics are", LIMIT, |line| address_in(line, "http").filter(|_| line.contains("metrics")))
}

/// What a page of OpenMetrics says.
pub struct Page(Value);

impl Page {
    /// Fetches the page and reads it with Prometheus's own parser, which is a strict one.
    ///
    /// # Panics
    ///
    /// Where there is none, or where it is wrong.
    pub fn fetch(address: SocketAddr) -> Self {
        let answer = ask(address, "GET", "/metrics", "").expect("metrics are served");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", answer.head);
        Self::read(&answer.body)
    }

    fn read(text: &str) -> Self {
        let mut reader = python("openmetrics_reader.py").stdin(Stdio::piped()).spawn();
        reader.take_stdin().write_all(text.as_bytes()).expect("the reader reads");
        let finished = reader.finish(LIMIT);
        assert_eq!(finished.code, Some(0), "this is no OpenMetrics:\n{text}\n{finished}");
        Self(serde_json::from_str(&finished.stdout.join("\n")).expect("the reader writes JSON"))
    }

    /// A sample by its name and all labels but the stream's, `NAME{LABEL=VALUE,…}`, of stream `cam`.
    pub fn sample(&self, name: &str) -> Option<f64> {
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).collect();
        labels.push("stream=cam");
        labels.sort_unstable();
        let key = format!("{name}{{{}}}", labels.join(","));
        self.samples().find(|(sample, _)| **sample == key).map(|(_, value)| value)
    }

    /// All samples, by `NAME{LABEL=VALUE,…}`.
    pub fn samples(&self) -> impl Iterator<Item = (&String, f64)> {
        let families = self.0.as_object().expect("families").values();
        families
            .flat_map(|family| family["samples"].as_object().expect("samples"))
            .filter_map(|(name, value)| Some((name, value.as_f64()?)))
    }

    /// Names of the families, with type and unit.
    pub fn families(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let families = self.0.as_object().expect("families").iter();
        families.map(|(name, family)| (name.clone(), text(&family["type"]), text(&family["unit"]))).collect()
    }
}

/// A script of `tests/peers` that uses what `scripts/requirements-metrics.txt` installs.
pub fn python(script: &str) -> Builder {
    let packages: PathBuf = need::made("tools/metrics-python");
    Builder::new(need::python())
        .arg(binary::repository().join("tests/peers").join(script))
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
}
