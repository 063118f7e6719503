//! Looks for wrong readings of the corner code: `cargo run --release -p framelag-tests --example code_misreadings [TRIALS]`.
//!
//! Prints how the trials (10 million unless told otherwise) of each kind ended. Fails where one was wrong. Needs ffmpeg.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use framelag_tests::misreading::{Footage, Kind, Tally, damaged_stream, trials};

const TRIALS: u64 = 10_000_000;
/// Trials that share a seed.
const BATCH: u64 = 10_000;
/// Pictures of the damaged stream.
const DAMAGED: usize = 50_000;

fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(TRIALS), |text| text.parse()).context("how many trials?")?;
    let start = Instant::now();
    let footage = Footage::load(1)?;
    println!("| picture | trials | read right | not read | read wrong |");
    println!("|---|---|---|---|---|");
    let mut wrong = 0;
    for kind in Kind::ALL {
        let tally = in_threads(kind, (count * kind.share()).div_ceil(100 * BATCH), &footage);
        print(&format!("{kind:?}"), tally);
        wrong += tally.wrong;
    }
    let tally = damaged_stream(DAMAGED)?;
    print("Damaged stream", tally);
    wrong += tally.wrong;
    println!("\nIt took {} s.", start.elapsed().as_secs());
    ensure!(wrong == 0, "{wrong} readings were wrong");
    Ok(())
}

fn print(what: &str, tally: Tally) {
    let Tally { right, none, wrong } = tally;
    println!("| {what} | {} | {right} | {none} | {wrong} |", right + none + wrong);
}

fn in_threads(kind: Kind, batches: u64, footage: &Footage) -> Tally {
    let (next, total) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|batch| *batch < batches);
        while let Some(batch) = take() {
            let tally = trials(kind, BATCH, batch, footage);
            *total.lock().expect("no thread panics") += tally;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    total.into_inner().expect("no thread panicked")
}
