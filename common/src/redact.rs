//! What was typed, as it may be shown: without passwords, and in one line.
//!
//! Wrong input is quoted back, and a mistyped URL is not parsed, so its password cannot be told from the rest. Rather
//! too much is hidden here than too little.

use std::io;

/// Stands for what is hidden.
const HIDDEN: &str = "…";
/// What a path calls a secret by, in small letters.
const SECRET_NAMES: [&str; 10] =
    ["password=", "passwd=", "pass=", "pwd=", "pw=", "psw=", "token=", "secret=", "key=", "auth="];
/// What ends a word beside its last letter: closing quotes and the marks of a sentence.
const CLOSING: [char; 9] = ['\'', '"', '`', ',', ';', ':', '.', ')', ']'];

/// The text of a wrong command line, as [clap](https://docs.rs/clap) tells it in paragraphs, in one line: what is wrong
/// and what would be right, without usage and without secrets.
///
/// ```
/// let told = "error: invalid value 'rtsp://ann:secret@h/cam' for '--gop <N>'\n\nFor more information, try '--help'.\n";
/// assert_eq!(common::redact::one_line(told), "invalid value 'rtsp://…@h/cam' for '--gop <N>'");
/// ```
pub fn one_line(text: &str) -> String {
    let told =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let line = told.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    secrets(line.trim_start_matches("error: "))
}

/// `text` with each of its words, or quoted parts, as [`url()`] shows it. For sentences that quote what was typed.
pub fn secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.trim_start();
        let (space, _) = rest.split_at(rest.len() - word.len());
        let (word, after) = word.split_at(word_len(word));
        shown.push_str(space);
        shown.push_str(&hide_in_word(word));
        rest = after;
    }
    shown
}

/// `text`, meant to be one URL and possibly none, without user info (all before its last `@`), query and fragment, and
/// without what its path calls a secret.
pub fn url(text: &str) -> String {
    let (scheme, after_scheme) = split_scheme(text);
    let query = after_scheme.find('?');
    match (after_scheme.rfind('@'), query) {
        // Either the password holds the `?` or the query the `@`.
        (Some(at), Some(query)) if query < at => format!("{scheme}{HIDDEN}"),
        (Some(at), _) => format!("{scheme}{HIDDEN}{}", without_query(&after_scheme[at..])),
        (None, _) => format!("{scheme}{}", without_query(after_scheme)),
    }
}

