use super::*;

const HERE: Option<&str> = Some("0123456789abcdef0123456789abcdef");

/// 2026-01-02T03:04:05Z.
const MADE: WallTime = WallTime::from_micros(1_767_323_045_000_000);

fn at(seconds: i64) -> WallTime {
    MADE.offset(seconds * 1_000_000)
}

fn file(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "schema": SCHEMA, "made": "2026-01-02T03:04:05Z", "machine": HERE, "accuracy_ms": 0.4, "phases": [],
    });
    change(&mut value);
    value.to_string()
}

fn read(text: &str, now: WallTime) -> Result<Quote, Error> {
    quote(text, Path::new("c.json"), HERE, now)
}

fn phase(delay_ms: f64, latency_us: i64, frames: usize, first: Option<&Phase>) -> Phase {
    let injected = vec![Duration::from_secs_f64((delay_ms + 0.05) / 1e3); frames];
    Phase::new(Asked { delay_ms, jitter_ms: 0.0 }, &injected, &vec![latency_us; frames], first)
}

fn calibration(phases: Vec<Phase>) -> Calibration {
    let settings = Settings { size: "640x480".to_owned(), fps: 60, measured_s: 5.0, warmup_s: 1.0, seed: 1 };
    Calibration::new("2026-01-02T03:04:05Z".to_owned(), settings, phases)
}

#[test]
fn a_calibration_of_this_machine_is_quoted_with_its_age() {
    let quoted = read(&file(|_| {}), at(3 * 86_400 + 7)).expect("good");
    assert_eq!((quoted.accuracy_ms, quoted.age_s, quoted.file.as_str()), (0.4, 259_207.0, "c.json"));
    assert_eq!(quoted.sentence(), "± 0.4 ms on this machine (calibrated 3 days ago)");
    for (seconds, words) in [(-59, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"), (86_400, "1 day ago")] {
        let sentence = read(&file(|_| {}), at(seconds)).expect("good").sentence();
        assert!(sentence.contains(words), "{seconds}: {sentence}");
    }
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
        (&file(|value| value["schema"] = "framelag/calibration/2".into()), "framelag/calibration/2"),
        (&file(|value| value["schema"] = "x".repeat(1_000).into()), "no calibration"),
        (&file(|value| value["machine"] = "f".into()), "another machine"),
        (&file(|value| value["machine"] = 7.into()), "corrupt"),
        (&file(|value| value["made"] = "yesterday".into()), "date"),
        (&file(|value| value["made"] = "2026-01-02T03:06:05Z".into()), "future"),
        (&file(|value| value["accuracy_ms"] = serde_json::Value::Null), "inconclusive"),
        (&file(|value| value["accuracy_ms"] = (-1.0).into()), "accuracy_ms"),
        (&file(|value| value["accuracy_ms"] = "0.4".into()), "corrupt"),
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

#[test]
fn errors_are_what_was_measured_beyond_the_first_phase_less_what_was_injected_beyond_it() {
    let first = phase(0.0, 3_000, 200, None);
    let fifth = phase(5.0, 8_123, 200, Some(&first));
    assert_eq!(fifth.beyond_ms, Some(PhaseOf { p50: 5.123, p99: 5.123 }));
    assert_eq!(fifth.error_ms, Some(PhaseOf { p50: 0.123, p99: 0.123 }));
    let again = phase(0.0, 2_700, 200, Some(&first));
    let found = calibration(vec![first, fifth, again]);
    assert_eq!((found.accuracy_ms, found.goal.met, found.outcome), (Some(0.3), Some(true), Outcome::Ok));
}

#[test]
fn a_goal_that_is_missed_and_too_few_frames_are_told_apart() {
    let first = phase(0.0, 3_000, 200, None);
    let off = phase(5.0, 8_501, 200, Some(&first));
    let found = calibration(vec![first.clone(), off]);
    assert_eq!((found.accuracy_ms, found.goal.met, found.outcome), (Some(0.6), Some(false), Outcome::GoalMissed));

    let few = phase(5.0, 8_000, 99, Some(&first));
    let found = calibration(vec![first.clone(), phase(20.0, 23_000, 200, Some(&first)), few]);
    assert_eq!((found.accuracy_ms, found.goal.met, found.outcome), (None, None, Outcome::Inconclusive));
    assert_eq!(calibration(vec![first]).outcome, Outcome::Inconclusive, "nothing to compare");
    assert_eq!(calibration(Vec::new()).accuracy_ms, None);
}

#[test]
fn what_is_written_is_quoted() {
    let first = phase(0.0, 3_000, 200, None);
    let second = phase(5.0, 8_000, 200, Some(&first));
    let mut found = calibration(vec![first, second]);
    found.machine = HERE.map(str::to_owned);
    assert_eq!(read(&found.to_json(), at(0)).map(|quote| quote.accuracy_ms), Ok(0.1), "a step at least");
}
