//! Files and pipes: y4m natively where it is 8-bit 4:2:0 and already as requested, everything else through ffmpeg.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use common::y4m::Error as Y4mError;

use super::{Error, Format, ahead, ffmpeg, looped, y4m};
use crate::config::RequestedFormat;
use crate::event::Log;
use crate::rate::FrameRate;

/// The frame rate of y4m that does not say one, where `--fps` does not either; ffmpeg takes the same.
const ASSUMED: FrameRate = FrameRate::TWENTY_FIVE;

/// The file at `path`, or the pipe that stands there.
///
/// # Errors
/// [`Error::Open`], and [`Error::Unusable`] for what is no video or cannot be `looped`.
pub fn open(path: &Path, requested: RequestedFormat, looped: bool, log: Log) -> Result<ahead::Source, Error> {
    // Looked at before it is opened: a pipe is opened only when somebody writes into it.
    let kind = fs::metadata(path).map_err(|why| Error::Open { path: path.to_owned(), why })?.file_type();
    let unusable = |why: &str| Err(Error::Unusable { name: path.display().to_string(), why: why.to_owned() });
    if kind.is_dir() {
        return Err(Error::Open { path: path.to_owned(), why: io::ErrorKind::IsADirectory.into() });
    }
    if kind.is_char_device() && path.starts_with("/dev") && is_camera(path) {
        return unusable("is a camera: write --source camera:N for /dev/videoN");
    }
    match kind.is_file() {
        true => regular(path, open_input(path)?, requested, looped, log),
        false if looped => unusable("is a pipe, which cannot be read twice: omit --loop"),
        false => pipe(path.display().to_string(), Box::new(open_input(path)?), requested, log),
    }
}

/// What is waited for where opening `path` takes long.
pub fn waiting(path: &Path) -> String {
    let path_shown = path.display();
    match fs::metadata(path) {
        Ok(found) if found.file_type().is_fifo() => {
            format!("no picture from the pipe {path_shown} yet: waiting for its writer")
        }
        _ => format!("still opening {path_shown}"),
    }
}

/// y4m from a pipe.
///
/// # Errors
/// [`Error::Unusable`] where it is not y4m, or has no picture.
pub fn pipe(name: String, input: y4m::Input, requested: RequestedFormat, log: Log) -> Result<ahead::Source, Error> {
    let stream = match y4m::open(input) {
        Ok(stream) => stream,
        Err(why) => return Err(Error::Unusable { name, why: why.to_string() }),
    };
    let (unknown, assumed) = rates(&name, &stream, requested, log);
    match y4m::format(&stream, unknown) {
        Ok(format) if is_as_requested(format, requested) => {
            let (reader, format) = y4m::Reader::new(name.clone(), stream, unknown)?;
            ahead::Source::start(name, format, reader)
        }
        Ok(_) => ffmpeg::pipe(&name, stream, requested, assumed),
        Err(why) => ffmpeg::pipe(&name, stream, requested, assumed).map_err(|error| or_ours(error, why)),
    }
}

fn regular(
    path: &Path,
    file: File,
    requested: RequestedFormat,
    looped: bool,
    log: Log,
) -> Result<ahead::Source, Error> {
    let name = path.display().to_string();
    let stream = match y4m::open(Box::new(file)) {
        Ok(stream) => stream,
        Err(Y4mError::NotY4m) => return ffmpeg::file(path, requested, None, looped),
        Err(why) => return Err(Error::Unusable { name, why: why.to_string() }),
    };
    let (unknown, assumed) = rates(&name, &stream, requested, log);
    match y4m::format(&stream, unknown) {
        Ok(format) if is_as_requested(format, requested) => {
            let path = path.to_owned();
            looped::start(name.clone(), looped, move || reopen(&path, &name, unknown))
        }
        Ok(_) => ffmpeg::file(path, requested, assumed, looped),
        Err(why) => ffmpeg::file(path, requested, assumed, looped).map_err(|error| or_ours(error, why)),
    }
}

/// The rate of a stream that does not say its own, and whether this is one; the assumed rate is logged.
fn rates(name: &str, stream: &y4m::Stream, requested: RequestedFormat, log: Log) -> (FrameRate, Option<FrameRate>) {
    let unknown = requested.rate.unwrap_or(ASSUMED);
    if stream.rate().is_ok_and(|rate| rate != (0, 0)) {
        return (unknown, None);
    }
    if requested.rate.is_none() {
        log.warn(
            "frame-rate",
            &format!("{name} does not say its frame rate: assuming {unknown} per second; set it with --fps"),
        );
    }
    (unknown, Some(unknown))
}

