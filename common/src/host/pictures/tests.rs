use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use super::*;

const SIZE: Size = Size::new(4, 2);

const fn header(size: Size) -> Header {
    Header { size, rate: (2, 1), code: None, text: None }
}

/// Memory that several hold.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that says when it is written to, waits for a go each time, and fails when there is none.
struct Disk {
    asked: Sender<()>,
    go: Receiver<()>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.asked.send(()).expect("the test waits");
        self.go.recv().map(|()| bytes.len()).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_nth_picture_is_written_with_its_number() {
    let memory = Memory::default();
    let keeper = Keeper::start(memory.clone(), 15, header, |_| panic!("memory does not fail")).expect("a thread");
    for sequence in (14..=30).filter(|&sequence| keeper.wants(sequence)) {
        let mut picture = keeper.spare(SIZE);
        picture.data_mut().fill(sequence as u8);
        assert!(keeper.put(sequence, picture).is_none());
    }
    // Another size does not fit in.
    assert!(keeper.put(45, Picture::black(Size::new(2, 2))).is_none());
    let kept = keeper.finish();
    assert_eq!((kept.written, kept.dropped), (2, 1));
    let first = header(SIZE).to_string();
    let expected = [first.as_bytes(), b"\nFRAME XSEQ=15\n", &[15; 12], b"FRAME XSEQ=30\n", &[30; 12]];
    assert_eq!(*memory.0.lock().expect("nobody panics"), expected.concat());
}

#[test]
fn a_slow_disk_costs_pictures_and_a_full_one_is_told_once() {
    let ((asked, begins), (go, gone)) = (channel(), channel());
    let (tell, told) = channel();
    let failed = move |why: &io::Error| tell.send(why.kind()).expect("the test waits");
    let keeper = Keeper::start(Disk { asked, go: gone }, 1, header, failed).expect("a thread");
    assert!(keeper.put(0, Picture::black(SIZE)).is_none());
    begins.recv().expect("the first is being written");
    let taken = (1..20).filter(|&sequence| keeper.put(sequence, Picture::black(SIZE)).is_none()).count();
    assert_eq!(taken, DEPTH);
    drop(go);
    let kept = keeper.finish();
    assert_eq!((kept.written, kept.dropped), (0, 20));
    assert_eq!(kept.failure.map(|why| why.kind()), Some(io::ErrorKind::StorageFull));
    assert_eq!(told.iter().collect::<Vec<_>>(), [io::ErrorKind::StorageFull]);
}
