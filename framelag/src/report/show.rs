//! `framelag report show`: a kept run.

use analyze::store::Labels;
use serde_json::Value;

use super::store_args::{StoreArgs, labels};
use crate::exit::Error;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag report show 3f2a                the summary of the run whose ID begins with 3f2a
  framelag report show 3f2a --json > run.json

Exit codes: 0 shown, 1 the store cannot be read, 2 no such store or run.")]
pub struct Args {
    /// The run's ID, as `list` prints it, or at least its first 4 digits.
    #[arg(value_name = "RUN")]
    id: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Print its run.json, and nothing else, to standard output.
    #[arg(long)]
    json: bool,
}

/// Shows a run.
pub fn run(args: &Args) -> Result<u8, Error> {
    let mut store = args.store.open()?;
    let id = store.find(&args.id)?;
    let run = store.run(&id)?;
    let text = if args.json {
        format!("{:#}\n", serde_json::json!(run))
    } else {
        let head = head(id.as_str(), &run.started, &store.labels(&id)?);
        let settings =
            format!("settings   {}\nmachine    {}\n", flat(&run.config.to_json()), flat(&run.host.to_json()));
        format!("{head}{}{settings}", render::terminal(&run, None))
    };
    print!("{text}");
    Ok(0)
}

fn head(id: &str, started: &str, said: &Labels) -> String {
    let said = if said.is_empty() { String::new() } else { format!("labels     {}\n", labels(said)) };
    format!("run        {id}\nstarted    {started}\n{said}")
}

/// `clock=auto headless=true`.
fn flat(value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let Some(map) = value.as_object() else { return plain(value) };
    map.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
}
