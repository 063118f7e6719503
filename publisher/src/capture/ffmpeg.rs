//! What only ffmpeg reads, through a child process that writes y4m into a pipe.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;

use common::frame::Picture;

use super::{Error, Format, ahead, looped, y4m};
use crate::config::RequestedFormat;
use crate::rate::FrameRate;

/// How much of what ffmpeg says is kept: its first line tells what is wrong.
const MAX_STDERR: u64 = 64 * 1024;

/// Pictures of a file, decoded, scaled and put to a steady rate by ffmpeg. Those of a file that does not say its rate come at
/// the one that is `assumed`.
///
/// # Errors
/// [`Error::NoFfmpeg`]; [`Error::Unusable`] with ffmpeg's own words where the file is no video.
pub fn file(
    path: &Path,
    requested: RequestedFormat,
    assumed: Option<FrameRate>,
    looped: bool,
) -> Result<ahead::Source, Error> {
    let name = path.display().to_string();
    if is_text(path) {
        let why = "is a text file, which ffmpeg would render like a terminal: give a video file".to_owned();
        return Err(Error::Unusable { name, why });
    }
    let path = path.to_owned();
    looped::start(described(&name), looped, move || {
        let (input, stdin) = input(&path)?;
        Decoding::start(&name, command(&[OsStr::new("-i"), &input], requested, assumed).stdin(stdin), None)
    })
}

/// Pictures of a y4m stream that is not 8-bit 4:2:0, or not as requested.
///
/// # Errors
/// As [`file`].
pub fn pipe(
    name: &str,
    stream: y4m::Stream,
    requested: RequestedFormat,
    assumed: Option<FrameRate>,
) -> Result<ahead::Source, Error> {
    let mut command = command(&["-f", "yuv4mpegpipe", "-i", "pipe:0"], requested, assumed);
    let (decoding, format) = Decoding::start(name, command.stdin(Stdio::piped()), Some(stream))?;
    ahead::Source::start(described(name), format, decoding)
}

fn described(name: &str) -> String {
    format!("{name} (through ffmpeg)")
}

/// One ffmpeg, and the pictures that it writes. Dropping it ends ffmpeg.
struct Decoding {
    pictures: y4m::Reader,
    child: FfmpegProcess,
    name: String,
}

impl Decoding {
    /// Starts ffmpeg, feeds it `stream` where there is one, and waits for the format of its pictures.
    fn start(name: &str, command: &mut Command, stream: Option<y4m::Stream>) -> Result<(Self, Format), Error> {
        let mut child = FfmpegProcess::spawn(name, command)?;
        if let (Some(stream), Some(stdin)) = (stream, child.process.stdin.take()) {
            let feeder = std::thread::Builder::new().name("ffmpeg-stdin".to_owned());
            let feeder = feeder.spawn(move || feed(stream, stdin));
            feeder.map_err(|why| Error::Start("a thread that feeds ffmpeg", why))?;
        }
        let stdout = child.process.stdout.take().expect("standard output is piped");
        let unusable = |why| Error::Unusable { name: name.to_owned(), why };
        let stream = y4m::open(Box::new(stdout)).map_err(|why| match child.end() {
            words if words.contains("matches no streams") => {
                unusable("has no video stream (a cover picture is none)".to_owned())
            }
            words if words.is_empty() => unusable(format!("cannot be read as video: what ffmpeg makes of it {why}")),
            words => unusable(format!("cannot be read as video: {words}")),
        })?;
        let (pictures, format) = y4m::Reader::new(name.to_owned(), stream, FrameRate::TWENTY_FIVE)?;
        Ok((Self { pictures, child, name: name.to_owned() }, format))
    }
}

impl ahead::Reader for Decoding {
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
        if self.pictures.read(picture)? {
            return Ok(true);
        }
        let succeeded = self.child.process.wait().is_ok_and(|status| status.success());
        let words = self.child.first_line();
        // ffmpeg calls it a success where it skipped what it could not read: of a file that is cut off, too.
        if succeeded && words.is_empty() {
            return Ok(false);
        }
        Err(Error::Broken { name: self.name.clone(), why: format!("is damaged or cut off, says ffmpeg: {words}") })
    }
}

/// A child process that is ended when it is dropped, and a thread that hears what it complains of.
struct FfmpegProcess {
    process: Child,
    stderr_line: Option<JoinHandle<String>>,
}

