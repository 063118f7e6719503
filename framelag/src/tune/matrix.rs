//! From a plan to its cells, each checked as a whole, and to the order in which they run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::frame::Size;
use common::impair::Conditions;
use common::transport::Transport;
use framelag::plan::server::Server;
use framelag::plan::setting::{ALL, Parts};
use framelag::plan::{Mistake, Plan};
use publisher::encode;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

mod source;

/// A run with fewer pictures says nothing about a quantile worth the name.
const MIN_PICTURES: f64 = 30.0;

/// Longest time from one IDR to the next: a receiver that joins may wait so long for its first picture.
const MAX_GOP_TIME: Duration = Duration::from_secs(60);

/// One combination of values.
#[derive(Clone, Debug)]
pub struct Cell {
    /// From 0, the last axis fastest.
    pub number: usize,
    /// The point of each axis.
    pub values: Vec<usize>,
    /// What they come to, with what is fixed.
    pub parts: Parts,
    /// How RTP comes to the server.
    pub pushed: Transport,
    /// How RTP comes to the receiver.
    pub played: Transport,
    /// Time from one IDR to the next.
    pub gop_time: Duration,
    /// Every so-manieth picture is kept where picture quality is measured.
    pub pictures_every: u32,
    /// Bytes of the pictures that both ends keep there, at most; those of a camera as of the size that it is asked for.
    pub pictures_bytes: u64,
}

/// One run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Turn {
    /// The number of its cell.
    pub cell: usize,
    /// From 0.
    pub repeat: u32,
}

/// All cells of `plan`.
///
/// # Errors
/// The cells that cannot be: each by what is varied, the line of what it sets, and what would be right.
pub fn cells(plan: &Plan) -> Result<Vec<Cell>, Vec<Mistake>> {
    /// Of one mistake there may be as many as cells.
    const MISTAKES_MAX: usize = 20;
    let count = plan.cell_count().unwrap_or(0);
    let (mut cells, mut mistakes) = (Vec::<Cell>::new(), Vec::new());
    for number in 0..count {
        match cell(plan, number) {
            Ok(cell) => cells.push(cell),
            // What is said against one value is said in each cell with it.
            Err(mistake) if mistakes.iter().any(|other: &Mistake| other.line == mistake.line) => {}
            Err(mistake) => mistakes.push(mistake),
        }
        if mistakes.len() >= MISTAKES_MAX {
            break;
        }
    }
    if mistakes.is_empty() {
        mistakes = alike(plan, &cells);
    }
    if mistakes.is_empty() { Ok(cells) } else { Err(mistakes) }
}

/// Cells that are the same although their values are written differently, as 1M and 1000k are.
fn alike(plan: &Plan, cells: &[Cell]) -> Vec<Mistake> {
    let mut seen = std::collections::HashMap::new();
    let mut mistakes = Vec::new();
    for cell in cells {
        let Ok(publisher) = cell.parts.publisher_config() else { continue };
        let receiver = cell.played;
        let Parts { server, uplink, downlink, .. } = &cell.parts;
        // A server shows itself without what may be all that differs.
        let server = server.whole();
        let same = format!("{publisher:?} {receiver:?} {} {uplink:?} {downlink:?}", server.reveal());
        if let Some(first) = seen.insert(same, cell.number) {
            let what = format!(
                "the cells {} and {} are the same: remove one",
                plan.told(&values(plan, first)),
                plan.told(&cell.values)
            );
            mistakes.push(Mistake { line: plan.axes.first().map(|axis| axis.line), what });
        }
    }
    mistakes.truncate(1);
    mistakes
}

/// The points of cell `number`.
fn values(plan: &Plan, mut number: usize) -> Vec<usize> {
    let mut values = vec![0; plan.axes.len()];
    for (value, axis) in values.iter_mut().zip(&plan.axes).rev() {
        *value = number % axis.points.len();
        number /= axis.points.len();
    }
    values
}

