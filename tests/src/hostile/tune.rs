//! What a sweep reads: its plan, and what an encoder in a child process puts out.

use common::h264::{self, NalKind};
use framelag::plan::{self, MAX_RUNS};
use publisher::encode::flv::{Demuxer, Unit};

/// A plan: one that can be run, or mistakes on lines that it has.
pub fn plan(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match plan::read(&text) {
        Ok(plan) => {
            let runs = plan.cell_count().and_then(|cells| cells.checked_mul(plan.repeat as usize));
            assert!(runs.is_some_and(|runs| (1..=MAX_RUNS).contains(&runs)), "{runs:?} runs");
        }
        Err(mistakes) => {
            let lines = 1..=text.matches('\n').count() + 1;
            assert!(!mistakes.is_empty(), "it says why");
            assert!(
                mistakes.iter().filter_map(|mistake| mistake.line).all(|line| lines.contains(&line)),
                "{mistakes:?}"
            );
        }
    }
}

/// A stream of access units. The first byte says where the bytes are cut in two: what comes out must not depend on it.
pub fn flv(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let (front, back) = stream.split_at(usize::from(*cut).min(stream.len()));
    let whole = units(&[stream]);
    assert_eq!(whole, units(&[front, back]), "the same units, however the stream is cut");
    for mut unit in whole {
        // Where a stamp goes a slice follows.
        let stamp = h264::insert_sei(&mut unit.data, &[5]);
        let kind = h264::nals(&unit.data[stamp.end..]).next().and_then(NalKind::of);
        assert!(matches!(kind, Some(NalKind::Slice | NalKind::Idr)), "each unit has a slice: {kind:?}");
    }
}

/// The units of a stream that comes in pieces, up to where it is wrong.
fn units(pieces: &[&[u8]]) -> Vec<Unit> {
    let (mut demuxer, mut units) = (Demuxer::default(), Vec::new());
    for piece in pieces {
        demuxer.push(piece);
        loop {
            match demuxer.next_unit() {
                Ok(Some(unit)) => units.push(unit),
                Ok(None) => break,
                Err(_) => return units,
            }
        }
    }
    units
}
