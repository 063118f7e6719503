//! What was typed, as it may be shown: without passwords, and in one line.
//!
//! Wrong input is quoted back, and a mistyped URL is not parsed, so its password cannot be told from the rest. Rather
//! too much is hidden here than too little.

use std::io;

/// Stands for what is hidden.
const HIDDEN: &str = "…";
/// What a path calls a secret by, in small letters: `password=secret`, or `password/secret`.
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
    let line = told.filter(|line| !line.is_empty()).fold(String::new(), |mut line, next| {
        match line.chars().next_back() {
            None => {}
            // What follows is listed below its heading.
            Some(':') => line.push(' '),
            Some(_) => line.push_str("; "),
        }
        line + next
    });
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
    hide(text, true)
}

fn hide(text: &str, by_segment: bool) -> String {
    let (scheme, after_scheme) = split_scheme(text);
    let query = after_scheme.find('?');
    match (after_scheme.rfind('@'), query) {
        // Either the password holds the `?` or the query the `@`.
        (Some(at), Some(query)) if query < at => format!("{scheme}{HIDDEN}"),
        (Some(at), _) => format!("{scheme}{HIDDEN}{}", without_query(&after_scheme[at..], by_segment)),
        (None, _) => format!("{scheme}{}", without_query(after_scheme, by_segment)),
    }
}

/// The path of a URL without what it calls a secret: cameras take `/user=…&password=…`, `/user=…_password=…` and `/password/…`
/// too. Names are compared decoded, so that `p%61ssword` is one as well.
pub fn path(path: &str) -> String {
    hide_in_path(path, true)
}

/// Hides what follows `name=` up to the end of the segment, and `by_segment` the whole segment after one that is a name.
fn hide_in_path(path: &str, by_segment: bool) -> String {
    let decoded = decoded(path);
    let raw = |index: usize| decoded.get(index).map_or(path.len(), |(at, _)| *at);
    let letters: Vec<u8> = decoded.iter().map(|(_, letter)| *letter).collect();
    let (mut shown, mut shown_to) = (String::with_capacity(path.len()), 0);
    let (mut start, mut is_named) = (0, false);
    for segment in letters.split(|letter| *letter == b'/') {
        let hidden = if is_named && !segment.is_empty() { Some(0) } else { end_of_name(segment) };
        if let Some(hidden) = hidden {
            shown.push_str(&path[shown_to..raw(start + hidden)]);
            shown.push_str(HIDDEN);
            shown_to = raw(start + segment.len());
        }
        if !segment.is_empty() {
            // The first one may be a host.
            let is_name = SECRET_NAMES.iter().any(|name| name.trim_end_matches('=').as_bytes() == segment);
            is_named = by_segment && start > 0 && hidden.is_none() && is_name;
        }
        start += segment.len() + 1;
    }
    shown.push_str(&path[shown_to..]);
    shown
}

/// Where the first `name=` in a segment ends. What ends its value is not the same everywhere.
fn end_of_name(segment: &[u8]) -> Option<usize> {
    let ends = SECRET_NAMES.iter().filter_map(|name| {
        segment.windows(name.len()).position(|window| window == name.as_bytes()).map(|at| at + name.len())
    });
    ends.min()
}

/// The bytes of a path without percent-encoding (RFC 3986 section 2.1), in small letters, each with where it begins in `path`.
fn decoded(path: &str) -> Vec<(usize, u8)> {
    let (mut all, mut at) = (Vec::with_capacity(path.len()), 0);
    while let Some(&byte) = path.as_bytes().get(at) {
        let code = path.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        all.push((at, code.unwrap_or(byte).to_ascii_lowercase()));
        at += if code.is_some() { 3 } else { 1 };
    }
    all
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

/// As [`url`], leaving quotes and sentence marks around the word. What may be a file's path keeps its folders.
fn hide_in_word(word: &str) -> String {
    let inner = word.trim_start_matches(['\'', '"', '`', '(', '[']);
    let (before, _) = word.split_at(word.len() - inner.len());
    let core = inner.trim_end_matches(CLOSING);
    let (_, after) = inner.split_at(core.len());
    let is_url =
        core.contains("://") || core.contains('@') || core.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("rtsp"));
    // A playlist's tag is not the fragment of a URL.
    let tag = core.starts_with("#EXT").then(|| core.split_at(1));
    let (hash, core) = tag.unwrap_or(("", core));
    format!("{before}{hash}{}{after}", hide(core, is_url))
}

/// `text` up to and with its `://`, and what comes then. A `://` inside a password is none.
fn split_scheme(text: &str) -> (&str, &str) {
    match text.split_once("://") {
        Some((scheme, after)) if !scheme.contains([':', '@', '?']) => (&text[..text.len() - after.len()], after),
        _ => ("", text),
    }
}

/// Nothing of a query is shown: one that is a token alone has no name and no value.
fn without_query(text: &str, by_segment: bool) -> String {
    match text.find(['?', '#']) {
        // A question mark at the end of a sentence begins nothing.
        Some(end) if end + 1 < text.len() => {
            format!("{}{}{HIDDEN}", hide_in_path(&text[..end], by_segment), &text[end..=end])
        }
        _ => hide_in_path(text, by_segment),
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
            ("rtsp://h/user=a&p%61ssword=secret", "rtsp://h/user=a&p%61ssword=…"),
            ("rtsp://h/%50%57%44%3dsecret/x", "rtsp://h/%50%57%44%3d…/x"),
            ("rtsp://h/a/pwd/secret/ch1", "rtsp://h/a/pwd/…/ch1"),
            ("rtsp://h/Token//s%65cret", "rtsp://h/Token//…"),
            ("rtsp://h/p%77d%2Fsecret/ch1", "rtsp://h/p%77d%2F…/ch1"),
            ("rtsp://h/pwd/pwd/x", "rtsp://h/pwd/…/x"),
            ("rtsp://a:b@auth/cam", "rtsp://…@auth/cam"),
            ("rtsp://auth/cam/pwd", "rtsp://auth/cam/pwd"),
            ("host/pwd/secret", "host/pwd/…"),
            ("rtsp://h/tokens/cam", "rtsp://h/tokens/cam"),
            ("rtsp://h/100%/%zz/%é/pwd/é%", "rtsp://h/100%/%zz/%é/pwd/…"),
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
            ("see 'rtsp://h/pwd/secret/x', and rtsp:/h/pwd/secret", "see 'rtsp://h/pwd/…/x', and rtsp:/h/pwd/…"),
            ("cannot open \"/home/ann/key/clip.mp4\"", "cannot open \"/home/ann/key/clip.mp4\""),
            ("  two  spaces ", "  two  spaces "),
            ("its first line is not #EXTM3U", "its first line is not #EXTM3U"),
            ("(#EXT-X-MAP:URI=rtsp://a:secret@h/cam#x) #secret", "(#…@h/cam#…) #…"),
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
        let told = "error: the following required arguments were not provided:\n  --via <VIA>\n\nUsage: receiver\n";
        assert_eq!(one_line(told), "the following required arguments were not provided: --via <VIA>");
    }
}