fn cell(plan: &Plan, number: usize) -> Result<Cell, Mistake> {
    let values = values(plan, number);
    let mut parts = Parts::default();
    let line_of = |names: &[&str]| {
        let set = plan.choices(&values).filter(|choice| names.contains(&choice.setting.name)).last();
        set.map(|choice| choice.line).or_else(|| plan.axes.first().map(|axis| axis.line))
    };
    let wrong = |names: &[&str], why: String| Mistake {
        line: line_of(names),
        what: format!("the cell {} is impossible: {why}", plan.told(&values)),
    };
    for choice in plan.choices(&values) {
        choice.setting.set(&mut parts, choice.text.reveal()).map_err(|why| wrong(&[choice.setting.name], why))?;
    }
    let publisher = parts.publisher_config().map_err(|why| {
        // The publisher names the flag that it has something against.
        let named = ALL.iter().filter(|setting| setting.flag().is_some_and(|flag| why.contains(flag)));
        wrong(&named.map(|setting| setting.name).collect::<Vec<_>>(), why)
    })?;
    encoder(&publisher.encoder).map_err(|why| wrong(&["publisher.encoder"], why))?;
    let receiver = parts.receiver_config().map_err(|why| wrong(&["receiver.transport"], why))?;
    let format = source::format(&publisher).map_err(|why| wrong(&["publisher.source"], why))?;
    let fps = format.rate.as_f64();
    let pictures = plan.duration.as_secs_f64() * fps;
    if pictures < MIN_PICTURES {
        let least = (MIN_PICTURES / fps).ceil();
        let why = format!(
            "{:?} at {fps} pictures/s are {pictures:.0} pictures, and a run needs {MIN_PICTURES}: duration = \"{least}s\" at least",
            plan.duration
        );
        return Err(wrong(&["publisher.fps"], why));
    }
    let gop_time = Duration::from_secs_f64(f64::from(publisher.gop) / fps);
    if gop_time > MAX_GOP_TIME {
        let why = format!(
            "from one IDR to the next are {gop_time:?}, and a receiver would wait so long for its first picture: \
             at most {MAX_GOP_TIME:?}, which is publisher.gop = {:.0} here",
            (MAX_GOP_TIME.as_secs_f64() * fps).floor().max(1.0)
        );
        return Err(wrong(&["publisher.gop"], why));
    }
    let (pushed, played) = (publisher.transport, receiver.transport);
    networks(&parts, pushed, played).map_err(|(name, why)| wrong(&[name], why))?;
    let pictures_every = pictures_every(pictures, publisher.gop);
    let played_frames = (plan.warmup + plan.duration).as_secs_f64() * fps;
    let pictures_bytes = pictures_bytes(format.size, played_frames / f64::from(pictures_every));
    Ok(Cell { number, values, parts, pushed, played, gop_time, pictures_every, pictures_bytes })
}

/// Which of so many pictures are kept to measure quality by. Not a number that shares a factor with the GOP: those pictures would
/// be at some places of it only, and key frames look different from the others.
fn pictures_every(pictures: f64, gop: u32) -> u32 {
    /// Enough for a mean, where the run has so many.
    const WANTED: f64 = 20.0;
    /// More take room on the disk, and tell nothing new.
    const MOST: f64 = 100.0;
    let most = (pictures / MOST) as u32;
    let wish = ((pictures / WANTED) as u32).clamp(1, common::host::pictures::EVERY.max(most));
    (1..=wish).rev().find(|every| gcd(*every, gop) == 1).unwrap_or(1)
}

/// Bytes of so many pictures (8-bit 4:2:0) at both ends. The publisher's begin before the receiver's: a margin of half.
fn pictures_bytes(size: Size, kept: f64) -> u64 {
    let picture = f64::from(size.width) * f64::from(size.height) * 1.5;
    (picture * kept.ceil() * 2.0 * 1.5) as u64
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Whether the encoder is there: asked once for each, since there may be thousands of cells.
fn encoder(choice: &encode::Choice) -> Result<(), String> {
    static ASKED: Mutex<BTreeMap<String, Result<(), String>>> = Mutex::new(BTreeMap::new());
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = asked.entry(choice.to_string()).or_insert_with(|| choice.check().map_err(|error| error.to_string()));
    answer.clone()
}

/// Networks that do what they are asked to; the setting that is wrong and why.
fn networks(parts: &Parts, pushed: Transport, played: Transport) -> Result<(), (&'static str, String)> {
    let Parts { server, uplink, downlink, .. } = parts;
    if *server == Server::Embedded && is_impaired(uplink) {
        let why = "there is no network between a publisher and its embedded server: use server = \"framelag\"";
        return Err(("server", why.to_owned()));
    }
    let tcp = [
        ("uplink.reorder", uplink.reorder, pushed == Transport::Tcp, "publisher.transport"),
        ("uplink.duplicate", uplink.duplicate, pushed == Transport::Tcp, "publisher.transport"),
        ("downlink.reorder", downlink.reorder, played == Transport::Tcp, "receiver.transport"),
        ("downlink.duplicate", downlink.duplicate, played == Transport::Tcp, "receiver.transport"),
    ];
    match tcp.into_iter().find(|(_, share, tcp, _)| *share > 0.0 && *tcp) {
        Some((name, _, _, transport)) => {
            Err((name, format!("{name} has no effect on TCP, which repairs it: use {transport} = \"udp\"")))
        }
        None => Ok(()),
    }
}

/// Whether anything is different from a network that is as it is.
pub fn is_impaired(conditions: &Conditions) -> bool {
    let Conditions { hold, queue_bytes, .. } = Conditions::default();
    Conditions { hold, queue_bytes, ..conditions.clone() } != Conditions::default()
}

/// All runs in order: each repeat is a block of all cells, shuffled by itself. So a machine that slows down or warms up
/// meets every cell alike, and a sweep that is cut off has whole blocks but for its last.
pub fn order(cells: usize, repeat: u32, seed: u64) -> Vec<Turn> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut all = Vec::with_capacity(cells * repeat as usize);
    for repeat in 0..repeat {
        let mut block: Vec<Turn> = (0..cells).map(|cell| Turn { cell, repeat }).collect();
        block.shuffle(&mut rng);
        all.extend(block);
    }
    all
}

#[cfg(test)]
mod tests;
