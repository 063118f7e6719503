use super::*;

const HERE: Option<&str> = Some("0123456789abcdef0123456789abcdef");

/// 2026-01-02T03:04:05Z.
const MADE: WallTime = WallTime::from_micros(1_767_323_045_000_000);

fn at(seconds: i64) -> WallTime {
    MADE.offset(seconds * 1_000_000)
}

fn file(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "schema": SCHEMA, "made": "2026-01-02T03:04:05Z", "machine": HERE, "accuracy_ms": 0.4, "p99_accuracy_ms": 1.9,
        "phases": [],
    });
    change(&mut value);
    value.to_string()
}

fn read(text: &str, now: WallTime) -> Result<Quote, Error> {
    quote(text, Path::new("c.json"), HERE, now)
}

#[test]
fn a_calibration_of_this_machine_is_quoted_with_its_age() {
    let quoted = read(&file(|_| {}), at(3 * 86_400 + 7)).expect("good");
    assert_eq!((quoted.accuracy_ms, quoted.p99_accuracy_ms), (0.4, Some(1.9)));
    assert_eq!((quoted.age_s, quoted.file.as_str()), (259_207.0, "c.json"));
    assert_eq!(quoted.sentence(), "PUB to arrival: half of the frames ± 0.4 ms, 99% ± 1.9 ms, on this machine");
    assert_eq!(quoted.age(), "calibrated 3 days ago");
    for (seconds, words) in [(-59, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"), (86_400, "1 day ago")] {
        let age = read(&file(|_| {}), at(seconds)).expect("good").age();
        assert!(age.contains(words), "{seconds}: {age}");
    }
    let silent = read(&file(|value| value["p99_accuracy_ms"] = serde_json::Value::Null), at(0)).expect("good");
    assert_eq!(silent.p99_accuracy_ms, None);
    assert_eq!(silent.sentence(), "PUB to arrival: half of the frames ± 0.4 ms, on this machine");
}

#[test]
fn what_is_not_to_be_quoted_says_why() {
    let whole = file(|_| {});
    let error = |text: &str| read(text, at(0)).expect_err(text).to_string();
    for (text, words) in [
        (&whole[..whole.len() / 2], "corrupt"),
        ("", "corrupt"),
        ("{}", "schema is missing"),
        ("[1]", "schema is missing"),
        (&file(|value| value["schema"] = "framelag/calibration/1".into()), "framelag/calibration/1"),
        (&file(|value| value["schema"] = "x".repeat(1_000).into()), "no calibration"),
        (&file(|value| value["machine"] = "f".into()), "another machine"),
        (&file(|value| value["machine"] = 7.into()), "corrupt"),
        (&file(|value| value["made"] = "yesterday".into()), "date"),
        (&file(|value| value["made"] = "2026-01-02T03:06:05Z".into()), "future"),
        (&file(|value| value["accuracy_ms"] = serde_json::Value::Null), "inconclusive"),
        (&file(|value| value["accuracy_ms"] = (-1.0).into()), "accuracy_ms"),
        (&file(|value| value["accuracy_ms"] = "0.4".into()), "corrupt"),
        (&file(|value| value["p99_accuracy_ms"] = 0.0.into()), "p99_accuracy_ms"),
        (&"[".repeat(100_000), "corrupt"),
    ] {
        let said = error(text);
        assert!(said.contains(words) && said.len() < 200, "{words}: {said}");
    }
    assert_eq!(quote(&whole, Path::new("c"), None, at(0)), Err(Error::UnknownMachine));
}

#[test]
fn the_default_place_follows_the_xdg_specification() {
    let path = |state: Option<&str>, home: Option<&str>| default_path(state.map(Into::into), home.map(Into::into));
    let file = |path: &str| Some(PathBuf::from(path));
    assert_eq!(path(Some("/s"), Some("/h")), file("/s/framelag/calibration.json"));
    assert_eq!(path(None, Some("/h")), file("/h/.local/state/framelag/calibration.json"));
    assert_eq!(path(Some("relative"), Some("/h")), file("/h/.local/state/framelag/calibration.json"));
    assert_eq!((path(None, None), path(Some(""), Some(""))), (None, None));
}
