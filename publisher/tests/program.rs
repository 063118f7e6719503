//! The program as users run it: what cannot be run.

use std::process::{Command, Output};

fn publisher(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_publisher")).args(arguments).output().expect("the program starts")
}

#[test]
fn what_cannot_be_run_is_one_line_without_passwords() {
    for (arguments, code, word) in [
        (vec!["rtsp://user:secret@h/cam"], 2, "unexpected argument 'rtsp://…@h/cam'"),
        (vec!["--raw-format", "rtsp://user:secret@h/cam"], 2, "rtsp://…@h/cam"),
        (vec!["--rtsp", "user:my secret@h"], 2, "--rtsp"),
        (vec!["--to", "rtsp:/user:secret@h/cam"], 2, "host"),
        (vec!["--to", "http://user:secret@h/cam"], 2, "http://…@h/cam"),
        (vec!["--source", "camera:user:secret@h"], 2, "…@h"),
        (vec!["--source", "rtsp://user:secret@h/cam"], 2, "…@h/cam"),
    ] {
        let output = publisher(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word) && said.lines().count() == 1 && !said.contains("secret"), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}
