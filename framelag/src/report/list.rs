//! `framelag report list`: the kept runs.

use analyze::store::Listed;

use super::store_args::{FilterArgs, StoreArgs, labels};
use crate::exit::Error;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag report list --last 20
  framelag report list --store runs.sqlite --label branch=main --json | jq .p99_ms

Exit codes: 0 listed, 1 the store cannot be read, 2 no such store.")]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print one JSON object per run to standard output.
    #[arg(long)]
    json: bool,
}

/// Lists the runs that fit, from the earliest to the latest.
pub fn run(args: &Args) -> Result<u8, Error> {
    let filter = args.filter.filter()?;
    let runs = args.store.open()?.list(&filter)?;
    if args.json {
        runs.iter().for_each(|run| println!("{}", serde_json::json!(run)));
    } else {
        print!("{}", table(&runs));
    }
    Ok(0)
}

fn table(runs: &[Listed]) -> String {
    let line = |[run, started, outcome, frames, p50, p95, p99, labels]: [&str; 8]| {
        format!("{run:<17} {started:<19} {outcome:<12} {frames:>8} {p50:>10} {p95:>10} {p99:>10}  {labels}\n")
    };
    let mut out = line(["run", "started (UTC)", "outcome", "frames", "p50 ms", "p95 ms", "p99 ms", "labels"]);
    for run in runs {
        let [p50, p95, p99] = [run.p50_ms, run.p95_ms, run.p99_ms]
            .map(|value| value.map_or("—".to_owned(), |value| format!("{value:.3}")));
        let started: String = run.started.chars().take("2026-01-31T09:15:00".len()).collect();
        let (started, frames) = (started.replace('T', " "), run.frames.to_string());
        let outcome = if run.partial { "not ended" } else { &run.outcome };
        out += &line([run.id.as_str(), &started, outcome, &frames, &p50, &p95, &p99, &labels(&run.labels)]);
    }
    out
}
