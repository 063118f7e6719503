//! `framelag serve`: the server alone.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{SecondsFormat, Utc};
use common::host::resolve::listen_address;
use serde_json::json;
use server::{Config, Handle};

use crate::exit::Error;
use crate::processes::watch_for_interrupt;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag serve
      publish to and play from rtsp://127.0.0.1:8554/cam, or any other name
  framelag serve --rtsp 127.0.0.1:9554 --http 127.0.0.1:9080
      on other ports
  framelag serve --rtsp 0.0.0.0:8554 --auth users.txt
      for other hosts, with passwords from users.txt")]
pub struct Args {
    /// Listen here for RTSP.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, default_value_t = Config::default().rtsp)]
    rtsp: SocketAddr,
    /// Listen here for HTTP: /health, /metrics, /api/streams.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Require passwords from this file, with lines of user:password, user:password:publish or user:password:play.
    #[arg(long, value_name = "FILE")]
    auth: Option<PathBuf>,
    /// Listen beyond loopback without passwords.
    #[arg(long, conflicts_with = "auth")]
    insecure: bool,
    /// Print one JSON line with the addresses, once the server listens, and nothing else to standard output.
    #[arg(long)]
    json: bool,
    /// Fall back to any free port if one is taken.
    #[arg(long, hide = true)]
    or_any_port: bool,
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: Args) -> Result<u8, Error> {
    let config = Config { rtsp: args.rtsp, http: Some(args.http), auth: args.auth, insecure: args.insecure };
    let handle = start(config, args.or_any_port)
        .map_err(|error| Error::new(matches!(error, server::Error::Exposed { .. } | server::Error::Auth(_)), error))?;
    // Only now: until here, where a pipe as --auth may keep it waiting, a signal ends the process.
    let stop = watch_for_interrupt()?;
    if args.json {
        // Whoever started it would wait for ever for the addresses.
        report(&handle).map_err(|error| format!("cannot write to standard output: {error}"))?;
    }
    let rtsp = handle.rtsp_addr();
    eprintln!("RTSP: publish to and play from rtsp://{rtsp}/NAME, as in rtsp://{rtsp}/cam");
    if let Some(http) = handle.http_addr() {
        eprintln!("HTTP: http://{http}/api/streams, /api/streams/status/NAME, /metrics, /health");
    }
    eprintln!("Press Ctrl-C to stop.");
    stop.wait();
    handle.shutdown();
    Ok(0)
}

/// Starts the server. With `or_any_port`, a port that is taken is replaced by one that the system chooses.
fn start(mut config: Config, or_any_port: bool) -> Result<Handle, server::Error> {
    loop {
        let taken = match server::start(config.clone()) {
            Err(server::Error::PortTaken { address, .. }) if or_any_port && address.port() != 0 => address,
            started => return started,
        };
        let asked = [Some(&mut config.rtsp), config.http.as_mut()];
        asked.into_iter().flatten().filter(|address| **address == taken).for_each(|address| address.set_port(0));
    }
}

/// Prints where it listens.
fn report(handle: &Handle) -> io::Result<()> {
    let line = json!({
        "event": "serving",
        "time": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        "rtsp": handle.rtsp_addr(),
        "http": handle.http_addr(),
    });
    writeln!(io::stdout(), "{line}")
}
