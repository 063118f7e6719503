//! Derives the GOP and the playlist's fill time from a cell's segments.

use std::time::Duration;

use framelag::plan::setting::Parts;

/// What follows from a cell's segments.
#[derive(Debug, Default)]
pub struct Segments {
    /// GOP in pictures, if the plan leaves it to the segments.
    pub gop: Option<u32>,
    /// Time until the server's playlist reaches its full length.
    pub fill: Duration,
    /// Warnings.
    pub warning: Option<String>,
}

/// Derives the values. If the plan has no `gop`, sets the GOP in `parts` to the segment duration.
///
/// # Errors
/// Fails like [`framelag::plan::segments::Segments::list`].
pub fn of(parts: &mut Parts, gop: Option<u32>, fps: f64) -> Result<Segments, String> {
    let Some((segment, count)) = parts.segments.list(&parts.server())? else { return Ok(Segments::default()) };
    let frames = segment.as_secs_f64() * fps;
    let fitting = (frames.round() as u32).max(1);
    let Some(gop) = gop else {
        parts.publisher.push(format!("--gop={fitting}"));
        return Ok(Segments { gop: Some(fitting), fill: segment * to_u32(count), warning: None });
    };
    // Segments end at IDRs.
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
