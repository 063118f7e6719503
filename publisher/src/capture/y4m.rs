//! YUV4MPEG2 ("y4m") from a file or a pipe, through the `y4m` crate. 8-bit 4:2:0 only; others go through ffmpeg.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::frame::{Picture, Size};

use super::ahead::{self, Ahead};
use super::{Error, Format, Next};
use crate::config::Wish;
use crate::rate::FrameRate;

/// Longest header line; the crate's own limit.
const MAX_HEADER: u64 = 1024;
/// What a y4m stream begins with.
const MAGIC: &[u8] = b"YUV4MPEG2 ";
/// Bytes asked of the system at once; the crate reads header lines byte by byte.
const BUFFER: usize = 1 << 20;

/// Any input of bytes.
pub type Input = Box<dyn Read + Send>;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// y4m in 8-bit 4:2:0.
    Native(Format),
    /// Something else, which ffmpeg may know.
    Other,
}

/// Looks at the beginning of a file.
///
/// # Errors
/// [`Error::Open`], and [`Error::Unusable`] for y4m with a header that is wrong.
pub fn probe(path: &Path) -> Result<Probe, Error> {
    let name = path.display().to_string();
    let mut input = open(path)?;
    let mut start = Vec::new();
    let read = input.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|why| Error::Open { path: path.to_owned(), why })?;
    if start != MAGIC {
        return Ok(Probe::Other);
    }
    match Reader::new(name, Box::new(Cursor::new(start).chain(input))) {
        Ok(reader) if reader.is_native() => reader.format().map(Probe::Native),
        Ok(_) => Ok(Probe::Other),
        Err(error) => Err(error),
    }
}

/// A y4m file that [`probe`] has found to be [`Probe::Native`].
///
/// # Errors
/// As [`probe`].
pub fn file(path: &Path, looped: bool) -> Result<Source, Error> {
    let mut reader = Reader::new(path.display().to_string(), open(path)?)?;
    reader.again = looped.then(|| path.to_owned());
    Source::start(reader)
}

/// y4m on standard input.
///
/// # Errors
/// [`Error::Unusable`] where standard input is not y4m in 8-bit 4:2:0, or not what `wish` asks for.
pub fn stdin(wish: Wish) -> Result<Source, Error> {
    let reader = Reader::new("standard input".to_owned(), Box::new(io::stdin()))?;
    let unusable = |why| Err(Error::Unusable { name: "standard input".to_owned(), why });
    let format = reader.format()?;
    match wish {
        Wish { size: Some(size), .. } if size != format.size => {
            unusable(format!("has pictures of {}, not {size}: leave --size away", format.size))
        }
        Wish { rate: Some(rate), .. } if rate != format.rate => {
            unusable(format!("has {} pictures per second, not {rate}: leave --fps away", format.rate))
        }
        _ => Source::start(reader),
    }
}

/// Pictures of a y4m stream, read ahead.
pub struct Source {
    ahead: Ahead,
    format: Format,
    name: String,
}

impl Source {
    /// Begins to read pictures.
    ///
    /// # Errors
    /// [`Error::Unusable`] for pictures that are not 8-bit 4:2:0.
    pub fn start(reader: Reader) -> Result<Self, Error> {
        let format = reader.format()?;
        if !reader.is_native() {
            let why = format!(
                "has {}, and only 8-bit 4:2:0 can be read from a pipe: convert it first, for example \
                               with ffmpeg -pix_fmt yuv420p",
                reader.colours()
            );
            return Err(Error::Unusable { name: reader.name, why });
        }
        let name = reader.name.clone();
        Ok(Self { ahead: Ahead::start(format.size, reader)?, format, name })
    }
}

impl super::Source for Source {
    fn format(&self) -> Format {
        self.format
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, limit: Duration) -> Result<Next, Error> {
        self.ahead.next(limit)
    }

    fn recycle(&mut self, picture: Picture) {
        self.ahead.recycle(picture);
    }
}

/// Reads pictures of a y4m stream.
pub struct Reader {
    name: String,
    decoder: y4m::Decoder<Counted>,
    /// Bytes taken from the input: the crate does not tell an end between pictures from one within.
    consumed: Arc<AtomicU64>,
    /// Pictures read so far, in this round where the file is looped.
    pictures: u64,
    /// The file to begin again with at the end.
    again: Option<PathBuf>,
}

impl Reader {
    /// Reads the header of `input`, which messages call `name`.
    ///
    /// # Errors
    /// [`Error::Unusable`] where it is not y4m, or has no sensible size.
    pub fn new(name: String, input: Input) -> Result<Self, Error> {
        match decoder(input) {
            Ok((decoder, consumed)) => Ok(Self { name, decoder, consumed, pictures: 0, again: None }),
            Err(why) => Err(Error::Unusable { name, why }),
        }
    }