/// What is wrong with a header says more than what ffmpeg says of it.
fn or_ours(error: Error, ours: String) -> Error {
    match error {
        Error::Unusable { name, .. } => Error::Unusable { name, why: ours },
        error => error,
    }
}

fn reopen(path: &Path, name: &str, unknown: FrameRate) -> Result<(y4m::Reader, Format), Error> {
    let stream = y4m::open(Box::new(open_input(path)?));
    let stream = stream.map_err(|why| Error::Unusable { name: name.to_owned(), why: why.to_string() })?;
    y4m::Reader::new(name.to_owned(), stream, unknown)
}

fn open_input(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|why| Error::Open { path: path.to_owned(), why })
}

fn is_as_requested(format: Format, requested: RequestedFormat) -> bool {
    requested.size.is_none_or(|size| size == format.size) && requested.rate.is_none_or(|rate| rate == format.rate)
}

fn is_camera(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("video"))
}

#[cfg(test)]
mod tests {
    use super::super::{Next, Source as _};
    use super::*;
    use std::io::{Cursor, Write};
    use std::time::Duration;

    use common::frame::Size;

    const LOG: Log = Log::new(false);
    const TINY: &[u8] = b"YUV4MPEG2 W2 H2 F30:1\n";

    fn clip(pictures: u8) -> tempfile::NamedTempFile {
        let mut clip = tempfile::NamedTempFile::new().expect("a temporary file");
        clip.write_all(TINY).expect("room");
        for number in 0..pictures {
            clip.write_all(&[b"FRAME\n".as_slice(), &[number, 1, 2, 3, 4, 5]].concat()).expect("room");
        }
        clip
    }

    fn first_samples(mut source: ahead::Source, count: usize) -> Vec<u8> {
        let mut samples = Vec::new();
        while samples.len() < count {
            match source.next(Duration::from_secs(60)).expect("a readable stream") {
                Next::Frame(frame) => samples.push(frame.picture.data()[0]),
                Next::Nothing => panic!("the reader hangs"),
                Next::End => break,
            }
        }
        samples
    }

    #[test]
    fn a_looped_file_begins_again() {
        let open =
            |pictures, looped| open(clip(pictures).path(), RequestedFormat::default(), looped, LOG).expect("a clip");
        assert_eq!(first_samples(open(2, true), 5), [0, 1, 0, 1, 0]);
        assert_eq!(first_samples(open(2, false), 5), [0, 1]);
        assert!(first_samples(open(0, true), 1).is_empty());
    }

    #[test]
    fn a_pipe_by_name_is_read_from_its_first_byte_and_not_looped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is in every system");
        assert!(made.success());
        let write = || {
            let (fifo, bytes) = (fifo.clone(), std::fs::read(clip(2).path()).expect("the clip"));
            std::thread::spawn(move || std::fs::write(fifo, bytes))
        };
        let writer = write();
        let source = open(&fifo, RequestedFormat::default(), false, LOG).expect("y4m");
        assert_eq!(first_samples(source, 5), [0, 1]);
        writer.join().expect("no panic").expect("all was read");
        // It has no writer.
        let error = open(&fifo, RequestedFormat::default(), true, LOG).err().expect("it cannot be looped");
        assert!(error.is_usage() && error.to_string().contains("omit --loop"), "{error}");
    }

    #[test]
    fn requests_that_a_pipe_does_not_meet_need_ffmpeg() {
        let tall = Format { size: Size::new(2, 4), rate: crate::rate::FrameRate::THIRTY };
        assert!(is_as_requested(tall, RequestedFormat::default()));
        assert!(!is_as_requested(tall, RequestedFormat { size: Some(Size::new(2, 2)), ..RequestedFormat::default() }));
        let error = pipe("it".to_owned(), Box::new(Cursor::new(b"RIFF")), RequestedFormat::default(), LOG)
            .err()
            .expect("not y4m");
        assert!(error.is_usage() && error.to_string().starts_with("it is not y4m"), "{error}");
    }
}
