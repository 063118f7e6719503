//! Pictures that stand in for those that came before a recovery point and were never received.
//!
//! A decoder that begins only at IDR pictures begins at a recovery point (ITU-T H.264 annex D.2.8) as well when an IDR
//! picture and the references that the next picture may ask for are put in front: grey, and with the numbers that those had.

use super::bits::{Writer, escape, unescape};
use super::{Cycle, LONG_START_CODE, Output, Sps};

const SLICE_I: u32 = 7;
const SLICE_P: u32 = 5;
/// Header of an IDR slice, of another slice and of a PPS, all of the highest nal_ref_idc.
const IDR: u8 = 0x65;
const NON_IDR: u8 = 0x61;
const PPS: u8 = 0x68;

/// A macroblock of I_16x16 in CAVLC without residual: mb_type 3 (DC prediction), DC for chroma, no change of quantiser, no
/// coefficients. Without neighbours all of it is grey.
const GREY: u8 = 0b0010_0111;

/// Access units in Annex B form to decode before one whose frame_num is `next`, in a stream whose parameter sets are the NAL
/// units `sps` and `pps`. The first brings both sets, changed so that frame_num may jump; a decoder that looks out for lost
/// references has to be told of gaps by somebody else from then on.
///
/// `None` if the sets cannot be read, and if there are fields.
pub fn before(next: u32, sps_nal: &[u8], pps_nal: &[u8]) -> Option<Vec<Vec<u8>>> {
    let sps = Sps::parse(sps_nal).ok().filter(|sps| !sps.format.interlaced)?;
    let modulus = 1 << sps.order.frame_num_bits;
    let references = u32::from(sps.order.references).min(modulus - 1);
    let numbers: Vec<u32> = (1..=references).rev().map(|back| (next + modulus - back) % modulus).collect();
    let filler = Filler { sps, pps_id: own_pps(pps_nal)? };
    let mut first = Vec::new();
    gaps_allowed(&filler.sps, sps_nal, &mut first);
    filler.pps(sps_nal, &mut first)?;
    first.extend(LONG_START_CODE);
    first.extend(pps_nal);
    filler.idr(&mut first);
    let mut units = vec![first];
    // The IDR picture is number 0: one of those asked for, or taken back by the first of them.
    let begin = usize::from(numbers.first() == Some(&0));
    for (place, &number) in (1_u32..).zip(&numbers[begin..]) {
        let replaced = (place == 1 && begin == 0).then_some(number);
        let mut unit = Vec::new();
        filler.copy(number, place, replaced, &mut unit);
        units.push(unit);
    }
    Some(units)
}

/// An id of a PPS that the stream does not use itself.
fn own_pps(pps_nal: &[u8]) -> Option<u32> {
    let payload = unescape(pps_nal.get(1..)?);
    let theirs = super::bits::Bits::new(&payload, 0).unsigned("pic_parameter_set_id", 255).ok()?;
    Some(if theirs == 255 { 254 } else { 255 })
}

/// The set with gaps_in_frame_num_value_allowed_flag.
fn gaps_allowed(sps: &Sps, nal: &[u8], out: &mut Vec<u8>) {
    let mut payload = unescape(&nal[1..]);
    let at = sps.order.gaps_at;
    payload[at / 8] |= 0x80 >> (at % 8);
    escape(nal[0], &payload, out);
}

struct Filler {
    sps: Sps,
    pps_id: u32,
}

impl Filler {
    /// A picture parameter set for CAVLC without anything else.
    fn pps(&self, sps_nal: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let payload = unescape(&sps_nal[1..]);
        let sps_id = super::bits::Bits::new(&payload, 24).unsigned("seq_parameter_set_id", 31).ok()?;
        let mut bits = Writer::default();
        bits.unsigned(self.pps_id);
        bits.unsigned(sps_id);
        // entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
        bits.fixed(0, 2);
        // One slice group, one reference in either list.
        (0..3).for_each(|_| bits.unsigned(0));
        // weighted_pred_flag, weighted_bipred_idc
        bits.fixed(0, 3);
        // pic_init_qp, pic_init_qs, chroma_qp_index_offset
        (0..3).for_each(|_| bits.unsigned(0));
        // deblocking_filter_control_present_flag, constrained_intra_pred_flag, redundant_pic_cnt_present_flag
        bits.fixed(0, 3);
        bits.nal(PPS, out);
        Some(())
    }

    fn idr(&self, out: &mut Vec<u8>) {
        let mut bits = self.header(SLICE_I, 0);
        // idr_pic_id
        bits.unsigned(0);
        self.order(&mut bits, 0);
        // no_output_of_prior_pics_flag, long_term_reference_flag
        bits.fixed(0, 2);
        // slice_qp_delta
        bits.unsigned(0);
        (0..self.macroblocks()).for_each(|_| bits.fixed(u32::from(GREY), 8));
        bits.nal(IDR, out);
    }

    /// The picture before it once more, as number `number`; the `place`th behind the IDR picture, which it takes the place of
    /// where `replaced` says its own number.
    fn copy(&self, number: u32, place: u32, replaced: Option<u32>, out: &mut Vec<u8>) {
        let mut bits = self.header(SLICE_P, number);
        self.order(&mut bits, 2 * place);
        // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0
        bits.fixed(0, 2);
        // adaptive_ref_pic_marking_mode_flag
        bits.fixed(u32::from(replaced.is_some()), 1);
        if let Some(number) = replaced {
            // memory_management_control_operation 1 on the picture so many numbers back (8.2.5.4.1), and no more.
            bits.unsigned(1);
            bits.unsigned(number - 1);
            bits.unsigned(0);
        }
        // slice_qp_delta
        bits.unsigned(0);
        // mb_skip_run
        bits.unsigned(self.macroblocks());
        bits.nal(NON_IDR, out);
    }

    fn macroblocks(&self) -> u32 {
        let (columns, rows) = self.sps.format.macroblocks;
        columns * rows
    }

    fn header(&self, kind: u32, frame_num: u32) -> Writer {
        let mut bits = Writer::default();
        bits.unsigned(0);
        bits.unsigned(kind);
        bits.unsigned(self.pps_id);
        bits.fixed(frame_num, self.sps.order.frame_num_bits);
        bits
    }

    fn order(&self, bits: &mut Writer, count: u32) {
        match &self.sps.order.output {
            Output::Counted { bits: len } => bits.fixed(count, *len),
            // delta_pic_order_cnt[0]
            Output::Cycle(Cycle { each: true, .. }) => bits.unsigned(0),
            Output::Cycle(_) | Output::Decoded => {}
        }
    }
}
