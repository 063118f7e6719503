//! Text that somebody else wrote, as a terminal may get it.
//!
//! Two lines of defence. Where text comes in (a report, a store, a server's answer) it is [`escaped`]: one text stays on one line,
//! and a table keeps its columns. Where text goes out, everything passes [`lines`]: the macros `print!`, `println!` and `eprintln!`
//! of this crate ([`crate::host::terminal`]) take the place of std's in every crate of ours, and [`Writer`] stands before the log. Whoever forgets the first
//! cannot forget the second.

use std::borrow::Cow;
use std::io::{self, Write};

/// `text` with each character that a terminal would obey, or that cannot be seen, as its escape. Line breaks are of them: one text
/// stays on one line.
///
/// ```
/// assert_eq!(common::printable::escaped("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
/// assert_eq!(common::printable::escaped("délai ± 1 ms"), "délai ± 1 ms");
/// ```
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_obeyed, |shown, c| shown.extend(c.escape_default()))
}

/// What goes out: lines of text or of JSON, with line breaks and tabs, and any other such character as JSON escapes it, which leaves
/// JSON what it was: there these stand in strings alone.
///
/// ```
/// assert_eq!(common::printable::lines("{\"a\": \"\u{202e}b\"}\n"), "{\"a\": \"\\u202eb\"}\n");
/// ```
pub fn lines(text: &str) -> Cow<'_, str> {
    let obeyed = |c| is_obeyed(c) && !matches!(c, '\n' | '\t');
    replaced(text, obeyed, |shown, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn replaced(text: &str, is: impl Fn(char) -> bool, put: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(&is) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is(c) {
            put(&mut shown, c);
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

/// Control characters (C0, DEL, C1); what turns the direction of writing around (UAX 9: marks, embeddings, overrides, isolates);
/// what ends a line or a paragraph; and what has no width, so that two texts that differ look alike: soft hyphens, joiners, fillers,
/// byte order marks, tags.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Lets [`lines`] through to a terminal.
#[derive(Debug)]
pub struct Writer<W>(pub W);

impl<W: Write> Write for Writer<W> {
    /// Takes whole lines, as a log's are.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(lines(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBEYED: [&str; 14] = [
        "\x1b[31mred",
        "\u{9b}31m",
        "\x07\x08\x7f\0",
        "a\rb",
        "\u{202e}cod.exe",
        "\u{2066}x",
        "\u{200e}x",
        "\u{200f}x",
        "\u{61c}x",
        "a\u{2028}b",
        "a\u{2029}b",
        "ok\u{200b}",
        "\u{feff}ok",
        "ok\u{e0041}",
    ];

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for text in OBEYED.into_iter().chain(["a\nb", "a\tb"]) {
            let shown = escaped(text);
            assert!(!shown.contains(is_obeyed) && shown.contains('\\'), "{shown}");
        }
        assert!(matches!(escaped("größer → 5 ▶ „Ja“"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_goes_out_has_lines_and_json_stays_what_it_was() {
        for text in OBEYED {
            let shown = lines(text);
            assert!(!shown.contains(is_obeyed) && shown.contains("\\u"), "{shown}");
        }
        assert!(matches!(lines("a\n\tb\n"), Cow::Borrowed(_)));
        assert_eq!(lines("\"\u{e0041}\u{85}\""), "\"\\udb40\\udc41\\u0085\"");
        let mut out = Writer(Vec::new());
        out.write_all("WARN \u{9b}31m\n".as_bytes()).expect("memory");
        assert_eq!(out.0, b"WARN \\u009b31m\n");
    }
}
