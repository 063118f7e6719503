//! `framelag serve`: the server alone.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use common::host::resolve::listen_address;
use common::units::parse_duration;
use framelag::stream_settings;
use serde_json::json;
use server::{Config, Handle, PartLength, Preset, SegmentSettings, SettingsChange};

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
      play http://127.0.0.1:8080/cam/index.m3u8 in a browser, frame by frame
  framelag serve --config streams.toml
      with preset = \"safe\" for all streams and, below [paths.cam], preset = \"frame\" for one")]
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
    /// Read segment settings from this file, for all streams and by path. The flags below override the settings for
    /// all streams.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// End a segment at the first key frame after this long, 100ms to 60s [default: 1s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    segment: Option<Duration>,
    /// Make parts of this length: "frame" for one frame, or a duration for as many frames as fit [default: 33ms].
    #[arg(long, value_name = "DURATION|frame", value_parser = str::parse::<PartLength>)]
    part: Option<PartLength>,
    /// List this many complete segments in a playlist, 3 to 100 [default: 6].
    #[arg(long, value_name = "COUNT")]
    playlist: Option<usize>,
    /// Start from a preset: ultra (200ms segments, 50ms parts), real-time (three 500ms segments), safe (three 2s
    /// segments) or frame (one-frame parts). All but safe deviate from the HLS specification.
    #[arg(long, value_name = "NAME", value_parser = str::parse::<Preset>)]
    preset: Option<Preset>,
    /// Print one JSON line with the addresses, once the server listens, and nothing else to standard output.
    #[arg(long)]
    json: bool,
    /// Fall back to any free port if one is taken.
    #[arg(long, hide = true)]
    or_any_port: bool,
}

impl Args {
    /// Returns the changes set by flags.
    fn change(&self) -> SettingsChange {
        SettingsChange { preset: self.preset, segment: self.segment, part: self.part, playlist: self.playlist }
    }

    /// Reads the settings file and applies the flags.
    fn into_config(self) -> Result<Config, Error> {
        let file = self.config.as_deref().map(stream_settings::open).transpose().map_err(Error::Usage)?;
        let file = file.unwrap_or_default();
        let segments = self.change().of(file.defaults.of(SegmentSettings::default()));
        segments.check().map_err(|error| Error::Usage(format!("--{error}")))?;
        let Self { rtsp, http, auth, insecure, .. } = self;
        Ok(Config { rtsp, http: Some(http), auth, insecure, segments, paths: file.paths })
    }
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: Args) -> Result<u8, Error> {
    let (or_any_port, json) = (args.or_any_port, args.json);
    let handle = start(args.into_config()?, or_any_port).map_err(|error| {
        use server::Error::{Auth, Exposed, Segments};
        Error::new(matches!(error, Exposed { .. } | Auth(_) | Segments { .. }), error)
    })?;
    // Only now: until here, where a pipe as --auth may keep it waiting, a signal ends the process.
    let stop = watch_for_interrupt()?;
    if json {
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
