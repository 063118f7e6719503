//! From a plan to its cells, each checked as a whole, and to the order in which they run.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use common::frame::Size;
use common::impair::Conditions;
use common::lock::lock;
use common::transport::Transport;
use framelag::plan::server::Server;
use framelag::plan::setting::{ALL, Parts};
use framelag::plan::{Mistake, Plan};
use publisher::config::Config;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use receiver::via::Via;

mod segments;
mod source;

/// Fewer pictures are too few for a quantile.
const MIN_PICTURES: f64 = 30.0;

/// Longest time from one IDR to the next, for which a receiver may have to wait for its first picture.
const MAX_GOP_TIME: Duration = Duration::from_secs(60);

/// One combination of values.
#[derive(Clone, Debug)]
pub struct Cell {
    /// From 0, the last axis fastest.
    pub number: usize,
    /// The point of each axis.
    pub values: Vec<usize>,
    /// The settings that result, with those that are fixed.
    pub parts: Parts,
    /// How RTP reaches the server.
    pub publisher_transport: Transport,
    /// How RTP reaches the receiver.
    pub receiver_transport: Transport,
    /// Time from one IDR to the next.
    pub gop_time: Duration,
    /// How the stream reaches a browser, if one plays.
    pub via: Option<Via>,
    /// Time until the server's playlist reaches its full length.
    pub fill: Duration,
    /// Warnings about the cell.
    pub warning: Option<String>,
    /// To measure picture quality, every Nth picture is kept.
    pub pictures_every: u32,
    /// Most bytes that both ends keep, assuming that a camera gives the size asked for.
    pub pictures_bytes: u64,
}

/// One run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Trial {
    /// The number of its cell.
    pub cell: usize,
    /// From 0.
    pub repeat: u32,
}

