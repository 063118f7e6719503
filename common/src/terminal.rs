//! What the terminal at standard error can take.

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
