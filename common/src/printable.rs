//! Text that somebody else wrote, as a terminal may get it.

use std::borrow::Cow;

/// `text` with each control character as its escape: what a terminal would obey, and the characters that turn the direction of
/// writing around. Line breaks are of them: one text stays on one line.
///
/// ```
/// assert_eq!(common::printable::escaped("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
/// assert_eq!(common::printable::escaped("délai ± 1 ms"), "délai ± 1 ms");
/// ```
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The beginning of `text`, [`escaped`]: at most `max_chars` characters of it, and `…` where there are more.
///
/// ```
/// assert_eq!(common::printable::excerpt("404 Not\x07 Found", 8), "404 Not\\u{7}…");
/// ```
pub fn excerpt(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", escaped(&text[..end])),
        None => escaped(text).into_owned(),
    }
}

/// Control characters (C0, DEL, C1), and embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX 9).
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for text in ["\x1b[31mred", "\u{9b}31m", "\x07\x08\x7f\0", "a\r\nb", "\u{202e}cod.exe", "\u{2066}x"] {
            let shown = escaped(text);
            assert!(!shown.contains(is_obeyed) && shown.contains('\\'), "{shown}");
        }
        assert!(matches!(escaped("größer → 5"), Cow::Borrowed(_)));
    }
}
