//! Plays an input again and again.

use common::frame::Picture;

use super::{Error, Format, ahead};

/// Bytes of pictures that are kept at most. What fits is played again from memory: a still image could not be opened
/// 30 times per second.
const KEPT_BYTES: usize = 64 << 20;

/// Plays what `open` gives; at its end again, where it is `looped`. Messages call it `name`.
///
/// # Errors
/// Those of `open`, and of [`ahead::Source::start`].
pub fn start<R: ahead::Reader>(
    name: String,
    looped: bool,
    mut open: impl FnMut() -> Result<(R, Format), Error> + Send + 'static,
) -> Result<ahead::Source, Error> {
    let (reader, format) = open()?;
    if !looped {
        return ahead::Source::start(name, format, reader);
    }
    let known = name.clone();
    let again = move || match open()? {
        (reader, now) if now == format => Ok(reader),
        _ => Err(Error::Broken { name: known.clone(), why: "has changed since it was opened".to_owned() }),
    };
    ahead::Source::start(name, format, Looped::new(reader, Box::new(again)))
}

/// An input that begins again at its end.
struct Looped<R> {
    open: Box<dyn FnMut() -> Result<R, Error> + Send>,
    round: Round<R>,
}

enum Round<R> {
    /// The input is read; `kept` are all its pictures so far, or `None` where they are too many.
    Reading { reader: R, pictures: u64, kept: Option<Vec<Picture>> },
    /// All of it is in memory.
    Kept { pictures: Vec<Picture>, next: usize },
}

impl<R: ahead::Reader> Looped<R> {
    /// Plays `reader`, which has not been read from, then what `open` gives.
    fn new(reader: R, open: Box<dyn FnMut() -> Result<R, Error> + Send>) -> Self {
        Self { open, round: Round::Reading { reader, pictures: 0, kept: Some(Vec::new()) } }
    }
}

impl<R: ahead::Reader> ahead::Reader for Looped<R> {
    fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
        loop {
            match &mut self.round {
                Round::Kept { pictures, next } => {
                    picture.data_mut().copy_from_slice(pictures[*next].data());
                    *next = (*next + 1) % pictures.len();
                    return Ok(true);
                }
                Round::Reading { reader, pictures, kept } => {
                    if reader.read(picture)? {
                        *pictures += 1;
                        keep(kept, picture);
                        return Ok(true);
                    }
                    if *pictures == 0 {
                        return Ok(false);
                    }
                    self.round = match kept.take() {
                        Some(pictures) => Round::Kept { pictures, next: 0 },
                        None => Round::Reading { reader: (self.open)()?, pictures: 0, kept: None },
                    };
                }
            }
        }
    }
}

fn keep(kept: &mut Option<Vec<Picture>>, picture: &Picture) {
    let Some(pictures) = kept else { return };
    let bytes = (pictures.len() + 1) * picture.data().len();
    match bytes <= KEPT_BYTES {
        true => pictures.push(picture.clone()),
        false => *kept = None,
    }
}

#[cfg(test)]
mod tests {
    use super::ahead::Reader as _;
    use super::*;
    use common::frame::Size;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Counts from 0 to `end` in the first sample.
    struct Counter {
        next: u8,
        end: u8,
    }

    impl ahead::Reader for Counter {
        fn read(&mut self, picture: &mut Picture) -> Result<bool, Error> {
            if self.next == self.end {
                return Ok(false);
            }
            picture.data_mut()[0] = self.next;
            self.next += 1;
            Ok(true)
        }
    }

    /// The first samples of `count` pictures of `size`, and how often the input of `end` pictures was opened anew.
    fn play(size: Size, end: u8, count: usize) -> (Vec<u8>, u32) {
        let opened = Arc::new(AtomicU32::new(0));
        let counter = opened.clone();
        let open = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(Counter { next: 0, end })
        };
        let mut looped = Looped::new(Counter { next: 0, end }, Box::new(open));
        let mut picture = Picture::black(size);
        let mut samples = Vec::new();
        while samples.len() < count && looped.read(&mut picture).expect("it can always be read") {
            samples.push(picture.data()[0]);
        }
        (samples, opened.load(Ordering::Relaxed))
    }

    #[test]
    fn what_is_short_is_opened_once() {
        assert_eq!(play(Size::new(2, 2), 1, 4), (vec![0, 0, 0, 0], 0));
        assert_eq!(play(Size::new(2, 2), 3, 7), (vec![0, 1, 2, 0, 1, 2, 0], 0));
    }

    #[test]
    fn what_is_long_is_opened_again_and_not_kept() {
        // Six pictures of 12 MB.
        assert_eq!(play(Size::new(3840, 2160), 6, 14), (vec![0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1], 2));
    }

    #[test]
    fn what_has_no_pictures_ends() {
        assert_eq!(play(Size::new(2, 2), 0, 1), (vec![], 0));
    }
}
