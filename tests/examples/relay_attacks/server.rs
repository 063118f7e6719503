//! The server under attack, and the one of the control.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use common::host::process::{ProcessStat, TICKS_PER_SECOND};
use framelag_tests::attacks::Target;
use framelag_tests::attacks::parties::USERS;

/// The server, in a process of its own: says where it listens, and ends with its input.
pub fn serve() -> Result<()> {
    let free = "127.0.0.1:0".parse()?;
    let mut users = tempfile::NamedTempFile::new()?;
    users.write_all(USERS.as_bytes())?;
    let auth = Some(users.path().to_owned());
    let handle = server::start(server::Config { rtsp: free, http: Some(free), auth, ..server::Config::default() })?;
    println!("{} {}", handle.rtsp_addr(), handle.http_addr().context("HTTP was asked for")?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

pub struct Server {
    child: Child,
    pub target: Target,
}

impl Server {
    pub fn start() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
        let mut addresses = line.split_whitespace().map(str::parse::<SocketAddr>);
        let mut next = || anyhow::Ok(addresses.next().context("an address")??);
        let target = Target { rtsp: next()?, http: next()? };
        Ok(Self { child, target })
    }

    /// Seconds on a CPU so far.
    pub fn cpu(&self) -> f64 {
        ProcessStat::of(self.child.id()).map_or(f64::NAN, |stat| stat.own_ticks as f64 / TICKS_PER_SECOND as f64)
    }

    /// The most that it has held so far.
    pub fn memory_mb(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
