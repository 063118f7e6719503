//! A run counts once: as itself, as a copy, or as a part of what it was joined into.

use std::slice;

use report::run::Merged;

use super::*;

/// A run that was joined of these.
fn joined(of: &[&Run]) -> Run {
    let receivers = of.iter().flat_map(|run| merge::receivers(run, "x")).collect();
    Run { merged: Some(Merged { second_zero: None, receivers }), ..of[0].clone() }
}

#[test]
fn what_was_joined_and_its_parts_count_once() {
    let (baseline, candidate) = (runs(0, &USUAL), runs(30, &USUAL));
    let refused = |baseline: &[Run], candidate: &[Run]| match compared(baseline, candidate) {
        Err(Refusal::Twice { first, second }) => (first, second),
        other => panic!("{other:?}"),
    };
    let of = |first: &str, second: &str| (first.to_owned(), second.to_owned());
    let whole = joined(&[&run(58, 100.0), &baseline[1], &run(59, 100.0)]);
    assert_eq!(refused(&baseline, slice::from_ref(&whole)), of("baseline/1", "candidate/0"));
    let both = [baseline.as_slice(), slice::from_ref(&whole)].concat();
    assert_eq!(refused(&both, &candidate), of("baseline/1", "baseline/5"), "on one side too");
    let overlap = joined(&[&run(57, 100.0), &run(59, 100.0)]);
    assert_eq!(refused(slice::from_ref(&overlap), slice::from_ref(&whole)), of("baseline/0", "candidate/0"));
    // Where an earlier version joined them, they are known by their figures.
    let mut early = whole.clone();
    early.merged.as_mut().expect("joined").receivers.iter_mut().for_each(|receiver| receiver.identity = None);
    assert_eq!(refused(&baseline, slice::from_ref(&early)), of("baseline/1", "candidate/0"));
    assert_eq!(refused(slice::from_ref(&early), &baseline), of("baseline/0", "candidate/1"));
    // The same joined run, and not the first of its receivers.
    assert!(matches!(compared(slice::from_ref(&whole), slice::from_ref(&whole)), Err(Refusal::Twice { .. })));
    compared(&[overlap], &candidate).expect("they have no receiver in common");
}
