//! What attacks on the server do to a stream that has no part in them: `cargo run --release -p framelag-tests --example
//! relay_attacks [SECONDS [PART OF A NAME]]`.
//!
//! For each of [`ATTACKS`], a stream of 100 frames a second is timed from socket to socket: alone, during the attack, and
//! beside it the control, such a stream through another server at the same time, which has the same machine and no attack.
//! Prints a table; `over` marks a p99 of more than 3 times the control's and 5 ms, or a lost frame. What everything else on
//! the machine does is in the load average.

mod innocent;
mod server;

use std::time::Duration;

use anyhow::{Context, Result};
use framelag_tests::attacks::{ATTACKS, during};

use innocent::{Innocent, SETTLING, watch};
use server::Server;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return server::serve();
    }
    let seconds = arguments.first().map_or(Ok(5), |text| text.parse()).context("how many seconds?")?;
    let part = arguments.get(1).map_or("", String::as_str);
    println!("| attack | p50, p99 alone (ms) | attacked | control | lost | CPU (s/s) | memory (MB) | load | |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, attack) in ATTACKS.iter().filter(|(name, _)| name.contains(part)) {
        let servers = [Server::start()?, Server::start()?];
        let streams = [Innocent::start(servers[0].target), Innocent::start(servers[1].target)];
        let window = Duration::from_secs(seconds);
        let [alone, _] = watch(&streams, window);
        let ([attacked, control], cpu) = during(*attack, servers[0].target, || {
            std::thread::sleep(SETTLING);
            let before = servers[0].cpu();
            let watched = watch(&streams, window);
            (watched, (servers[0].cpu() - before) / (seconds + SETTLING.as_secs()) as f64)
        });
        let over = attacked.quantile(0.99) > 3.0 * control.quantile(0.99) + 5.0 || attacked.lost > 0;
        let (verdict, lost) = (if over { "over" } else { "" }, attacked.lost);
        let (memory, load) = (servers[0].memory_mb(), load());
        println!(
            "| {name} | {alone} | {attacked} | {control} | {lost} | {cpu:.2} | {memory:.0} | {load} | {verdict} |"
        );
    }
    Ok(())
}

/// Of the last minute, see proc_loadavg(5).
fn load() -> String {
    let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    average.split(' ').next().unwrap_or_default().to_owned()
}
