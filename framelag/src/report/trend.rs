//! `framelag report trend`: figures over runs, and where they changed.

use std::io::Write;
use std::path::PathBuf;

use analyze::trend::{MAX_RUNS, Trend, page};
use report::threshold::Metric;

use super::store_args::{FilterArgs, StoreArgs};
use crate::exit::{Error, INCONCLUSIVE};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag report trend                         p50 and p99 over the stored runs, and their changes
  framelag report trend --label branch=main --out trend.html
  framelag report trend --metric freezes.total_ms --store postgres://ann@db/lag

Only runs comparable with the latest one are used: same machine, same settings, same frame and bit rate. \
What is left out is listed; --all uses every run, and lists the differences.

Exit codes: 0 shown, 1 the store cannot be read or the page cannot be written, 2 usage error, 3 no matching run.")]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Metric to show, named as in an assertion; may be repeated.
    #[arg(long = "metric", value_name = "METRIC", default_values = ["p50", "p99"])]
    metrics: Vec<Metric>,
    /// Include runs of other machines and settings.
    #[arg(long)]
    all: bool,
    /// Write a page with plots to this file.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Print one JSON object, and nothing else, to standard output.
    #[arg(long)]
    json: bool,
}

/// Shows the trend.
pub fn run(args: &Args) -> Result<u8, Error> {
    let filter = args.filter.filter()?;
    let mut store = args.store.open()?;
    let comparable = store.comparable(&filter, MAX_RUNS, args.all)?;
    let trend = Trend::new(comparable, &metrics(args), args.all);
    if let Some(path) = &args.out {
        common::host::files::create(path)
            .and_then(|mut file| file.write_all(page(&trend).as_bytes()))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        eprintln!("trend: {}", path.display());
    }
    let text = if args.json { format!("{}\n", serde_json::json!(trend)) } else { trend.to_string() };
    print!("{text}");
    if trend.runs.is_empty() {
        eprintln!("trend: no matching run");
        return Ok(INCONCLUSIVE);
    }
    Ok(0)
}

/// What was asked for, once each.
fn metrics(args: &Args) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    for metric in &args.metrics {
        if metrics.iter().all(|there| there.to_string() != metric.to_string()) {
            metrics.push(metric.clone());
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_figure_that_is_asked_for_twice_is_shown_once() {
        let command = "trend --metric p50 --metric p99 --metric latency_ms.p50 --metric fps".split(' ');
        let metrics = metrics(&Command::parse_from(command).args);
        let names: Vec<_> = metrics.iter().map(Metric::to_string).collect();
        assert_eq!(names, ["latency_ms.p50", "latency_ms.p99", "fps"]);
    }
}
