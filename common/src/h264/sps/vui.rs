//! Video usability information (ITU-T H.264 annex E.1.1), as far as the order of pictures.

use super::super::bits::Bits;
use super::SpsError;

/// Most coded picture buffers of hypothetical reference decoder parameters (E.2.2).
const MAX_BUFFERS: u32 = 31;

/// aspect_ratio_idc that stands for a ratio written out.
const EXTENDED_SAR: u32 = 255;

/// max_num_reorder_frames of the parameters that `bits` comes to next; `None` if they do not say.
pub(super) fn reorders(bits: &mut Bits<'_>) -> Result<Option<u8>, SpsError> {
    if !bits.flag()? {
        return Ok(None);
    }
    if bits.flag()? && bits.fixed(8)? == EXTENDED_SAR {
        bits.fixed(32)?;
    }
    if bits.flag()? {
        bits.flag()?;
    }
    if bits.flag()? {
        bits.fixed(4)?;
        if bits.flag()? {
            bits.fixed(24)?;
        }
    }
    if bits.flag()? {
        bits.unsigned("chroma_sample_loc_type", 5)?;
        bits.unsigned("chroma_sample_loc_type", 5)?;
    }
    if bits.flag()? {
        bits.fixed(32)?;
        bits.fixed(32)?;
        bits.flag()?;
    }
    let network = bits.flag()?;
    if network {
        skip_buffers(bits)?;
    }
    let stream = bits.flag()?;
    if stream {
        skip_buffers(bits)?;
    }
    if network || stream {
        bits.flag()?;
    }
    bits.flag()?;
    if !bits.flag()? {
        return Ok(None);
    }
    bits.flag()?;
    for what in ["max_bytes_per_pic_denom", "max_bits_per_mb_denom", "log2_max_mv_length", "log2_max_mv_length"] {
        bits.unsigned(what, 16)?;
    }
    Ok(Some(bits.unsigned("max_num_reorder_frames", 16)? as u8))
}

/// Hypothetical reference decoder parameters (E.1.2).
fn skip_buffers(bits: &mut Bits<'_>) -> Result<(), SpsError> {
    let buffers = bits.unsigned("cpb_cnt", MAX_BUFFERS)? + 1;
    bits.fixed(8)?;
    for _ in 0..buffers {
        bits.unsigned("bit_rate_value", u32::MAX - 1)?;
        bits.unsigned("cpb_size_value", u32::MAX - 1)?;
        bits.flag()?;
    }
    bits.fixed(20)?;
    Ok(())
}
