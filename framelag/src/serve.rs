//! `framelag serve`: the server alone.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{SecondsFormat, Utc};
use common::host::Stop;
use common::host::resolve::listen_address;
use common::host::signals::{self, SecondSignal};
use serde_json::json;
use server::{Config, Error, Handle};

use common::host::command_line::USAGE;

/// Runs the server alone: RTSP to publish and play; HTTP for health, metrics and the list of streams.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag serve
      publish to and play from rtsp://127.0.0.1:8554/cam, or any other name
  framelag serve --rtsp 127.0.0.1:9554 --http 127.0.0.1:9080
      on other ports
  framelag serve --rtsp 0.0.0.0:8554 --auth users.txt
      for other hosts, with passwords; each line of users.txt is user:password, with :publish or :play
      appended for a user who may do only that")]
pub struct Args {
    /// Address for RTSP.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, default_value_t = Config::default().rtsp)]
    rtsp: SocketAddr,
    /// Address for HTTP: /health, /metrics, /api/streams.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// File of users, with lines of user:password, user:password:publish or user:password:play.
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
pub fn run(args: Args) -> ExitCode {
    let config = Config { rtsp: args.rtsp, http: Some(args.http), auth: args.auth, insecure: args.insecure };
    let handle = match start(config, args.or_any_port) {
        Ok(handle) => handle,
        Err(error) => {
            eprintln!("error: {error}");
            let code = match error {
                Error::Exposed { .. } | Error::Auth(_) => ExitCode::from(USAGE),
                _ => ExitCode::FAILURE,
            };
            return code;
        }
    };
    // Only now: until here, where a pipe in place of --auth may keep it waiting, a signal ends the process.
    let stop = Stop::new();
    if let Err(error) = signals::watch(&stop, SecondSignal::Ignored) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    if args.json
        && let Err(error) = report(&handle)
    {
        // Who started it would wait for ever to be told where it listens.
        eprintln!("error: cannot write to standard output: {error}");
        return ExitCode::FAILURE;
    }
    let rtsp = handle.rtsp_addr();
    eprintln!("RTSP: publish to and play from rtsp://{rtsp}/NAME, as in rtsp://{rtsp}/cam");
    if let Some(http) = handle.http_addr() {
        eprintln!("HTTP: http://{http}/api/streams, /api/streams/status/NAME, /metrics, /health");
    }
    eprintln!("Press Ctrl-C to stop.");
    stop.wait();
    handle.shutdown();
    ExitCode::SUCCESS
}

/// Starts the server; where it may listen on any port, a port that is taken is given up for one that the system chooses.
fn start(mut config: Config, or_any_port: bool) -> Result<Handle, Error> {
    loop {
        let taken = match server::start(config.clone()) {
            // Port 0 is none that could be given up.
            Err(Error::PortTaken { address, .. }) if or_any_port && address.port() != 0 => address,
            started => return started,
        };
        let asked = [Some(&mut config.rtsp), config.http.as_mut()];
        asked.into_iter().flatten().filter(|address| **address == taken).for_each(|address| address.set_port(0));
    }
}

/// Says where it listens, to who started it.
fn report(handle: &Handle) -> io::Result<()> {
    let line = json!({
        "event": "serving",
        "time": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        "rtsp": handle.rtsp_addr(),
        "http": handle.http_addr(),
    });
    writeln!(io::stdout(), "{line}")
}