/// The path of a URL without what it calls a secret: cameras take `/user=…&password=…` and `/user=…_password=…` too.
pub fn path(path: &str) -> String {
    let segment = |segment: &str| {
        let lower = segment.to_ascii_lowercase();
        let names = SECRET_NAMES.iter().filter_map(|name| lower.find(name).map(|at| at + name.len()));
        // What ends the value there is not the same everywhere.
        names.min().map_or_else(|| segment.to_owned(), |end| format!("{}{HIDDEN}", &segment[..end]))
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Writes text without its secrets, as [`secrets`] has it: for logs, in which libraries name the URLs that they are given. Each
/// write has to be whole words.
#[derive(Debug)]
pub struct Redacting<W>(pub W);

impl<W: io::Write> io::Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(secrets(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Bytes up to the end of the first word of `text`. A quoted part counts as one word, because a password may have
/// spaces.
fn word_len(text: &str) -> usize {
    let ends =
        |at: usize| text[at..].starts_with(|c: char| CLOSING.contains(&c) || c.is_whitespace()) || at == text.len();
    let first = text.chars().next().filter(|c| ['\'', '"', '`'].contains(c));
    let closing = first.and_then(|quote| {
        let mut quotes = text.match_indices(quote).skip(1).map(|(at, _)| at + quote.len_utf8());
        quotes.find(|&at| ends(at))
    });
    let from = closing.unwrap_or(0);
    from + text[from..].find(char::is_whitespace).unwrap_or(text.len() - from)
}

/// As [`url`], leaving quotes and sentence marks around the word.
fn hide_in_word(word: &str) -> String {
    let inner = word.trim_start_matches(['\'', '"', '`', '(', '[']);
    let (before, _) = word.split_at(word.len() - inner.len());
    let core = inner.trim_end_matches(CLOSING);
    let (_, after) = inner.split_at(core.len());
    format!("{before}{}{after}", url(core))
}

/// `text` up to and with its `://`, and what comes then. A `://` inside a password is none.
fn split_scheme(text: &str) -> (&str, &str) {
    match text.split_once("://") {
        Some((scheme, after)) if !scheme.contains([':', '@', '?']) => (&text[..text.len() - after.len()], after),
        _ => ("", text),
    }
}

/// Nothing of a query is shown: one that is a token alone has no name and no value.
fn without_query(text: &str) -> String {
    match text.find(['?', '#']) {
        // A question mark at the end of a sentence begins nothing.
        Some(end) if end + 1 < text.len() => format!("{}{}{HIDDEN}", path(&text[..end]), &text[end..=end]),
        _ => path(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_is_hidden_however_the_url_is_mistyped() {
        for (typed, shown) in [
            ("rtsp://ann:secret@host/cam", "rtsp://…@host/cam"),
            ("rtsp://ann:sec@ret@host/cam", "rtsp://…@host/cam"),
            ("rtsp://ann:://secret@host/cam", "rtsp://…@host/cam"),
            ("rtsp:/ann:secret@host/cam", "…@host/cam"),
            ("ann:secret@host/cam", "…@host/cam"),
            ("ann:x://secret@host/cam", "…@host/cam"),
            ("rtsp://ann:my secret@host/cam", "rtsp://…@host/cam"),
            ("--to=rtsp://ann:secret@host/cam", "--to=rtsp://…@host/cam"),
            ("rtsp://host:8554/cam", "rtsp://host:8554/cam"),
            ("clip.mp4", "clip.mp4"),
            ("", ""),
        ] {
            assert_eq!(url(typed), shown);
        }
    }

    #[test]
    fn queries_and_what_a_path_calls_a_secret_are_hidden() {
        for (typed, shown) in [
            ("rtsp://h/cam?token=secret", "rtsp://h/cam?…"),
            ("rtsp://h/cam?secret", "rtsp://h/cam?…"),
            ("rtsp://h/cam#secret", "rtsp://h/cam#…"),
            ("rtsp://a:secret@h/cam?user=ann&pw=secret&live", "rtsp://…@h/cam?…"),
            ("rtsp://h/cam?pw=sec@ret", "rtsp://…"),
            ("rtsp://a:sec?ret=1@h/cam", "rtsp://…"),
            ("rtsp://h/user=a&Password=secret&ch=1/x", "rtsp://h/user=a&Password=…/x"),
            ("host/user=a_password=secret_ch=1", "host/user=a_password=…"),
        ] {
            assert_eq!(url(typed), shown);
        }
    }

    #[test]
    fn sentences_keep_their_words_and_quotes() {
        for (told, shown) in [
            ("is the server running? write -, or 'p99<150ms'", "is the server running? write -, or 'p99<150ms'"),
            ("unexpected 'rtsp://a:secret@h/cam' found", "unexpected 'rtsp://…@h/cam' found"),
            ("'--to': \"a:secret@h\" is no size: write 1", "'--to': \"…@h\" is no size: write 1"),
            ("pass '-- --rtsp://a:secret@h/cam'", "pass '-- --rtsp://…@h/cam'"),
            ("value 'rtsp://a:my secret@h/cam' for 'x'", "value 'rtsp://…@h/cam' for 'x'"),
            ("value 'rtsp://a:it's secret@h/cam' for 'x'", "value 'rtsp://…@h/cam' for 'x'"),
            ("see rtsp://h/cam?pw=secret, and more", "see rtsp://h/cam?…, and more"),
            ("is rtsp://h/cam?pw=secret there?", "is rtsp://h/cam?… there?"),
            ("an 'open quote a:secret@h", "an 'open quote …@h"),
            ("  two  spaces ", "  two  spaces "),
        ] {
            assert_eq!(secrets(told), shown);
        }
    }

    #[test]
    fn what_is_logged_has_no_secrets_either() {
        let mut log = Redacting(Vec::new());
        io::Write::write_all(&mut log, b"WARN answer at rtsp://h/cam?pw=secret has\n  no type\n")
            .expect("memory takes it");
        assert_eq!(log.0, "WARN answer at rtsp://h/cam?… has\n  no type\n".as_bytes());
    }

    #[test]
    fn paragraphs_become_one_line_without_usage() {
        let told = "error: unexpected argument '--sorce' found\n\n  tip: a similar argument exists: '--source'\n\n\
                    Usage: publisher --source <SOURCE>\n\nFor more information, try '--help'.\n";
        assert_eq!(one_line(told), "unexpected argument '--sorce' found; tip: a similar argument exists: '--source'");
    }
}
