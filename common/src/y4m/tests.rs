use super::*;

const SIZE: Size = Size::new(4, 2);
const CODE: Rect = Rect { x: 1, y: 0, width: 3, height: 2 };

fn open(bytes: impl Into<Vec<u8>>) -> Result<Reader<Cursor<Vec<u8>>>, Error> {
    Reader::open(Cursor::new(bytes.into()))
}

/// A stream of `count` 2x2 pictures, the first sample of each its number.
fn stream(count: u8) -> Vec<u8> {
    let mut bytes = b"YUV4MPEG2 W2 H2 F30000:1001 Ip A1:1 C420jpeg XX\n".to_vec();
    for number in 0..count {
        bytes.extend_from_slice(b"FRAME Ip\n");
        bytes.extend_from_slice(&[number, 1, 2, 3, 4, 5]);
    }
    bytes
}

/// The first samples of the pictures, and how they end.
fn samples(bytes: &[u8]) -> (Vec<u8>, Result<(), String>) {
    let mut reader = open(bytes).expect("a header");
    let mut planes = vec![0; Picture::bytes(reader.size().expect("4:2:0"))];
    let mut samples = Vec::new();
    loop {
        match reader.next(&mut planes) {
            Ok(Some(_)) => samples.push(planes[0]),
            end => return (samples, end.map(|_| ()).map_err(|error| error.to_string())),
        }
    }
}

#[test]
fn a_header_says_what_it_was_told() {
    let header = Header { size: SIZE, rate: (2, 1), code: Some(CODE), text: None };
    let whole = Header { text: Some(Rect { x: 0, y: 1, width: 4, height: 1 }), ..header };
    assert_eq!(whole.to_string(), "YUV4MPEG2 W4 H2 F2:1 Ip A0:0 C420mpeg2 XCODE=1,0,3,2 XTEXT=0,1,4,1");
    let unknown = Header { rate: (0, 0), code: None, ..header };
    for header in [whole, header, unknown] {
        let reader = open(format!("{header}\n")).expect("it is ours");
        let (size, rate, areas) = (reader.size(), reader.rate(), reader.areas());
        assert_eq!((size.ok(), rate.ok()), (Some(header.size), Some(header.rate)));
        assert_eq!(areas.ok(), Some([header.code, header.text]));
    }
}

/// What each reader needs of the first line alone fails it.
#[test]
fn fields_that_are_wrong_are_refused_by_name_by_those_that_need_them() {
    let of = |fields: &str| open(format!("{MAGIC} {fields}\n")).expect("it has an end");
    for (fields, word) in [
        ("F30:1", "size"),
        ("W4", "size"),
        ("W0 H2", "size"),
        ("W-2 H2", "size"),
        ("W99999999999999999999 H99999999999999999999", "size"),
        ("W4294967295 H4294967295", "size"),
        ("W4 H2 W0", "size"),
        ("W4 H2 C444", "444"),
        ("W4 H2 C420p10", "420p10"),
        ("W4 H2 Cmono", "mono"),
    ] {
        let error = of(fields).size().expect_err(fields).to_string();
        assert!(error.contains(word), "{fields}: {error}");
    }
    for (fields, word) in [
        ("W4 H2 XCODE=0,0,5,1", "0,0,5,1"),
        ("W4 H2 XTEXT=4294967295,0,1,1", "4294967295"),
        ("W4 H2 XTEXT=1,2,3", "1,2,3"),
    ] {
        let reader = of(fields);
        let error = reader.areas().expect_err(fields).to_string();
        assert!(error.contains(word), "{fields}: {error}");
        assert!(reader.size().is_ok_and(|size| size == SIZE) && reader.rate().is_ok(), "{fields}");
    }
    let without_rate = of("W4 H2 Fx");
    assert!(without_rate.rate().expect_err("no rate").to_string().contains("frame rate"));
    assert!(without_rate.size().is_ok() && without_rate.areas().is_ok());
    for fields in ["W4 H2 F0:0", "W4 H2"] {
        assert_eq!(of(fields).rate().expect("a rate is not needed"), (0, 0));
    }
}

#[test]
fn what_is_not_y4m_is_told_from_y4m_that_is_wrong() {
    assert!(matches!(open(""), Err(Error::Empty)));
    for text in ["RIFF", "YUV5", "YUV4MPEG 2 W2 H2\n", "YUV4MPEG2W4\n", "\n"] {
        assert!(matches!(open(text), Err(Error::NotY4m)), "{text:?}");
    }
    for text in ["Y", "YUV4MPEG2", "YUV4MPEG2 W2 H2"] {
        assert!(matches!(open(text), Err(Error::CutHeader)), "{text:?}");
    }
    assert!(matches!(open([b"YUV4MPEG2 ", &*vec![b'W'; 1 << 20]].concat()), Err(Error::Endless)));
}

#[test]
fn pictures_come_out_as_they_went_in() {
    assert_eq!(samples(&stream(3)), (vec![0, 1, 2], Ok(())));
    let picture = Picture::from_i420(Size::new(5, 3), (0..15 + 6 + 6).collect()).expect("an odd size");
    let header = Header { size: picture.size(), rate: (30, 1), code: None, text: None };
    let mut bytes = format!("{header}\n").into_bytes();
    for sequence in [None, Some(30)] {
        Frame { sequence }.write(&mut bytes, &picture).expect("memory has room");
    }
    let mut reader = open(bytes).expect("it is ours");
    let mut planes = vec![0; Picture::bytes(picture.size())];
    for sequence in [None, Some(30)] {
        assert_eq!(reader.next(&mut planes).expect("it is whole"), Some(Frame { sequence }));
        assert_eq!(planes, picture.data());
    }
    assert_eq!((reader.next(&mut planes).expect("the end"), reader.count()), (None, 2));
}

#[test]
fn a_stream_cut_anywhere_in_a_picture_names_it() {
    let (whole, header, frame) = (stream(2), stream(0).len(), stream(1).len() - stream(0).len());
    for end in (header + 1..whole.len()).filter(|end| *end != header + frame) {
        let (pictures, cut) = samples(&whole[..end]);
        assert_eq!(pictures.len(), (end - header) / frame);
        assert_eq!(cut, Err(format!("is cut off in picture {}", pictures.len() + 1)), "cut at {end}");
    }
}

#[test]
fn a_line_without_end_before_a_picture_is_not_called_cut_off() {
    let (pictures, error) = samples(&[&stream(1), &b"FRAME "[..], &vec![b'X'; 1 << 20]].concat());
    let says = "has a FRAME line before picture 2 that does not end within 1024 bytes";
    assert_eq!((pictures, error), (vec![0], Err(says.to_owned())));
}

#[test]
fn garbage_between_pictures_is_an_error_that_names_the_place() {
    for garbage in ["GARBAGE LINE\n", "FRAMX\n123456", "FRAMES XSEQ=1\n123456"] {
        let (pictures, error) = samples(&[&stream(1), garbage.as_bytes()].concat());
        assert_eq!((pictures, error), (vec![0], Err("has no FRAME line where picture 2 should begin".to_owned())));
    }
}

#[test]
fn the_stream_still_begins_with_its_header() {
    let bytes = b"YUV4MPEG2 W2 H2 F30:1 C411\nFRAME\n123456";
    let mut stream = Vec::new();
    open(*bytes).expect("a header").into_stream().read_to_end(&mut stream).expect("memory can be read");
    assert_eq!(stream, bytes);
}
