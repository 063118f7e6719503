use super::*;

const SIZE: Size = Size::new(4, 2);
const CODE: Rect = Rect { x: 1, y: 0, width: 3, height: 2 };

fn header(size: Size) -> Header {
    Header { size, rate: (2, 1), code: Some(CODE), text: None }
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
fn lines_before_pictures_carry_numbers() {
    assert_eq!(sequence_in(&frame_line(30)), Some(Some(30)));
    assert_eq!((sequence_in("FRAME Ip"), sequence_in("FRAMES XSEQ=1")), (Some(None), None));
}