/// All cells of `plan`.
///
/// # Errors
/// The cells that are impossible: each with its settings, the line of the one that is wrong, and what would be right.
pub fn cells(plan: &Plan) -> Result<Vec<Cell>, Vec<Mistake>> {
    /// One mistake may be in every cell.
    const MISTAKES_MAX: usize = 20;
    let count = plan.cell_count().unwrap_or(0);
    let (mut cells, mut mistakes) = (Vec::<Cell>::new(), Vec::new());
    for number in 0..count {
        match cell(plan, number) {
            Ok(cell) => cells.push(cell),
            // The same mistake in another cell with this value.
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

/// Cells that are the same although their values differ in writing, such as 1M and 1000k.
fn alike(plan: &Plan, cells: &[Cell]) -> Vec<Mistake> {
    let mut seen = std::collections::HashMap::new();
    let mut mistakes = Vec::new();
    for cell in cells {
        let Ok(publisher) = cell.parts.publisher_config() else { continue };
        let Ok(receiver) = cell.parts.receiver_config() else { continue };
        let (receiver, in_browser) = (cell.receiver_transport, receiver.via);
        let Parts { segments, uplink, downlink, .. } = &cell.parts;
        // As it is displayed, a server hides what may be the only difference.
        let server = cell.parts.server().whole();
        let same = format!(
            "{publisher:?} {receiver:?} {in_browser:?} {} {:?} {uplink:?} {downlink:?}",
            server.reveal(),
            segments.made()
        );
        if let Some(first) = seen.insert(same, cell.number) {
            let what = format!(
                "the cells {} and {} are the same: remove one",
                plan.describe(&values(plan, first)),
                plan.describe(&cell.values)
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
        what: format!("the cell {} is impossible: {why}", plan.describe(&values)),
    };
    // The program's error names the flag.
    let flagged = |why: String| {
        let named = ALL.iter().filter(|setting| setting.flag().is_some_and(|flag| why.contains(&flag)));
        wrong(&named.map(|setting| setting.name).collect::<Vec<_>>(), why)
    };
    for choice in plan.choices(&values) {
        choice.setting.set(&mut parts, choice.text.reveal()).map_err(|why| wrong(&[choice.setting.name], why))?;
    }
    let publisher = parts.publisher_config().map_err(flagged)?;
    encoder(&publisher).map_err(|why| {
        let of_option = if why.contains("--encoder-option") { "publisher.encoder-option" } else { "publisher.encoder" };
        wrong(&[of_option], why)
    })?;
    let receiver = parts.receiver_config().map_err(flagged)?;
    let format = source::format(&publisher).map_err(|why| wrong(&["publisher.source"], why))?;
    let fps = format.rate.as_f64();
    parts.check_segments().map_err(|why| wrong(&names_in(&why), why))?;
    let sets = |name: &str| plan.choices(&values).any(|choice| choice.setting.name == name);
    let segments = segments::of(&mut parts, sets("publisher.gop").then_some(publisher.gop), fps);
    let segments = segments.map_err(|why| wrong(&["segment"], why))?;
    let gop = segments.gop.unwrap_or(publisher.gop);
    let pictures = plan.duration.as_secs_f64() * fps;
    if pictures < MIN_PICTURES {
        let least = (MIN_PICTURES / fps).ceil();
        let why = format!(
            "{:?} at {fps} pictures/s are {pictures:.0} pictures, and a run needs {MIN_PICTURES}: duration = \"{least}s\" at least",
            plan.duration
        );
        return Err(wrong(&["publisher.fps"], why));
    }
    let gop_time = check_gop(gop, fps).map_err(|why| wrong(&["publisher.gop"], why))?;
    let via = parts.segments.via;
    let (publisher_transport, receiver_transport) = (publisher.transport, receiver.transport);
    if via.is_some() && sets("receiver.transport") {
        return Err(wrong(&["receiver.transport"], "receiver.transport has no effect with via: remove it".to_owned()));
    }
    networks(&parts, publisher_transport, receiver_transport).map_err(|(name, why)| wrong(&[name], why))?;
    let pictures_every = pictures_every(pictures, gop);
    let played_frames = (plan.warmup + plan.duration).as_secs_f64() * fps;
    let pictures_bytes = pictures_bytes(format.size, played_frames / f64::from(pictures_every));
    Ok(Cell {
        number,
        values,
        parts,
        publisher_transport,
        receiver_transport,
        gop_time,
        via,
        fill: segments.fill,
        warning: segments.warning,
        pictures_every,
        pictures_bytes,
    })
}

/// Settings mentioned in a text, used to find the line.
fn names_in(why: &str) -> Vec<&'static str> {
    let words: Vec<&str> = why.split(|c: char| !c.is_alphanumeric()).collect();
    ALL.iter().map(|setting| setting.name).filter(|name| words.contains(name)).collect()
}

/// Returns the interval between IDRs if it is not too long to wait for.
fn check_gop(gop: u32, fps: f64) -> Result<Duration, String> {
    let gop_time = Duration::from_secs_f64(f64::from(gop) / fps);
    if gop_time <= MAX_GOP_TIME {
        return Ok(gop_time);
    }
    Err(format!(
        "an IDR every {gop_time:?} is too rare: a receiver would wait that long for its first picture; at most \
         {MAX_GOP_TIME:?}, which is publisher.gop = {:.0} here",
        (MAX_GOP_TIME.as_secs_f64() * fps).floor().max(1.0)
    ))
}

/// Every which of this many pictures is kept to measure quality. It shares no factor with the GOP: key frames look different from
/// other pictures, and would be over- or underrepresented.
fn pictures_every(pictures: f64, gop: u32) -> u32 {
    /// Enough for a mean, if the run has as many.
    const WANTED: f64 = 20.0;
    /// More take space on the disk and say nothing new.
    const MOST: f64 = 100.0;
    let most = (pictures / MOST) as u32;
    let wish = ((pictures / WANTED) as u32).clamp(1, common::host::pictures::EVERY.max(most));
    (1..=wish).rev().find(|every| gcd(*every, gop) == 1).unwrap_or(1)
}

/// Bytes of the pictures kept (8-bit 4:2:0) at both ends. The publisher's begin before the receiver's: a margin of half.
fn pictures_bytes(size: Size, kept: f64) -> u64 {
    let picture = f64::from(size.width) * f64::from(size.height) * 1.5;
    (picture * kept.ceil() * 2.0 * 1.5) as u64
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Checks that the encoder is available and has the given options; cached, since there may be thousands of cells.
fn encoder(config: &Config) -> Result<(), String> {
    let Config { encoder, tuning, .. } = config;
    static ASKED: Mutex<BTreeMap<String, Result<(), String>>> = Mutex::new(BTreeMap::new());
    let mut asked = lock(&ASKED);
    let check = || encoder.check(tuning).map_err(|error| error.to_string());
    let answer = asked.entry(format!("{encoder} {:?}", tuning.options)).or_insert_with(check);
    answer.clone()
}

/// Whether the networks can do what they are asked to. The error is the setting that is wrong, and why.
fn networks(
    parts: &Parts,
    publisher_transport: Transport,
    receiver_transport: Transport,
) -> Result<(), (&'static str, String)> {
    let Parts { uplink, downlink, .. } = parts;
    if parts.server() == Server::Embedded && is_impaired(uplink) {
        let why = "there is no network between a publisher and its embedded server: use server = \"framelag\"";
        return Err(("server", why.to_owned()));
    }
    let tcp = [
        ("uplink.reorder", uplink.reorder, publisher_transport == Transport::Tcp, "publisher.transport"),
        ("uplink.duplicate", uplink.duplicate, publisher_transport == Transport::Tcp, "publisher.transport"),
        ("downlink.reorder", downlink.reorder, receiver_transport == Transport::Tcp, "receiver.transport"),
        ("downlink.duplicate", downlink.duplicate, receiver_transport == Transport::Tcp, "receiver.transport"),
    ];
    match tcp.into_iter().find(|(_, share, tcp, _)| *share > 0.0 && *tcp) {
        Some((name, _, _, transport)) => {
            Err((name, format!("{name} has no effect on TCP, which repairs it: use {transport} = \"udp\"")))
        }
        None => Ok(()),
    }
}

/// Whether the conditions change anything.
pub fn is_impaired(conditions: &Conditions) -> bool {
    let Conditions { hold, queue_bytes, .. } = Conditions::default();
    Conditions { hold, queue_bytes, ..conditions.clone() } != Conditions::default()
}

/// All runs in order: each repeat is a block of all cells, shuffled by itself. So a machine that slows down or warms up affects
/// every cell alike, and an interrupted sweep has whole blocks except for its last.
pub fn order(cells: usize, repeat: u32, seed: u64) -> Vec<Trial> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut all = Vec::with_capacity(cells * repeat as usize);
    for repeat in 0..repeat {
        let mut block: Vec<Trial> = (0..cells).map(|cell| Trial { cell, repeat }).collect();
        block.shuffle(&mut rng);
        all.extend(block);
    }
    all
}

#[cfg(test)]
mod tests;
