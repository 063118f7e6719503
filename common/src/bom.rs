//! Text files as editors save them: UTF-8, perhaps with a byte order mark, which is no part of the text. UTF-16 is recognized by
//! its mark, and named, because an editor that saved it says so nowhere.

use std::io::{self, ErrorKind, Read};

/// Why bytes are not taken for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUtf8 {
    /// They begin with UTF-16's byte order mark, of either order.
    #[error("it is UTF-16: save it as UTF-8")]
    Utf16,
    /// Something else.
    #[error("line {0} is not UTF-8: save it as UTF-8")]
    Line(usize),
}

/// `bytes` as text, without the mark at its beginning.
///
/// # Errors
/// [`NotUtf8`].
///
/// ```
/// use common::bom::{NotUtf8, text};
///
/// assert_eq!(text("\u{feff}ann:secret".as_bytes()), Ok("ann:secret"));
/// assert_eq!(text(b"\xff\xfea\0"), Err(NotUtf8::Utf16));
/// ```
pub fn text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(NotUtf8::Utf16);
    }
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = bytes.iter().take(error.valid_up_to());
            Err(NotUtf8::Line(before.filter(|byte| **byte == b'\n').count() + 1))
        }
    }
}

/// All of `file` as [`text`], where it has at most `limit` bytes.
///
/// # Errors
/// The system's; [`ErrorKind::FileTooLarge`]; [`ErrorKind::InvalidData`] with [`NotUtf8`].
pub fn read(file: impl Read, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    // A pipe has no length to ask for.
    if file.take(limit + 1).read_to_end(&mut bytes)? as u64 > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    text(&bytes).map(str::to_owned).map_err(|why| io::Error::new(ErrorKind::InvalidData, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_with_or_without_a_mark() {
        assert_eq!(text(b""), Ok(""));
        assert_eq!(text("\u{feff}".as_bytes()), Ok(""));
        assert_eq!(text("a\u{feff}b".as_bytes()), Ok("a\u{feff}b"));
        assert_eq!(text(b"ann:a\nbob:\xe9\n"), Err(NotUtf8::Line(2)));
        for bytes in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a", b"\xff\xfe"] {
            assert_eq!(text(bytes), Err(NotUtf8::Utf16), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        assert_eq!(read("\u{feff}ab".as_bytes(), 5).expect("five bytes"), "ab");
        assert_eq!(read(&b"abc"[..], 2).expect_err("three bytes").kind(), ErrorKind::FileTooLarge);
        // Cut within a character it is still too large, and not garbled.
        assert_eq!(read("aé".as_bytes(), 1).expect_err("three bytes").kind(), ErrorKind::FileTooLarge);
        let error = read(&b"\xff\xfea\0"[..], 100).expect_err("UTF-16").to_string();
        assert_eq!(error, "it is UTF-16: save it as UTF-8");
    }
}
