//! From flags to the configuration of a run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use common::host::credentials::{LoadError, load};
use common::stream_url::{Error as UrlError, StreamUrl};
use common::sync::ClockChoice;
use common::transport::Transport;

use super::{Config, Destination, Error, Pictures, RequestedFormat, Source, check_size};
use crate::args::Args;
use crate::{egress, encode};

/// Bits per second where `--bitrate` does not say.
const BITRATE: u64 = 1_000_000;
/// Pictures from one IDR to the next where `--gop` does not say.
const GOP: u32 = 30;
/// The embedded server's addresses where `--rtsp` and `--http` do not say.
const RTSP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8554);
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        Self::Credentials(error.to_string())
    }
}

impl Config {
    /// Resolves `args`.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn resolve(args: Args) -> Result<Self, Error> {
        let source = source(&args)?;
        let destination = destination(&args)?;
        if args.json && destination == Destination::Stdout {
            return Err(Error::Conflict("--json", "--to -", "both write to standard output"));
        }
        if args.looped && matches!(source, Source::Stdin | Source::RawStdin { .. }) {
            return Err(Error::Conflict("--loop", "--source -", "a pipe cannot be read twice"));
        }
        if !matches!(source, Source::Auto | Source::Camera(_)) {
            let given =
                [(args.camera_format.is_some(), "--camera-format"), (args.camera_driver.is_some(), "--camera-driver")];
            if let Some((_, flag)) = given.into_iter().find(|(given, _)| *given) {
                return Err(Error::Needs(flag, "--source camera"));
            }
        }
        refuse_idle_flags(&args, &destination)?;
        if let Some(size) = args.size {
            check_size("--size", size, args.corner)?;
        }
        let (bitrate, tuning) = (bitrate(&args)?, tuning(&args)?);
        Ok(Self {
            source,
            requested: RequestedFormat { size: args.size, rate: args.fps, layout: args.camera_format },
            camera_driver: args.camera_driver.unwrap_or_default(),
            looped: args.looped,
            duration: args.duration,
            corner: args.corner,
            stream_id: args.stream_id,
            text: !args.no_text,
            encoder: args.encoder,
            bitrate,
            tuning,
            gop: args.gop.unwrap_or(GOP),
            destination,
            transport: args.transport.unwrap_or(Transport::Tcp),
            clock: args.clock.unwrap_or(ClockChoice::Auto),
            pictures: args.pictures.map(|file| Pictures { file, every: args.pictures_every }),
            preview: args.preview,
            json: args.json,
        })
    }
}

/// Rate control has a range.
fn bitrate(args: &Args) -> Result<u32, Error> {
    const MOST: u64 = 240_000_000;
    let (from, least) = match args.encoder {
        encode::Choice::OpenH264 => (10_000, "10k"),
        encode::Choice::Ffmpeg(_) => (1_000, "1k"),
    };
    let bitrate = args.bitrate.unwrap_or(BITRATE);
    let taken = u32::try_from(bitrate).ok().filter(|_| (from..=MOST).contains(&bitrate));
    taken.ok_or(Error::Bitrate { bitrate, least })
}

/// Resolves the encoder settings. The encoder itself validates its options later.
fn tuning(args: &Args) -> Result<encode::Tuning, Error> {
    const BUFFER: std::ops::RangeInclusive<u64> = 1_000..=2_000_000_000;
    if let Some(bits) = args.buffer.filter(|bits| !BUFFER.contains(bits)) {
        return Err(Error::Buffer(bits));
    }
    if args.encoder == encode::Choice::OpenH264 {
        const NONE: &str = "it holds the bit rate on average, whatever it is told; use one of ffmpeg's, as in \
                            --encoder ffmpeg:libx264";
        let given = [(args.buffer.is_some(), "--buffer"), (args.rate_control.is_some(), "--rate-control")];
        if let Some((_, flag)) = given.into_iter().find(|(given, _)| *given) {
            return Err(Error::Conflict(flag, "--encoder openh264", NONE));
        }
    }
    let (control, options) = (args.rate_control.unwrap_or_default(), args.encoder_options.clone());
    Ok(encode::Tuning { control, buffer: args.buffer, options })
}

