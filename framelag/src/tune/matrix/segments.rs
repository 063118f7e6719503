//! How often a cell needs an IDR for its segments, and how long its playlist takes to fill.

use std::time::Duration;

use framelag::plan::setting::Parts;

/// What follows from a cell's segments.
#[derive(Debug, Default)]
pub struct Segments {
    /// Pictures from one IDR to the next, where the plan leaves that to the segments.
    pub gop: Option<u32>,
    /// How long the server's playlist takes until it is as long as it gets.
    pub fill: Duration,
    /// What does not fit.
    pub warning: Option<String>,
}

/// Works it out. Without a `gop` in the plan, a GOP is as long as a segment, and `parts` have it then.
///
/// # Errors
/// As [`framelag::plan::segments::Segments::list`].
pub fn of(parts: &mut Parts, gop: Option<u32>, fps: f64) -> Result<Segments, String> {
    let Some((segment, count)) = parts.segments.list(&parts.server())? else { return Ok(Segments::default()) };
    let frames = segment.as_secs_f64() * fps;
    let fitting = (frames.round() as u32).max(1);
    let Some(gop) = gop else {
        parts.publisher.push(format!("--gop={fitting}"));
        return Ok(Segments { gop: Some(fitting), fill: segment * to_u32(count), warning: None });
    };
    // A segment ends at an IDR.
    let gops = (frames / f64::from(gop) - 0.01).ceil().max(1.0);
    let real = gops * f64::from(gop) / fps;
    let fits = (real - segment.as_secs_f64()).abs() * fps < 0.5;
    let warning = format!(
        "segment = {segment:?} and publisher.gop = {gop}: at {fps} pictures/s there is an IDR every {:.3} s, and segments end at \
         IDRs, after {real:.3} s; {fitting} would fit",
        f64::from(gop) / fps
    );
    Ok(Segments { gop: None, fill: Duration::from_secs_f64(real) * to_u32(count), warning: (!fits).then_some(warning) })
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
