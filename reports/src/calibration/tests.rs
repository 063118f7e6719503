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

fn phase(delay_ms: f64, latencies_us: Vec<i64>) -> Measured {
    let injected = vec![Duration::from_secs_f64((delay_ms + 0.05) / 1e3); latencies_us.len()];
    Measured { asked: Asked { delay_ms, jitter_ms: 0.0 }, injected, latencies_us }
}

fn steady(delay_ms: f64, latency_us: i64) -> Measured {
    phase(delay_ms, vec![latency_us; 200])
}

fn calibration(phases: &[Measured]) -> Calibration {
    let settings = Settings { size: "640x480".to_owned(), fps: 60, measured_s: 5.0, warmup_s: 1.0, seed: 1 };
    Calibration::new("2026-01-02T03:04:05Z".to_owned(), settings, phases)
}

#[test]
fn a_calibration_of_this_machine_is_quoted_with_its_age() {
    let quoted = read(&file(|_| {}), at(3 * 86_400 + 7)).expect("good");
    assert_eq!((quoted.accuracy_ms, quoted.p99_accuracy_ms), (0.4, Some(1.9)));
    assert_eq!((quoted.age_s, quoted.file.as_str()), (259_207.0, "c.json"));
    assert_eq!(quoted.sentence(), "p50 ± 0.4 ms on this machine, p99 ± 1.9 ms, beyond an undelayed run");
    assert_eq!(quoted.age(), "calibrated 3 days ago");
    for (seconds, words) in [(-59, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"), (86_400, "1 day ago")] {
        let age = read(&file(|_| {}), at(seconds)).expect("good").age();
        assert!(age.contains(words), "{seconds}: {age}");
    }
    let silent = read(&file(|value| value["p99_accuracy_ms"] = serde_json::Value::Null), at(0)).expect("good");
    assert_eq!(silent.p99_accuracy_ms, None);
    assert_eq!(silent.sentence(), "p50 ± 0.4 ms on this machine, beyond an undelayed run");
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

#[test]
fn errors_are_what_was_measured_beyond_the_undelayed_phases_less_what_was_injected_beyond_them() {
    let found = calibration(&[steady(0.0, 3_000), steady(5.0, 8_123), steady(20.0, 22_900), steady(0.0, 3_000)]);
    let (fifth, twentieth) = (&found.phases[1], &found.phases[2]);
    assert_eq!(fifth.beyond_ms, Some(PhaseOf { p50: 5.123, p99: 5.123 }));
    assert_eq!(fifth.error_ms, Some(PhaseOf { p50: 0.123, p99: 0.123 }));
    assert_eq!(twentieth.error_ms, Some(PhaseOf { p50: -0.1, p99: -0.1 }));
    assert_eq!((found.accuracy_ms, found.goal.met, found.outcome), (Some(0.2), Some(true), Outcome::Ok));
}

#[test]
fn a_machine_that_drifts_is_compared_with_its_middle_and_shows_it() {
    let rising = |from: i64| (from..from + 200).collect::<Vec<i64>>();
    let phases = [phase(0.0, rising(3_000)), phase(5.0, rising(8_200)), phase(0.0, rising(3_400))];
    let found = calibration(&phases);
    let undelayed = found.undelayed.measured_ms.expect("there are enough");
    assert_eq!((undelayed.count, undelayed.p50), (400, 3.199), "both, in order");
    let errors: Vec<f64> = found.phases.iter().map(|phase| phase.error_ms.expect("enough").p50).collect();
    assert_eq!(errors, [-0.1, 0.1, 0.3], "what the machine alone changed counts");
    assert_eq!(found.accuracy_ms, Some(0.3));
}

#[test]
fn a_p99_has_an_accuracy_of_its_own() {
    let mut late = vec![8_000; 197];
    late.extend([9_700; 3]);
    let found = calibration(&[steady(0.0, 3_000), phase(5.0, late), steady(0.0, 3_000)]);
    assert_eq!((found.accuracy_ms, found.p99_accuracy_ms, found.outcome), (Some(0.1), Some(1.7), Outcome::Ok));

    // A first run on a busy machine: what was better afterwards counts as much as what was worse.
    let mut busy = vec![3_000; 190];
    busy.extend([7_000; 10]);
    let found = calibration(&[phase(0.0, busy), steady(5.0, 8_000), steady(0.0, 3_000)]);
    assert_eq!(found.phases[1].error_ms, Some(PhaseOf { p50: 0.0, p99: -4.0 }));
    assert_eq!((found.p99_accuracy_ms, found.outcome), (Some(4.0), Outcome::GoalMissed));
}

#[test]
fn a_goal_that_is_missed_and_too_few_frames_are_told_apart() {
    let first = steady(0.0, 3_000);
    let found = calibration(&[first.clone(), steady(5.0, 8_501)]);
    assert_eq!((found.accuracy_ms, found.goal.met, found.outcome), (Some(0.6), Some(false), Outcome::GoalMissed));

    let nothing = (None, None, None, Outcome::Inconclusive);
    let said = |found: &Calibration| (found.accuracy_ms, found.p99_accuracy_ms, found.goal.met, found.outcome);
    let few = |delay_ms: f64, latency_us| phase(delay_ms, vec![latency_us; 99]);
    let found = calibration(&[first.clone(), steady(20.0, 23_000), few(5.0, 8_000)]);
    assert_eq!(said(&found), nothing);
    assert!(found.phases[1].error_ms.is_some(), "it has enough");
    let found = calibration(&[first.clone(), steady(20.0, 23_000), few(0.0, 3_000)]);
    assert_eq!((said(&found), found.undelayed), (nothing, Undelayed::default()), "one of two is not the middle");
    assert_eq!(said(&calibration(&[first.clone(), first])), nothing, "nothing that could be wrong");
    assert_eq!(said(&calibration(&[steady(5.0, 8_000)])), nothing, "nothing to compare with");
    assert_eq!(said(&calibration(&[])), nothing);
}

#[test]
fn what_is_written_is_quoted() {
    let mut found = calibration(&[steady(0.0, 3_000), steady(5.0, 8_000)]);
    found.machine = HERE.map(str::to_owned);
    let quoted = read(&found.to_json(), at(0)).map(|quote| (quote.accuracy_ms, quote.p99_accuracy_ms));
    assert_eq!(quoted, Ok((0.1, Some(0.1))), "a step at least");
}