    /// Size and rate by the header.
    ///
    /// # Errors
    /// [`Error::Unusable`] where it names no sensible rate.
    pub fn format(&self) -> Result<Format, Error> {
        let ratio = self.decoder.get_framerate();
        let size = Size::new(self.decoder.get_width() as u32, self.decoder.get_height() as u32);
        match FrameRate::new(ratio.num as u64, ratio.den as u64) {
            Ok(rate) => Ok(Format { size, rate }),
            Err(_) => {
                let why = format!("has a frame rate of {ratio} in its y4m header, which is not one");
                Err(Error::Unusable { name: self.name.clone(), why })
            }
        }
    }

    fn is_native(&self) -> bool {
        use y4m::Colorspace::{C420, C420jpeg, C420mpeg2, C420paldv};
        matches!(self.decoder.get_colorspace(), C420 | C420jpeg | C420mpeg2 | C420paldv)
    }

    fn colours(&self) -> String {
        let tag = format!("{:?}", self.decoder.get_colorspace());
        format!("colour space {}", tag.trim_start_matches('C'))
    }

    /// Begins the file again.
    fn rewind(&mut self, path: &Path) -> Result<(), Error> {
        let unusable = |why| Error::Unusable { name: self.name.clone(), why };
        (self.decoder, self.consumed) = decoder(open(path)?).map_err(unusable)?;
        self.pictures = 0;
        Ok(())
    }

    fn copy_next(&mut self, picture: &mut Picture) -> Result<(), y4m::Error> {
        let frame = self.decoder.read_frame()?;
        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
        for (to, from) in picture.planes_mut().into_iter().zip(planes) {
            if to.len() != from.len() {
                return Err(y4m::Error::BadInput);
            }
            to.copy_from_slice(from);
        }
        Ok(())
    }

    fn broken(&self, why: &str) -> Error {
        Error::Broken { name: self.name.clone(), why: format!("{why} picture {}", self.pictures + 1) }
    }
}

impl ahead::Reader for Reader {
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
        loop {
            let before = self.consumed.load(Ordering::Relaxed);
            let copied = self.copy_next(picture);
            let consumed = self.consumed.load(Ordering::Relaxed) > before;
            match copied {
                Ok(()) => {
                    self.pictures += 1;
                    return Ok(true);
                }
                Err(y4m::Error::EOF) if consumed => return Err(self.broken("is cut off in")),
                Err(y4m::Error::EOF) => match self.again.clone() {
                    Some(path) if self.pictures > 0 => self.rewind(&path)?,
                    _ => return Ok(false),
                },
                Err(y4m::Error::IoError(why)) => return Err(self.broken(&format!("cannot be read ({why}) at"))),
                Err(_) => return Err(self.broken("has no FRAME line where it should, before")),
            }
        }
    }
}

fn open(path: &Path) -> Result<Input, Error> {
    let file = File::open(path).map_err(|why| Error::Open { path: path.to_owned(), why })?;
    Ok(Box::new(file))
}

/// The crate's decoder behind a header that has been checked: it multiplies the sides before it looks at them.
fn decoder(input: Input) -> Result<(y4m::Decoder<Counted>, Arc<AtomicU64>), String> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut header = Vec::new();
    let line = input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut header);
    line.map_err(|why| format!("cannot be read: {why}"))?;
    if !header.starts_with(MAGIC) {
        return Err("is not y4m: it does not begin with YUV4MPEG2".to_owned());
    }
    if header.last() != Some(&b'\n') {
        return Err(format!("has a y4m header that does not end within {MAX_HEADER} bytes"));
    }
    let (width, height) = (side(&header, b'W'), side(&header, b'H'));
    if width.is_none() || height.is_none() {
        return Err(format!("has no picture size of 1x1 to {0}x{0} in its y4m header", Size::MAX_SIDE));
    }
    let consumed = Arc::new(AtomicU64::new(0));
    let input = Box::new(Cursor::new(header).chain(input));
    match y4m::Decoder::new(Counted { input, consumed: consumed.clone() }) {
        Ok(decoder) => Ok((decoder, consumed)),
        Err(y4m::Error::UnknownColorspace) => Err("has a colour space that is not known here: convert it first, for \
            example with ffmpeg -pix_fmt yuv420p"
            .to_owned()),
        Err(why) => Err(format!("has a y4m header that is wrong: {why}")),
    }
}

/// The side that the header gives under `tag`, where it is one.
fn side(header: &[u8], tag: u8) -> Option<u32> {
    let fields = header.trim_ascii_end().split(|&byte| byte == b' ').skip(1);
    // Where it is given twice, the crate takes the last.
    let field = fields.filter(|field| field.first() == Some(&tag)).last()?;
    let number = std::str::from_utf8(&field[1..]).ok()?.parse().ok()?;
    (1..=Size::MAX_SIDE).contains(&number).then_some(number)
}

/// Counts the bytes that are read through it.
struct Counted {
    input: Input,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source as _;
    use super::*;
    use std::io::Write;

    fn reader(bytes: impl Into<Vec<u8>>) -> Result<Reader, Error> {
        Reader::new("clip".to_owned(), Box::new(Cursor::new(bytes.into())))
    }

