//! `framelag serve`: the server alone.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use common::host::resolve::listen_address;
use common::units::{UnitError, parse_duration};
use serde_json::json;
use server::{Config, Handle, PartLength, Preset, SegmentSettings};

use crate::exit::Error;
use crate::processes::watch_for_interrupt;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag serve
      publish to and play from rtsp://127.0.0.1:8554/cam, or any other name
  framelag serve --rtsp 127.0.0.1:9554 --http 127.0.0.1:9080
      on other ports
  framelag serve --rtsp 0.0.0.0:8554 --auth users.txt
      for other hosts, with passwords from users.txt
  framelag serve --preset frame
      play http://127.0.0.1:8080/cam/index.m3u8 in a browser, frame by frame")]
pub struct Args {
    /// Listen here for RTSP.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, default_value_t = Config::default().rtsp)]
    rtsp: SocketAddr,
    /// Listen here for HTTP: /NAME/index.m3u8, /NAME/manifest.mpd, /NAME/mse, /api/streams, /metrics, /health.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Require passwords from this file, with lines of user:password, user:password:publish or user:password:play.
    #[arg(long, value_name = "FILE")]
    auth: Option<PathBuf>,
    /// Listen beyond loopback without passwords.
    #[arg(long, conflicts_with = "auth")]
    insecure: bool,
    /// End a segment of /NAME/index.m3u8 at the first key frame after this, 100ms to 60s [default: 1s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    segment: Option<Duration>,
    /// Length of a part of a segment: "frame" for one frame, or as many as fit in this [default: 33ms].
    #[arg(long, value_name = "DURATION|frame", value_parser = part_length)]
    part: Option<PartLength>,
    /// Segments that a playlist lists, 3 to 100 [default: 6].
    #[arg(long, value_name = "COUNT")]
    playlist: Option<usize>,
    /// Start from these settings: ultra (segments of 200ms, parts of 50ms), real-time (three of 500ms), safe (three of 2s) or
    /// frame (parts of one frame). All but safe leave the letter of the HLS specification.
    #[arg(long, value_name = "NAME", value_parser = preset)]
    preset: Option<Preset>,
    /// Print one JSON line with the addresses, once the server listens, and nothing else to standard output.
    #[arg(long)]
    json: bool,
    /// Fall back to any free port if one is taken.
    #[arg(long, hide = true)]
    or_any_port: bool,
}

impl Args {
    /// The preset, if any, and what the other flags change of it.
    fn segments(&self) -> SegmentSettings {
        let preset = self.preset.map(Preset::settings).unwrap_or_default();
        SegmentSettings {
            segment: self.segment.unwrap_or(preset.segment),
            part: self.part.unwrap_or(preset.part),
            playlist: self.playlist.unwrap_or(preset.playlist),
        }
    }
}

fn part_length(text: &str) -> Result<PartLength, UnitError> {
    if text == "frame" { Ok(PartLength::Frame) } else { parse_duration(text).map(PartLength::UpTo) }
}

fn preset(text: &str) -> Result<Preset, String> {
    let known = Preset::NAMES.iter().find(|(name, _)| *name == text);
    known
        .map(|(_, preset)| *preset)
        .ok_or_else(|| format!("the presets are {}", Preset::NAMES.map(|(name, _)| name).join(", ")))
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: Args) -> Result<u8, Error> {
    let segments = args.segments();
    let config = Config { rtsp: args.rtsp, http: Some(args.http), auth: args.auth, insecure: args.insecure, segments };
    let handle = start(config, args.or_any_port).map_err(|error| {
        use server::Error::{Auth, Exposed, Segments};
        Error::new(matches!(error, Exposed { .. } | Auth(_) | Segments(_)), error)
    })?;
    // Only now: until here, where a pipe as --auth may keep it waiting, a signal ends the process.
    let stop = watch_for_interrupt()?;
    if args.json {
        // Whoever started it would wait for ever for the addresses.
        report(&handle).map_err(|error| format!("cannot write to standard output: {error}"))?;
    }
    let rtsp = handle.rtsp_addr();
    eprintln!("RTSP: publish to and play from rtsp://{rtsp}/NAME, as in rtsp://{rtsp}/cam");
    if let Some(http) = handle.http_addr() {
        eprintln!("In a browser: http://{http}/NAME/index.m3u8 (HLS), /NAME/manifest.mpd (DASH), /NAME/mse");
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
