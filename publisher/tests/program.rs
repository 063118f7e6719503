//! The program as users run it.

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
        (vec!["--to", "rtsp:/user:secret@h/cam"], 2, "…@h/cam"),
        (vec!["--to", "rtsp://user:se/secret@h/cam"], 2, "/ as %2F"),
        (vec!["--to", "http://h/cam?token=secret"], 2, "http://h/cam?…"),
        (vec!["--source", "test", "--to", "rtsp://127.0.0.1:1/cam?token=secret"], 1, "rtsp://127.0.0.1:1/cam?…"),
        (vec!["--to", "env:NO_SUCH_VARIABLE"], 2, "set NO_SUCH_VARIABLE"),
        (vec!["--credentials", "/nowhere", "--to", "rtsp://h/cam"], 2, "--credentials /nowhere: "),
        (vec!["--to", "http://user:secret@h/cam"], 2, "http://…@h/cam"),
        (
            vec!["--source", "test", "--rtsp", "0.0.0.0:0", "--http", "127.0.0.1:0"],
            2,
            "framelag serve --rtsp 0.0.0.0:0 --auth FILE",
        ),
        (vec!["--source", "test", "--to", "-", "--gop", "30"], 2, "--gop cannot be used with --to -"),
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

#[test]
fn the_last_figures_are_those_after_everything_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("clip.y4m");
    // One picture: the source has ended long before the connection is made.
    let picture = vec![128; 160 * 120 * 3 / 2];
    std::fs::write(&file, [b"YUV4MPEG2 W160 H120 F30:1\nFRAME\n", &picture[..]].concat()).expect("a file");
    let file = file.to_string_lossy();
    let output = publisher(&["--source", &file, "--json", "--rtsp", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let ended: serde_json::Value = serde_json::from_str(said.lines().last().expect("a line")).expect("lines of JSON");
    assert_eq!(
        (&ended["event"], &ended["frames"], &ended["dropped_by_sender"]),
        (&"ended".into(), &1.into(), &0.into())
    );
    assert!(ended["bytes"].as_u64().is_some_and(|bytes| bytes > 100), "{ended}");
}
