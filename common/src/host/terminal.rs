//! The terminal: what goes to it, and what it can take.

use std::ffi::OsString;
use std::io::IsTerminal;

/// Whether standard error is a terminal that wants what moves and colours on it, as a progress bar. Not where `NO_COLOR` is set
/// (<https://no-color.org>) or `TERM` says that it understands nothing of the kind.
pub fn is_lively() -> bool {
    std::io::stderr().is_terminal() && wants_escapes(|name| std::env::var_os(name))
}

fn wants_escapes(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// As std's, of [`lines`](crate::printable::lines); a reader that closes the pipe early, such as `head`, is not an error.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::io::stdout().write_all($crate::printable::lines(&::std::format!($($text)*)).as_bytes());
    }};
}

/// As std's, of [`lines`](crate::printable::lines); a reader that closes the pipe early, such as `head`, is not an error.
#[macro_export]
macro_rules! println {
    ($($text:tt)*) => { $crate::print!("{}\n", ::std::format!($($text)*)) };
}

/// As std's, of [`lines`](crate::printable::lines); that nobody reads it is not an error.
#[macro_export]
macro_rules! eprintln {
    ($($text:tt)*) => {{
        use ::std::io::Write as _;
        let text = ::std::format!($($text)*) + "\n";
        let _ = ::std::io::stderr().write_all($crate::printable::lines(&text).as_bytes());
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_to_those_who_want_them() {
        for (no_color, term, wanted) in [
            (None, Some("xterm"), true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (None, Some("dumb"), false),
            (None, None, false),
        ] {
            let variable = |name: &str| if name == "TERM" { term } else { no_color }.map(OsString::from);
            assert_eq!(wants_escapes(variable), wanted, "{no_color:?} {term:?}");
        }
    }
}
