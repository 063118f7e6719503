//! What is said must be so.

use super::*;

#[test]
fn more_runs_that_have_no_such_figure_are_not_asked_for() {
    let (baseline, mut candidate) = (runs(0, &USUAL), runs(30, &USUAL));
    candidate.iter_mut().for_each(|run| run.fps = None);
    for (metric, why) in [("p99.9", "200 frames are too few"), ("fps", "it has no fps")] {
        let gate = gate(metric, Limits::default());
        let comparison =
            gate.compare(&named("b", &baseline), &named("c", &candidate), [&[], &[]]).expect("the same settings");
        let judgement = &comparison.judgement;
        assert_eq!((judgement.verdict, judgement.more_runs), (Verdict::Inconclusive, None), "{comparison}");
        assert!(judgement.why.contains(why) && judgement.why.contains("longer ones may"), "{comparison}");
    }
}

#[test]
fn no_chance_is_said_to_be_nothing() {
    let far: Vec<f64> = (0..10).map(|n| 100.0 + f64::from(n)).collect();
    let near: Vec<f64> = far.iter().map(|value| value * 2.0).collect();
    let text = judged(&far, &near).to_string();
    assert!(text.contains("p-value    < 0.0001 (exact)"), "{text}");
    let text = judged(&USUAL, &times(1.1)).to_string();
    assert!(text.contains("p-value    0.0040 (exact)"), "{text}");
    let many: Vec<f64> = (0..25).map(|n| 100.0 + f64::from(n)).collect();
    let text = judged(&many, &many).to_string();
    assert!(text.contains("p-value    0.") && !text.contains("exact"), "those are drawn: {text}");
}
