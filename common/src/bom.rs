//! The byte order mark that some editors put before UTF-8: it is no part of the text.

/// `text` without the mark at its beginning.
///
/// ```
/// assert_eq!(common::bom::without("\u{feff}ann:secret"), "ann:secret");
/// ```
pub fn without(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The same of bytes that may be text.
pub fn without_bytes(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}
