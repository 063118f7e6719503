//! Words for people.

/// What clap says of a wrong flag, in one line: the first paragraphs, which hold what is wrong and what would be right.
pub fn usage_in_one_line(message: &str) -> String {
    let told =
        message.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let line = told.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_become_a_line() {
        let message = "error: unexpected argument '--siez' found\n\n  tip: a similar argument exists: '--size'\n\n\
                       Usage: publisher [OPTIONS]\n\nFor more information, try '--help'.\n";
        let line = "unexpected argument '--siez' found; tip: a similar argument exists: '--size'";
        assert_eq!(usage_in_one_line(message), line);
    }
}
