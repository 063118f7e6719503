//! Axes: which values they span, and which of them are written beside them.

use super::percent;
use super::scale::Scale;

/// Larger magnitudes are no measurement; they would only make sums overflow.
const MAX_MAGNITUDE: f64 = 1e15;

/// Steps between ticks at most.
const MAX_TICKS: usize = 60;

/// Names below an axis at most: where there are more, every second one is written, or every third …
const MAX_NAMES: usize = 9;

/// How far intervals may widen a plot on either side, in widths of what its values span.
const MOST_OF_ENDS: f64 = 2.0;

/// Steps of a time axis, in seconds.
const TIME_STEPS: [f64; 19] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    14_400.0, 43_200.0,
];

/// One axis of a chart.
#[derive(Clone, Debug)]
pub struct Axis {
    label: String,
    scale: Scale,
    low: Option<f64>,
    high: Option<f64>,
}

/// An axis that knows its range.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub label: String,
    pub ticks: Vec<Tick>,
    scale: Scale,
    low: f64,
    high: f64,
}

/// A value that is written beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where, as a fraction of the axis.
    pub at: f64,
    pub text: String,
    /// There is room for it on a wide page only.
    pub wide: bool,
}

impl Axis {
    /// A linear axis; `label` has its unit.
    pub fn linear(label: &str) -> Self {
        Self::new(label, Scale::Linear)
    }

    /// A logarithmic axis; values must be above 0.
    pub fn log(label: &str) -> Self {
        Self::new(label, Scale::Log)
    }

    /// Seconds, written as `m:ss` or `h:mm` where there are many.
    pub fn time(label: &str) -> Self {
        Self::new(label, Scale::Time)
    }

    /// Quantiles from 0 to 1 (left out) at log(1 / (1 − q)).
    pub fn percentile(label: &str) -> Self {
        Self::new(label, Scale::Percentile)
    }

    /// A linear axis on which these values are written, by these names: runs, dates.
    pub fn named(label: &str, ticks: Vec<(f64, String)>) -> Self {
        Self::new(label, Scale::Named(ticks))
    }

    /// The axis begins here, not at the least value.
    pub fn from(mut self, low: f64) -> Self {
        self.low = sane(low);
        self
    }

    /// The axis ends here, not at the largest value.
    pub fn to(mut self, high: f64) -> Self {
        self.high = sane(high);
        self
    }

    fn new(label: &str, scale: Scale) -> Self {
        Self { label: label.to_owned(), scale, low: None, high: None }
    }

    /// What it has to span: [`with_ends`] by its scale.
    pub(super) fn with_ends(&self, values: Vec<f64>, ends: &[f64]) -> Vec<f64> {
        if !matches!(self.scale, Scale::Log) {
            return with_ends(values, ends);
        }
        let straight = |values: &[f64]| values.iter().map(|value| self.scale.straight(*value)).collect::<Vec<_>>();
        let positive: Vec<f64> = values.into_iter().filter(|value| *value > 0.0).collect();
        with_ends(straight(&positive), &straight(ends)).into_iter().map(|value| 10f64.powf(value)).collect()
    }

    /// Spans `values`, and chooses about `ticks` values to write.
    pub(super) fn place(&self, values: impl Iterator<Item = f64>, ticks: usize) -> Placed {
        let usable = |value: &f64| sane(*value).is_some() && self.scale.takes(*value);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        values.filter(usable).for_each(|value| (least, most) = (least.min(value), most.max(value)));
        if least > most {
            (least, most) = self.scale.of_nothing();
        }
        let (low, high) = (self.low.unwrap_or(least), self.high.unwrap_or(most));
        let high = if high > low { high } else { low + self.scale.least_span(low) };
        let mut placed = Placed { label: self.label.clone(), ticks: Vec::new(), scale: self.scale.clone(), low, high };
        placed.choose_ticks(ticks, self.low.is_none(), self.high.is_none());
        placed
    }
}