/// A flag that would change nothing is refused: a user who gives it expects an effect.
fn refuse_idle_flags(args: &Args, destination: &Destination) -> Result<(), Error> {
    const NOBODY_ASKS: &str = "that destination needs no credentials";
    if args.credentials.is_some() && !matches!(destination, Destination::Server(_)) {
        let to = if *destination == Destination::Stdout { "--to -" } else { "--to embedded" };
        return Err(Error::Conflict("--credentials", to, NOBODY_ASKS));
    }
    const NO_SERVER: &str = "it configures the embedded server";
    const NO_VIDEO: &str = "pictures are not encoded there";
    const NO_RTP: &str = "no RTP goes there";
    let to = match destination {
        Destination::Embedded { .. } => return Ok(()),
        Destination::Server(_) => "--to URL",
        Destination::Stdout => "--to -",
    };
    let bare = *destination == Destination::Stdout;
    let idle = [
        (args.rtsp.is_some(), "--rtsp", NO_SERVER),
        (args.http.is_some(), "--http", NO_SERVER),
        (bare && args.bitrate.is_some(), "--bitrate", NO_VIDEO),
        (bare && args.gop.is_some(), "--gop", NO_VIDEO),
        (bare && args.rate_control.is_some(), "--rate-control", NO_VIDEO),
        (bare && args.buffer.is_some(), "--buffer", NO_VIDEO),
        (bare && !args.encoder_options.is_empty(), "--encoder-option", NO_VIDEO),
        (bare && args.encoder != encode::Choice::OpenH264, "--encoder", NO_VIDEO),
        (!egress::has_transport(destination) && args.transport.is_some(), "--transport", NO_RTP),
        (bare && args.clock.is_some(), "--clock", NO_VIDEO),
    ];
    let found = idle.into_iter().find(|(given, ..)| *given);
    found.map_or(Ok(()), |(_, flag, why)| Err(Error::Conflict(flag, to, why)))
}

fn source(args: &Args) -> Result<Source, Error> {
    let Some(text) = args.source.as_deref() else {
        return match args.raw_format {
            Some(_) => Err(Error::Needs("--raw-format", "--source -")),
            None => Ok(Source::Auto),
        };
    };
    if args.raw_format.is_some() && text != "-" {
        return Err(Error::Needs("--raw-format", "--source -"));
    }
    match text {
        "" => Err(Error::NoSource),
        "test" => Ok(Source::Pattern),
        "camera" => Ok(Source::Camera(0)),
        "-" => stdin(args),
        _ => match text.strip_prefix("camera:") {
            Some(number) => number.parse().map(Source::Camera).map_err(|_| Error::NotACamera(text.to_owned())),
            None => Ok(Source::File(PathBuf::from(text))),
        },
    }
}

fn stdin(args: &Args) -> Result<Source, Error> {
    let Some(format) = args.raw_format else { return Ok(Source::Stdin) };
    let size = args.size.ok_or(Error::Needs("--raw-format", "--size, as in --size 640x480"))?;
    let rate = args.fps.ok_or(Error::Needs("--raw-format", "--fps, as in --fps 30"))?;
    Ok(Source::RawStdin { format, size, rate })
}

fn destination(args: &Args) -> Result<Destination, Error> {
    match args.to.as_str() {
        "embedded" => Ok(Destination::Embedded { rtsp: args.rtsp.unwrap_or(RTSP), http: args.http.unwrap_or(HTTP) }),
        "-" => Ok(Destination::Stdout),
        text => {
            let variable = |name: &str| std::env::var_os(name);
            let url = StreamUrl::typed(text, &egress::schemes(), variable).map_err(|error| match error {
                UrlError::Scheme { shown, .. } => Error::NotADestination { shown, forms: egress::url_forms() },
                UrlError::NoHost(_) => Error::IncompleteUrl("host"),
                error => Error::Url(error),
            })?;
            if !url.has_path() {
                return Err(Error::IncompleteUrl("path"));
            }
            Ok(Destination::Server(url.or_credentials(load(args.credentials.as_deref(), variable)?)))
        }
    }
}

#[cfg(test)]
mod tests;