    /// A file of `count` 2x2 pictures, the first sample of each its number.
    fn stream(count: u8) -> Vec<u8> {
        let mut bytes = b"YUV4MPEG2 W2 H2 F30000:1001 Ip A1:1 C420jpeg XX\n".to_vec();
        for number in 0..count {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(&[number, 1, 2, 3, 4, 5]);
        }
        bytes
    }

    fn first_samples(source: &mut Source, count: usize) -> Vec<u8> {
        let mut samples = Vec::new();
        while samples.len() < count {
            match source.next(Duration::from_secs(10)).expect("a readable stream") {
                Next::Frame(frame) => samples.push(frame.picture.data()[0]),
                Next::Nothing => panic!("the reader hangs"),
                Next::End => break,
            }
        }
        samples
    }

    #[test]
    fn pictures_and_rate_of_a_pipe() {
        let mut source = Source::start(reader(stream(3)).expect("a header")).expect("4:2:0");
        assert_eq!(source.format().size, Size::new(2, 2));
        assert_eq!(source.format().rate.to_string(), "30000/1001");
        assert_eq!(first_samples(&mut source, 9), [0, 1, 2]);
    }

    #[test]
    fn a_looped_file_begins_again() {
        let mut clip = tempfile::NamedTempFile::new().expect("a temporary file");
        clip.write_all(&stream(2)).expect("room");
        assert!(matches!(probe(clip.path()), Ok(Probe::Native(_))));
        assert_eq!(first_samples(&mut file(clip.path(), true).expect("a clip"), 5), [0, 1, 0, 1, 0]);
        assert_eq!(first_samples(&mut file(clip.path(), false).expect("a clip"), 5), [0, 1]);
    }

    #[test]
    fn a_looped_file_without_pictures_ends() {
        let mut clip = tempfile::NamedTempFile::new().expect("a temporary file");
        clip.write_all(&stream(0)).expect("room");
        assert!(first_samples(&mut file(clip.path(), true).expect("a header"), 1).is_empty());
    }

    #[test]
    fn a_stream_cut_anywhere_in_a_picture_names_it() {
        let whole = stream(2);
        let header = stream(0).len();
        for end in header + 1..whole.len() {
            let mut source = Source::start(reader(&whole[..end]).expect("a header")).expect("4:2:0");
            let pictures = (end - header) / 12;
            if end == header + 12 {
                continue;
            }
            for _ in 0..pictures {
                assert!(matches!(source.next(Duration::from_secs(10)), Ok(Next::Frame(_))));
            }
            let error = source.next(Duration::from_secs(10)).expect_err("cut").to_string();
            assert_eq!(error, format!("clip is cut off in picture {}", pictures + 1), "cut at {end}");
        }
    }

    #[test]
    fn headers_that_are_wrong_are_refused_without_allocating() {
        for (header, hint) in [
            ("", "not y4m"),
            ("RIFF", "not y4m"),
            ("YUV4MPEG2 W2 H2", "does not end"),
            ("YUV4MPEG2 F30:1\n", "size"),
            ("YUV4MPEG2 W0 H2 F30:1\n", "size"),
            ("YUV4MPEG2 W-2 H2 F30:1\n", "size"),
            ("YUV4MPEG2 W99999999999999999999 H99999999999999999999\n", "size"),
            ("YUV4MPEG2 W4294967295 H4294967295\n", "size"),
            ("YUV4MPEG2 W2 H2 W999999999 F30:1\n", "size"),
            ("YUV4MPEG2 W2 H2 Fx F30:1\n", "header"),
            ("YUV4MPEG2 W2 H2 F30:1 C411\n", "colour"),
        ] {
            let error = reader(header).err().expect(header).to_string();
            assert!(error.starts_with("clip ") && error.contains(hint), "{header:?}: {error}");
        }
        let endless = vec![b'W'; 1 << 20];
        assert!(reader([MAGIC, &endless].concat()).is_err());
    }

    #[test]
    fn other_colour_spaces_and_rates_of_zero_are_refused() {
        for (colours, shown) in [("422", "422"), ("444p10", "444p10"), ("mono", "mono")] {
            let header = format!("YUV4MPEG2 W2 H2 F30:1 C{colours}\n");
            let error = Source::start(reader(header).expect("a header")).err().expect(colours).to_string();
            assert!(error.contains(shown) && error.contains("yuv420p"), "{error}");
        }
        let error = reader("YUV4MPEG2 W2 H2 F0:0\n").expect("a header").format().expect_err("no rate");
        assert!(error.to_string().contains("0:0"), "{error}");
    }

    #[test]
    fn garbage_between_pictures_is_an_error_that_names_the_place() {
        let mut bytes = stream(1);
        bytes.extend_from_slice(b"GARBAGE LINE\n");
        let mut source = Source::start(reader(bytes).expect("a header")).expect("4:2:0");
        assert_eq!(first_samples(&mut source, 1), [0]);
        let error = source.next(Duration::from_secs(10)).expect_err("garbage").to_string();
        assert!(error.contains("FRAME") && error.contains("picture 2"), "{error}");
    }
}
