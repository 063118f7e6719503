use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use super::*;

const SIZE: Size = Size::new(4, 2);
const CODE: Rect = Rect { x: 1, y: 0, width: 3, height: 2 };

fn header(size: Size) -> Header {
    Header { size, rate: (2, 1), code: Some(CODE), text: None }
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
fn a_header_says_what_it_was_told() {
    let text = Some(Rect { x: 0, y: 1, width: 4, height: 1 });
    let whole = Header { text, ..header(SIZE) };
    assert_eq!(whole.to_string(), "YUV4MPEG2 W4 H2 F2:1 Ip A0:0 C420mpeg2 XCODE=1,0,3,2 XTEXT=0,1,4,1");
    let unknown = Header { rate: (0, 0), code: None, ..header(SIZE) };
    for header in [whole, header(SIZE), unknown] {
        assert_eq!(header.to_string().parse(), Ok(header));
    }
}

#[test]
fn headers_that_are_wrong_are_refused_by_name() {
    for (line, word) in [
        ("", "YUV4MPEG2"),
        ("YUV4MPEG2W4", "YUV4MPEG2"),
        ("YUV4MPEG2 W4", "size"),
        ("YUV4MPEG2 W99999999999 H2", "size"),
        ("YUV4MPEG2 W4 H2 W0", "size"),
        ("YUV4MPEG2 W4 H2 C444", "444"),
        ("YUV4MPEG2 W4 H2 XCODE=0,0,5,1", "0,0,5,1"),
        ("YUV4MPEG2 W4 H2 XTEXT=4294967295,0,1,1", "4294967295"),
        ("YUV4MPEG2 W4 H2 XTEXT=1,2,3", "1,2,3"),
    ] {
        let error = line.parse::<Header>().expect_err(line).to_string();
        assert!(error.contains(word), "{line}: {error}");
    }
    let still = "YUV4MPEG2 W4 H2 F0:0".parse::<Header>().expect("a rate is not needed");
    assert_eq!(still.rate, (0, 0));
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
    assert_eq!(sequence_in("FRAME XSEQ=30"), Some(Some(30)));
    assert_eq!((sequence_in("FRAME Ip"), sequence_in("FRAMES XSEQ=1")), (Some(None), None));
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
