//! Runs as earlier versions wrote them, by the git history of docs/run.schema.json: the same figures, without what came later.

use std::fs;
use std::path::Path;

use framelag_tests::measuring::{publisher_with_server, receiver};
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, turn};
use serde_json::Value;

use super::framelag;

/// What each version lacks of the one after it, newest first, and the columns of `frames.csv` that came with it.
const LATER: [(&[&str], &[&str]); 3] = [
    // Before clocks were compared, split a run, and stamps were checked against each other.
    (
        &[
            "/sections",
            "/stamps",
            "/capture",
            "/latency_ms/uncompared",
            "/clock/drift_ppm",
            "/clock/events",
            "/clock/max_uncertainty_us",
            "/clock/probes",
            "/clock/publisher_steps",
            "/clock/restarts",
            "/clock/source",
            "/clock/suspends",
        ],
        &["offset_us"],
    ),
    // Before reports quoted a calibration.
    (&["/calibration"], &[]),
    // The first: before the instrument's own cost was measured, and before the SEI said which host it is from.
    (&["/own_cost_us", "/clock/assumed"], &[]),
];

fn remove(run: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('/').expect("a path begins with a slash");
    let parent = run.pointer_mut(parent).and_then(Value::as_object_mut);
    assert!(parent.and_then(|parent| parent.remove(name)).is_some(), "there is no {path} any more: mend this test");
}

fn remove_column(path: &Path, name: &str) {
    let text = fs::read_to_string(path).expect("a table can be read");
    let column = text.lines().next().and_then(|line| line.split(',').position(|column| column == name));
    let column = column.unwrap_or_else(|| panic!("there is no column {name} any more: mend this test"));
    let without = |line: &str| {
        let fields: Vec<_> =
            line.split(',').enumerate().filter(|(at, _)| *at != column).map(|(_, field)| field).collect();
        fields.join(",") + "\n"
    };
    fs::write(path, text.lines().map(without).collect::<String>()).expect("a table can be written");
}

#[test]
fn runs_of_earlier_versions_are_rendered_and_joined() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    {
        let _turn = turn::share();
        let (_publisher, url) = publisher_with_server(&["--source", "test"]);
        receiver(&url, Transport::Tcp, folder.path()).run(LIMIT).expect_code(0);
    }
    let path = folder.path().join("run.json");
    let mut run: Value = serde_json::from_slice(&fs::read(&path).expect("run.json")).expect("JSON");
    let p50 = run["latency_ms"]["p50"].as_f64().expect("it measured");
    for (properties, columns) in LATER {
        properties.iter().for_each(|path| remove(&mut run, path));
        columns.iter().for_each(|name| remove_column(&folder.path().join("frames.csv"), name));
        fs::write(&path, run.to_string()).expect("the folder can be written");
        fs::remove_file(folder.path().join("report.html")).expect("it was rendered");
        let ran = framelag("report", &[folder.path()]).expect_code(0);
        assert!(
            ran.stdout.iter().any(|line| line.starts_with("latency") && line.contains(&format!("{p50:.3}"))),
            "{ran}"
        );
        assert_eq!(ran.stderr, [""; 0], "nothing is wrong with an earlier version");
        assert!(folder.path().join("report.html").is_file());
        let joined = tempfile::tempdir().expect("a folder for the test");
        framelag(&format!("report merge --out {}", joined.path().display()), &[folder.path()]).expect_code(0);
    }
}
