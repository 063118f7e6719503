use super::*;
use crate::statistics::power::{distinguishable, more_runs};
use crate::sweep::analyze;
use crate::sweep::testing::{Noise, axes, latency, sweep};
use crate::sweep::{Figures, Sweep};

/// Settings a, b, c … of one axis with these medians, and noise of this part.
fn of(medians: &[f64], repeats: u32, noise: f64, seed: u64) -> Sweep {
    let names: Vec<String> = (0..medians.len()).map(|at| char::from(b'a' + at as u8).to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    sweep(axes(&[("server.x", &names)]), repeats, seed, |values, luck: &mut Noise| {
        latency(medians[values[0]] * (noise * luck.normal()).exp())
    })
}

fn advice(sweep: &Sweep) -> Advice {
    analyze(sweep).advice.remove(0)
}

fn says(advice: &Advice, what: &str) {
    assert!(advice.text.iter().any(|line| line.contains(what)), "{what:?} is not in {:#?}", advice.text);
}

#[test]
fn a_clear_winner() {
    let found = advice(&of(&[40.0, 20.0, 30.0], 5, 0.02, 1));
    assert_eq!((found.confidence, found.cell, found.tied.as_slice()), (Confidence::Clear, Some(1), [].as_slice()));
    assert!(found.text[0].starts_with("Lowest latency: x b: p50 2"), "{}", found.text[0]);
    assert!(found.text[1].starts_with("Runner-up: x c: p50 +"), "{}", found.text[1]);
    assert!(found.text[1].contains("97.5 % interval +"), "{}", found.text[1]);
    says(&found, ": more than noise, as with every other setting.");
}

#[test]
fn a_tie_is_named_with_what_would_tell_it() {
    let found = advice(&of(&[20.0, 20.1, 40.0], 5, 0.02, 4));
    assert_eq!((found.confidence, found.tied.len()), (Confidence::Tied, 1));
    says(&found, "Runner-up: x ");
    says(&found, "it cannot be told apart. With 5 runs per setting, a difference of +");
    assert!(found.text.iter().any(|line| line.contains("more repeats are needed to find this one")), "{found:#?}");
}

/// A noisy setting may be as fast as the best, though the runner-up is slower.
#[test]
fn those_behind_the_runner_up_are_named_where_they_cannot_be_told_apart() {
    let mut sweep = of(&[20.0, 22.0, 23.0], 5, 0.001, 1);
    let noisy = sweep.rows.iter_mut().filter(|row| row.values[0] == 2);
    noisy.zip([15.0, 31.0, 20.0, 30.0, 25.0]).for_each(|(row, ms)| row.figures.p50_ms = Some(ms));
    let found = advice(&sweep);
    assert_eq!((found.confidence, found.tied.as_slice()), (Confidence::Tied, [2].as_slice()));
    assert!(found.text[1].starts_with("Runner-up: x b: p50 +10.") && found.text[1].ends_with(": more than noise."));
    says(&found, "Nor can these be told apart from it: x c (2");
}

#[test]
fn too_few_runs_are_not_conclusive() {
    for (repeats, what) in [
        (1, "Not conclusive: one run per setting cannot tell settings apart. 3 more repeats are needed."),
        (3, "Not conclusive: 3 runs per setting cannot tell settings apart. 1 more repeat is needed."),
    ] {
        let found = advice(&of(&[20.0, 30.0], repeats, 0.02, 1));
        assert_eq!((found.confidence, found.cell), (Confidence::Unknown, Some(0)));
        says(&found, what);
    }
    let sweep = of(&[20.0, 30.0], 1, 0.02, 1);
    let page = crate::sweep::page::sweep(&analyze(&sweep));
    assert!(page.contains(">Not conclusive: one run per setting</strong>"), "{page}");
}

#[test]
fn a_single_setting_has_nothing_to_be_compared_with() {
    let found = advice(&of(&[20.0], 3, 0.02, 1));
    assert_eq!((found.confidence, found.cell), (Confidence::Only, Some(0)));
    says(&found, "there is nothing to compare it with");
}

#[test]
fn where_everything_failed_nothing_is_recommended() {
    let mut sweep = of(&[20.0, 30.0], 2, 0.02, 1);
    sweep.rows.iter_mut().for_each(|row| (row.outcome, row.figures) = (Outcome::Failed, Figures::default()));
    let found = advice(&sweep);
    assert_eq!((found.confidence, found.cell), (Confidence::Nothing, None));
    says(&found, "no setting gave figures");
    sweep.rows.clear();
    says(&advice(&sweep), "Nothing ran yet");
}

#[test]
fn a_setting_that_failed_or_lost_frames_is_passed_over() {
    let mut sweep = of(&[20.0, 30.0, 50.0], 5, 0.02, 1);
    sweep.rows.iter_mut().filter(|row| row.values[0] == 0).for_each(|row| row.figures.missing_percent = Some(7.5));
    let found = advice(&sweep);
    assert_eq!((found.confidence, found.cell), (Confidence::Clear, Some(1)));
    says(&found, "x a was faster (");
    says(&found, "but 7.5 % of its frames were not seen");
    let failed = sweep.rows.iter_mut().find(|row| row.values[0] == 0).expect("it ran");
    failed.outcome = Outcome::Failed;
    says(&advice(&sweep), "but 1 of its 5 runs gave no figures");
    sweep.rows.iter_mut().filter(|row| row.values[0] == 2).for_each(|row| row.figures.missing_percent = Some(1.5));
    let left = advice(&sweep);
    assert_eq!((left.confidence, left.cell), (Confidence::Only, Some(1)), "nothing was compared: {left:#?}");
    says(&left, "Lowest latency of what can be recommended: x b");
    sweep.rows.iter_mut().for_each(|row| row.figures.missing_percent = Some(3.0));
    assert_eq!(advice(&sweep).confidence, Confidence::Nothing);
}

#[test]
fn a_setting_that_stands_still_is_passed_over() {
    let mut sweep = of(&[20.0, 30.0, 50.0], 5, 0.02, 1);
    for row in &mut sweep.rows {
        row.figures.stalled_percent = Some(if row.values[0] == 0 { 2.0 } else { 0.4 });
    }
    let found = advice(&sweep);
    assert_eq!((found.confidence, found.cell), (Confidence::Clear, Some(1)));
    says(&found, "but it stalled for 2.0 % of the time");
    assert!(analyze(&sweep).warnings.iter().any(|line| line.contains("stalled for more than 0.5 %")));
    sweep.rows.iter_mut().for_each(|row| row.figures.stalled_percent = Some(0.6));
    assert_eq!(advice(&sweep).confidence, Confidence::Nothing);
}

#[test]
fn joins_in_a_browser_are_runs() {
    let joined = |joins: usize| {
        let mut sweep = of(&[20.0, 30.0], 1, 0.02, 1);
        for row in &mut sweep.rows {
            let p50 = row.figures.p50_ms.expect("it has one");
            row.joins = (0..joins).map(|at| latency(p50 * (1.0 + 0.001 * at as f64))).collect();
        }
        advice(&sweep)
    };
    let few = joined(3);
    assert_eq!(few.confidence, Confidence::Unknown);
    says(&few, "3 runs per setting cannot tell settings apart. 1 more repeat is needed");
    let enough = joined(5);
    assert_eq!((enough.confidence, enough.cell), (Confidence::Clear, Some(0)));
}

#[test]
fn each_network_has_a_recommendation_of_its_own() {
    let axes = axes(&[("receiver.transport", &["tcp", "udp"]), ("downlink.loss", &["0%", "5%"])]);
    let sweep = sweep(axes, 4, 2, |values, luck| {
        let ms = [[20.0, 90.0], [22.0, 25.0]][values[0]][values[1]];
        latency(ms * (0.005 * luck.normal()).exp())
    });
    let found = analyze(&sweep).advice;
    let told: Vec<_> = found.iter().map(|advice| (advice.condition.as_str(), advice.text[0].as_str())).collect();
    assert_eq!((told[0].0, told[1].0), ("loss 0%", "loss 5%"));
    assert!(told[0].1.starts_with("Lowest latency: transport tcp: "), "{told:?}");
    assert!(told[1].1.starts_with("Lowest latency: transport udp: "), "{told:?}");
}

/// The promise: what is recommended, or one that is named with it, is the fastest in at least 95 % of sweeps.
#[test]
fn the_fastest_is_among_those_named() {
    let medians = [20.0, 20.6, 21.5, 23.0, 30.0, 31.0, 40.0, 41.0];
    let (mut named, mut clear, mut right) = (0, 0, 0);
    for seed in 0..500 {
        let sweep = of(&medians, 5, 0.03, seed);
        let found = advice(&sweep);
        named += u32::from(found.cell == Some(0) || found.tied.contains(&0));
        clear += u32::from(found.confidence == Confidence::Clear);
        right += u32::from(found.confidence == Confidence::Clear && found.cell == Some(0));
    }
    assert!(named >= 475, "{named} of 500");
    assert!(clear - right <= 13, "{clear} clear, {right} of them right");
}

/// The number of repeats that it asks for does find the difference as often as said.
#[test]
fn the_repeats_that_it_asks_for_tell_the_difference() {
    let (noise, gap) = (0.03, 0.06_f64);
    let enough = |runs| distinguishable(noise, runs).is_some_and(|least| least <= gap);
    let repeats = 4 + more_runs([4; 2], enough).expect("a few") as u32;
    let found = (0..400).filter(|seed| {
        let advice = advice(&of(&[20.0, 20.0 * gap.exp()], repeats, noise, *seed));
        advice.confidence == Confidence::Clear && advice.cell == Some(0)
    });
    // 95 of 100, and 3.6 standard deviations; with a whole number of repeats it may be a few more.
    let found = found.count();
    assert!((364..=396).contains(&found), "{found} of 400 with {repeats} repeats");
}
