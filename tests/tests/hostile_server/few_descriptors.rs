//! With few descriptors nothing panics: it works, or says what is missing.

use std::time::Duration;

use framelag_tests::binary;
use framelag_tests::process::Builder;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn too_few_descriptors_are_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, "").expect("a file");
    let tune = ["tune", plan.to_str().expect("a name in UTF-8")];
    let commands: [(&str, &[&str]); 5] = [
        ("framelag", &["serve", "--rtsp", "127.0.0.1:0", "--http", "127.0.0.1:0"]),
        ("framelag", &["calibrate"]),
        ("framelag", &tune),
        ("publisher", &["--source", "test", "--duration", "1s"]),
        ("receiver", &["rtsp://127.0.0.1:1/cam", "--headless"]),
    ];
    for (program, args) in commands {
        // With fewer than six the loader may not find the libraries.
        for descriptors in [6, 8, 9, 14, 20, 31] {
            let limited = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
            let run = Builder::new("sh").args(["-c", &limited]).arg(binary::path(program)).args(args).run(LIMIT);
            let said = run.to_string();
            assert!(!said.contains("panicked"), "{program} {args:?} with {descriptors}\n{said}");
            let run = run.expect_code(1).to_string();
            assert!(run.contains("ulimit -n") && run.contains(&descriptors.to_string()), "{run}");
        }
    }
}
