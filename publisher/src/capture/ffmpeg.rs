//! Files that only ffmpeg reads, through a child process that writes y4m into a pipe.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use common::frame::Picture;

use super::{Error, Format, Next, y4m};
use crate::config::Wish;

/// How much of what ffmpeg says is kept: its first line tells what is wrong.
const MAX_STDERR: u64 = 64 * 1024;

/// Pictures of a file, decoded, scaled and put to a steady rate by ffmpeg.
pub struct Source {
    pictures: y4m::Source,
    child: Child,
    complaints: Option<JoinHandle<String>>,
    name: String,
}

impl Source {
    /// Starts ffmpeg and waits for its first picture's format.
    ///
    /// # Errors
    /// [`Error::NoFfmpeg`]; [`Error::Unusable`] with ffmpeg's own words where the file is no video.
    pub fn open(path: &Path, wish: Wish, looped: bool) -> Result<Self, Error> {
        let name = path.display().to_string();
        if is_text(path) {
            let why = "is a text, which ffmpeg would play as a terminal shows it: give a video".to_owned();
            return Err(Error::Unusable { name, why });
        }
        let mut child = match command(path, wish, looped).spawn() {
            Ok(child) => child,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoFfmpeg(name)),
            Err(why) => return Err(Error::Start("ffmpeg", why)),
        };
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let complaints = std::thread::Builder::new().name("ffmpeg-stderr".to_owned()).spawn(move || first_line(stderr));
        let complaints = complaints.map_err(|why| Error::Start("a thread that hears ffmpeg", why))?;
        match y4m::Reader::new(name.clone(), Box::new(stdout)).and_then(y4m::Source::start) {
            Ok(pictures) => Ok(Self { pictures, child, complaints: Some(complaints), name }),
            Err(error) => {
                end(&mut child);
                let words = complaints.join().unwrap_or_default();
                let why = format!("cannot be read as video: {words}");
                Err(if words.is_empty() { error } else { Error::Unusable { name, why } })
            }
        }
    }

    /// How ffmpeg ended, when its pipe has.
    fn finish(&mut self) -> Result<Next, Error> {
        let status = self.child.wait();
        let words = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        // ffmpeg calls it a success where it skipped what it could not read: of a file that is cut off, too.
        if status.is_ok_and(|status| status.success()) && words.is_empty() {
            return Ok(Next::End);
        }
        Err(Error::Broken { name: self.name.clone(), why: format!("is damaged or cut off, says ffmpeg: {words}") })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl super::Source for Source {
    fn format(&self) -> Format {
        self.pictures.format()
    }

    fn describe(&self) -> String {
        format!("{} (through ffmpeg)", self.name)
    }

    fn next(&mut self, limit: Duration) -> Result<Next, Error> {
        match self.pictures.next(limit)? {
            Next::End => self.finish(),
            next => Ok(next),
        }
    }

    fn recycle(&mut self, picture: Picture) {
        self.pictures.recycle(picture);
    }
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

/// `ffmpeg -i FILE` to y4m on standard output, with its errors on standard error.
fn command(path: &Path, wish: Wish, looped: bool) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
    if looped {
        command.args(["-stream_loop", "-1"]);
    }
    // The prefix keeps a file name that looks like an option or a URL from being taken for one.
    let mut input = std::ffi::OsString::from("file:");
    input.push(path);
    command.arg("-i").arg(input).args(["-map", "0:v:0"]);
    let mut filters = Vec::new();
    if let Some(size) = wish.size {
        filters.push(format!("scale={}:{}", size.width, size.height));
    }
    if let Some(rate) = wish.rate {
        filters.push(format!("fps={rate}"));
    }
    if !filters.is_empty() {
        command.args(["-vf", &filters.join(",")]);
    }
    command.args(["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The first line that says something; the rest is read too, so that ffmpeg never waits for a reader.
fn first_line(stderr: ChildStderr) -> String {
    let mut reader = BufReader::new(stderr);
    let mut text = Vec::new();
    let kept = reader.by_ref().take(MAX_STDERR).read_to_end(&mut text);
    let rest = std::io::copy(&mut reader, &mut std::io::sink());
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

/// Kills the child where it still runs, and reaps it.
fn end(child: &mut Child) {
    if let Err(why) = child.kill().and_then(|()| child.wait()) {
        tracing::debug!("ending ffmpeg: {why}");
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
        let error = Source::open(&text, Wish::default(), false).err().expect("it is a text");
        assert!(error.is_usage() && error.to_string().contains("notes.TXT is a text"), "{error}");
        assert!(!is_text(&file("film.txt", b"\0\0\0 ftypisom")));
        assert!(!is_text(&file("film.mp4", b"these are notes")));
    }
}
