//! Pictures that another player hands over, and pictures made for a test.

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use common::code::{Payload, Reader};
use common::frame::{Picture, Size};
use common::y4m;

use crate::process::Process;

/// Pictures wait for the test here; a player that finds it full waits too.
const QUEUE: usize = 4;

/// What a player's y4m output held.
#[derive(Debug, Default)]
pub struct Seen {
    /// Pictures.
    pub pictures: usize,
    /// What was read in the pictures that had a code, in order.
    pub codes: Vec<Payload>,
}

impl Seen {
    /// Checks that at least nine of ten pictures had a code, and that their sequence numbers only grow.
    ///
    /// # Panics
    ///
    /// Where it is not so.
    pub fn expect_codes(&self) {
        let read = self.codes.len();
        assert!(read * 10 >= self.pictures * 9, "{read} codes in {} pictures", self.pictures);
        let ascending = self.codes.windows(2).all(|pair| pair[0].sequence <= pair[1].sequence);
        assert!(ascending, "sequence numbers only grow: {:?}", self.codes);
    }
}

/// Reads `count` pictures from the y4m (4:2:0) that `player` writes to its raw standard output, and their codes.
///
/// # Panics
///
/// With the player's output, where the pictures do not come within `limit`.
pub fn watch(player: &mut Process, count: usize, limit: Duration) -> Seen {
    let pictures = decode(player.take_stdout());
    let mut seen = Seen::default();
    let mut reader = Reader::new();
    while seen.pictures < count {
        let Ok(picture) = pictures.recv_timeout(limit) else {
            panic!("only {} of {count} pictures came\n{}", seen.pictures, player.dump());
        };
        seen.pictures += 1;
        seen.codes.extend(reader.read(picture.luma()));
    }
    seen
}

/// Decodes y4m on a thread of its own, so that a player that writes nothing cannot hold a test up.
fn decode(input: impl Read + Send + 'static) -> Receiver<Picture> {
    let (sender, receiver) = sync_channel(QUEUE);
    std::thread::spawn(move || {
        let mut reader = y4m::Reader::open(BufReader::new(input)).expect("the player writes a y4m header");
        let size = reader.size().expect("y4m in 4:2:0");
        loop {
            let mut picture = Picture::black(size);
            if !reader.next(picture.data_mut()).is_ok_and(|frame| frame.is_some()) {
                return;
            }
            if sender.send(picture).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Writes `count` grey pictures of `size` at 30 fps, without a code, as y4m.
///
/// # Panics
///
/// Where the file cannot be written.
pub fn write_y4m(path: &Path, size: Size, count: usize) {
    let mut file = std::fs::File::create(path).expect("a test's folder can be written to");
    let mut write = |bytes: &[u8]| file.write_all(bytes).expect("a test's folder can be written to");
    write(format!("YUV4MPEG2 W{} H{} F30:1 Ip A1:1 C420jpeg\n", size.width, size.height).as_bytes());
    let mut picture = Picture::black(size);
    for index in 0..count {
        let [y, ..] = picture.planes_mut();
        y.fill(64 + (index % 128) as u8);
        write(b"FRAME\n");
        write(picture.data());
    }
}