impl Placed {
    /// Where a value lies, as a fraction of the axis; at an end where it is beyond it.
    pub fn at(&self, value: f64) -> f64 {
        let [low, high, value] = [self.low, self.high, value].map(|value| self.scale.straight(value));
        let fraction = (value - low) / (high - low);
        if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 }
    }

    fn choose_ticks(&mut self, ticks: usize, widen_low: bool, widen_high: bool) {
        let values: Vec<(f64, String)> = match &self.scale {
            Scale::Named(names) => {
                let every = names.len().div_ceil(MAX_NAMES).max(1);
                names.iter().step_by(every).cloned().collect()
            }
            Scale::Log => self.decades(),
            Scale::Percentile => self.nines(),
            Scale::Linear | Scale::Time => {
                let span = self.high - self.low;
                let step = match self.scale {
                    Scale::Time => time_step(span / ticks as f64),
                    _ => nice_step(span / ticks as f64),
                };
                // An axis of values ends at a tick; one of time, where the run does.
                if matches!(self.scale, Scale::Linear) {
                    self.low = if widen_low { (self.low / step).floor() * step } else { self.low };
                    self.high = if widen_high { (self.high / step - 1e-9).ceil() * step } else { self.high };
                }
                self.multiples(step)
            }
        };
        let crowded = self.crowded(values.len(), ticks);
        let tick = |(index, (value, text)): (usize, (f64, String))| {
            let inside = value >= self.low - 1e-9 * value.abs() && value <= self.high + 1e-9 * value.abs();
            inside.then(|| Tick { at: self.at(value), text, wide: index % crowded != 0 })
        };
        self.ticks = values.into_iter().enumerate().filter_map(tick).collect();
    }

    /// On a narrow page there is room for every n-th tick only; returns n.
    fn crowded(&self, count: usize, ticks: usize) -> usize {
        match self.scale {
            Scale::Percentile => 1,
            Scale::Named(_) => count.div_ceil(ticks.div_ceil(2).max(1)).max(1),
            _ if count > 6 => 2,
            _ => 1,
        }
    }

    /// The multiples of `step` on the axis.
    fn multiples(&self, step: f64) -> Vec<(f64, String)> {
        let first = (self.low / step - 1e-9).ceil();
        let values = (0..MAX_TICKS).map(|n| (first + n as f64) * step);
        let text = |value: f64| match self.scale {
            Scale::Time => time(value, self.high),
            _ => plain(value, step),
        };
        values.take_while(|value| *value <= self.high + step * 1e-6).map(|value| (value, text(value))).collect()
    }

    /// Powers of ten, with 2 and 5 between them where there is room.
    fn decades(&self) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let parts: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let decades = (first..=last).take(MAX_TICKS);
        let values = decades.flat_map(|power| parts.iter().map(move |part| part * 10f64.powi(power)));
        values.map(|value| (value, plain(value, value))).collect()
    }

    /// 0, 50, 90, 99, 99.9 % …
    fn nines(&self) -> Vec<(f64, String)> {
        let nines = (1..=9).map(|n| {
            let decimals = usize::max(n, 2) - 2;
            let quantile = 1.0 - 10f64.powi(-(n as i32));
            (quantile, format!("{:.decimals$} %", quantile * 100.0))
        });
        [(0.0, "0".to_owned()), (0.5, "50 %".to_owned())].into_iter().chain(nines).collect()
    }
}

impl Tick {
    pub fn class(&self) -> &'static str {
        if self.wide { " class=\"wide\"" } else { "" }
    }

    pub fn left(&self) -> String {
        percent(self.at)
    }
}

/// What an axis spans: the values, and the ends of their intervals as far as these leave something to see of the values. An
/// interval of two runs may be a thousand times as wide; it is drawn to the plot's edge.
fn with_ends(mut values: Vec<f64>, ends: &[f64]) -> Vec<f64> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return values;
    }
    let reach = if high > low { MOST_OF_ENDS * (high - low) } else { f64::INFINITY };
    values.extend(ends.iter().map(|end| end.clamp(low - reach, high + reach)));
    values
}

/// A number that can be drawn.
fn sane(value: f64) -> Option<f64> {
    (value.is_finite() && value.abs() <= MAX_MAGNITUDE).then_some(value)
}

/// The next of 1, 2, 5, 10 … that is not below `least`.
pub(crate) fn nice_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn time_step(least: f64) -> f64 {
    TIME_STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| (least / 86_400.0).ceil() * 86_400.0)
}

/// A value with as many decimals as its step needs.
fn plain(value: f64, step: f64) -> String {
    let decimals = (-step.abs().max(1e-6).log10()).ceil().clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) { "0".to_owned() } else { text }
}

/// `12`, `1:30` or `2:05:00`, as an axis that ends at `end` needs it.
fn time(seconds: f64, end: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    match end {
        end if end >= 7_200.0 => format!("{hours}:{minutes:02} h"),
        end if end > 120.0 => format!("{}:{rest:02}", whole / 60),
        _ if seconds.fract().abs() > 1e-6 => format!("{seconds:.1}"),
        _ => whole.to_string(),
    }
}