impl FfmpegProcess {
    fn spawn(name: &str, command: &mut Command) -> Result<Self, Error> {
        let process = match command.spawn() {
            Ok(process) => process,
            Err(why) if why.kind() == ErrorKind::NotFound => return Err(Error::NoFfmpeg(name.to_owned())),
            Err(why) => return Err(Error::Start("ffmpeg", why)),
        };
        let mut running = Self { process, stderr_line: None };
        let stderr = running.process.stderr.take().expect("standard error is piped");
        let listener = std::thread::Builder::new().name("ffmpeg-stderr".to_owned()).spawn(move || first_line(stderr));
        running.stderr_line = Some(listener.map_err(|why| Error::Start("a thread that hears ffmpeg", why))?);
        Ok(running)
    }

    /// What it complained of, when it has ended.
    fn first_line(&mut self) -> String {
        self.stderr_line.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }

    /// Ends it where it still runs, and says what it complained of.
    fn end(&mut self) -> String {
        if let Err(why) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::debug!("ending ffmpeg: {why}");
        }
        self.first_line()
    }
}

impl Drop for FfmpegProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// Writes `stream` to ffmpeg until one of the two ends.
fn feed(stream: y4m::Stream, mut stdin: ChildStdin) {
    if let Err(why) = io::copy(&mut stream.into_stream(), &mut stdin) {
        tracing::debug!("ffmpeg's standard input: {why}");
    }
}

/// What to call a file towards ffmpeg, and its standard input. `%` in an image's name would stand for a sequence of images:
/// such a file is handed over open, without its name.
fn input(path: &Path) -> Result<(OsString, Stdio), Error> {
    if path.as_os_str().as_encoded_bytes().contains(&b'%') {
        let file = File::open(path).map_err(|why| Error::Open { path: path.to_owned(), why })?;
        return Ok(("file:/dev/fd/0".into(), file.into()));
    }
    // The prefix keeps a file name that looks like an option or a URL from being taken for one.
    let mut input = OsString::from("file:");
    input.push(path);
    Ok((input, Stdio::null()))
}

/// Whether ffmpeg would take the file for the screen of a terminal: it does so by these endings, where nothing in the file says
/// that it is a video. No video is without a zero for long.
fn is_text(path: &Path) -> bool {
    const ENDINGS: [&str; 8] = ["ans", "art", "asc", "diz", "ice", "nfo", "txt", "vt"];
    const LOOKED_AT: u64 = 4096;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut beginning = Vec::new();
    ENDINGS.contains(&&*ending)
        && File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut beginning)).is_ok()
        && !beginning.contains(&0)
}

/// ffmpeg with `input`, whose pictures come at the rate that is `assumed` where there is one, to y4m on standard output and errors on standard error.
fn command(input: &[impl AsRef<OsStr>], requested: RequestedFormat, assumed: Option<FrameRate>) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
    if let Some(rate) = assumed {
        command.args(["-r", &rate.to_string()]);
    }
    command.args(input);
    // A capital V leaves cover pictures out.
    command.args(["-map", "0:V:0"]);
    let mut filters = Vec::new();
    if let Some(size) = requested.size {
        filters.push(format!("scale={}:{}", size.width, size.height));
    }
    if let Some(rate) = requested.rate {
        filters.push(format!("fps={rate}"));
    }
    if !filters.is_empty() {
        command.args(["-vf", &filters.join(",")]);
    }
    command.args(["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The first line that says something; the rest is read too, so that ffmpeg never waits for a reader.
fn first_line(stderr: ChildStderr) -> String {
    let mut reader = BufReader::new(stderr);
    let mut text = Vec::new();
    let kept = reader.by_ref().take(MAX_STDERR).read_to_end(&mut text);
    let rest = io::copy(&mut reader, &mut io::sink());
    if let Err(why) = kept.and(rest) {
        tracing::debug!("ffmpeg's standard error: {why}");
    }
    let first = text.lines().map_while(Result::ok).find(|line| !line.trim().is_empty());
    without_address(first.unwrap_or_default().trim())
}

/// Strips the `[mov,mp4 @ 0x55…]` that ffmpeg puts before its messages.
fn without_address(line: &str) -> String {
    match line.split_once("] ") {
        Some((head, words)) if head.starts_with('[') => words.to_owned(),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_video_whatever_ffmpeg_makes_of_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("the folder is ours");
            path
        };
        let text = file("notes.TXT", &b"these are notes\n".repeat(100));
        let error = super::file(&text, RequestedFormat::default(), None, false).err().expect("it is a text file");
        assert!(error.is_usage() && error.to_string().contains("notes.TXT is a text file"), "{error}");
        assert!(!is_text(&file("film.txt", b"\0\0\0 ftypisom")));
        assert!(!is_text(&file("film.mp4", b"these are notes")));
    }
}
