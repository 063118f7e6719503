//! The beginning of a slice header (ITU-T H.264 section 7.3.3).

use super::bits::{Bits, unescape};
use super::{Cycle, NalKind, Output, Sps, SpsError};

/// More of a slice is not looked at: the fields below take 20 bytes at most.
const LEN_MAX: usize = 32;

/// What a slice says about its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Its picture is an IDR picture.
    pub idr: bool,
    /// What its blocks may be predicted from.
    pub kind: SliceKind,
    /// frame_num.
    pub frame_num: u32,
    /// pic_order_cnt_lsb, where the order of output is [counted](Output::Counted).
    pub order: Option<u32>,
    /// delta_pic_order_cnt\[0\]; 0 if it is not written.
    pub order_delta: i64,
    /// Other pictures may be predicted from this one: nal_ref_idc is not 0.
    pub reference: bool,
}

/// slice_type modulo 5 (table 7-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceKind {
    /// P or SP: from one picture at a time.
    P,
    /// B: from two.
    B,
    /// I or SI: from its own picture alone.
    I,
}

impl Slice {
    /// Reads the header of a NAL unit of types 1, 2 or 5 (header byte first, no start code), by the set that its picture uses.
    ///
    /// # Errors
    /// If it is of another type, cut off, or of a value that H.264 does not allow.
    pub fn parse(nal: &[u8], sps: &Sps) -> Result<Self, SpsError> {
        let &[header, ref payload @ ..] = nal else { return Err(SpsError::Truncated) };
        let idr = NalKind::of_header(header) == NalKind::Idr;
        if !matches!(header & 0x1f, 1 | 2 | 5) {
            return Err(SpsError::OutOfRange("type of slice"));
        }
        let rbsp = unescape(&payload[..payload.len().min(LEN_MAX)]);
        let mut bits = Bits::new(&rbsp, 0);
        bits.unsigned("first_mb_in_slice", u32::MAX - 1)?;
        let kind = match bits.unsigned("slice_type", 9)? % 5 {
            0 | 3 => SliceKind::P,
            1 => SliceKind::B,
            _ => SliceKind::I,
        };
        bits.unsigned("pic_parameter_set_id", 255)?;
        let frame_num = bits.fixed(sps.order.frame_num_bits)?;
        if sps.format.interlaced && bits.flag()? {
            bits.flag()?;
        }
        if idr {
            bits.unsigned("idr_pic_id", 65_535)?;
        }
        let (mut order, mut order_delta) = (None, 0);
        match &sps.order.output {
            Output::Counted { bits: count } => order = Some(bits.fixed(*count)?),
            Output::Cycle(Cycle { each: true, .. }) => order_delta = bits.signed()?,
            Output::Cycle(_) | Output::Decoded => {}
        }
        Ok(Self { idr, kind, frame_num, order, order_delta, reference: header & 0x60 != 0 })
    }
}
