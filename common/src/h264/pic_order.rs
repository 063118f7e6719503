//! The place of a frame in the order of output (ITU-T H.264 section 8.2.1).

use super::{Cycle, Output, Slice, Sps};

/// Works out picture order counts from the first slices of one stream's access units, in the order of decoding.
///
/// A frame counts as its top field does. Counts are comparable from one IDR picture, or from [`PicOrder::forget`], to the next.
#[derive(Clone, Debug, Default)]
pub struct PicOrder {
    /// Of the newest picture that others refer to (8.2.1.1): pic_order_cnt_lsb, and what came on top of it.
    counted: Option<(u32, i64)>,
    /// Of the newest picture (8.2.1.2): frame_num, and FrameNumOffset.
    numbered: Option<(u32, i64)>,
}

impl PicOrder {
    /// TopFieldOrderCnt of the picture that begins with `slice` and uses `sps`. A picture that does not begin a sequence and has
    /// none before it counts from where it says it is.
    pub fn next(&mut self, slice: &Slice, sps: &Sps) -> i64 {
        if slice.idr {
            self.forget();
        }
        match &sps.order.output {
            Output::Counted { bits } => self.counted(slice, *bits),
            Output::Cycle(cycle) => {
                let offset = self.frame_num_offset(slice, sps);
                cycle.expected(slice, offset).saturating_add(slice.order_delta)
            }
            Output::Decoded => {
                let count = 2 * (self.frame_num_offset(slice, sps) + i64::from(slice.frame_num));
                if slice.reference { count } else { count - 1 }
            }
        }
    }

    /// Pictures are missing from here on: what follows cannot be compared with what came before.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// pic_order_cnt_type 0 (8.2.1.1).
    fn counted(&mut self, slice: &Slice, bits: u8) -> i64 {
        let lsb = slice.order.unwrap_or_default();
        let (modulus, half) = (1_i64 << bits, 1_i64 << (bits - 1));
        // An IDR picture's is 0 (8.2.1.1), whatever was before it.
        let (last, msb) = self.counted.unwrap_or(if slice.idr { (0, 0) } else { (lsb, 0) });
        let step = i64::from(lsb) - i64::from(last);
        let msb = match step {
            _ if step <= -half => msb + modulus,
            _ if step > half => msb - modulus,
            _ => msb,
        };
        if slice.reference {
            self.counted = Some((lsb, msb));
        }
        msb + i64::from(lsb)
    }

    /// FrameNumOffset (8.2.1.2).
    fn frame_num_offset(&mut self, slice: &Slice, sps: &Sps) -> i64 {
        let (last, offset) = self.numbered.unwrap_or((slice.frame_num, 0));
        let wrapped = if last > slice.frame_num { 1 << sps.order.frame_num_bits } else { 0 };
        self.numbered = Some((slice.frame_num, offset + wrapped));
        offset + wrapped
    }
}

impl Cycle {
    /// expectedPicOrderCnt (8.2.1.2), in numbers of any size: the sender chooses them.
    fn expected(&self, slice: &Slice, frame_num_offset: i64) -> i64 {
        let frames = i64::try_from(self.offsets.len()).unwrap_or_default();
        let mut number = if frames == 0 { 0 } else { frame_num_offset + i64::from(slice.frame_num) };
        if !slice.reference && number > 0 {
            number -= 1;
        }
        let mut expected = 0_i64;
        if number > 0 {
            let (cycles, place) = ((number - 1) / frames, (number - 1) % frames);
            let sum = |offsets: &[i64]| offsets.iter().sum::<i64>();
            expected = cycles.saturating_mul(sum(&self.offsets));
            expected = expected.saturating_add(sum(&self.offsets[..=place as usize]));
        }
        if slice.reference { expected } else { expected.saturating_add(self.non_reference) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Format, Order, SliceKind};
    use super::*;
    use crate::frame::Size;

    /// frame_num counts in 4 bits.
    fn sps(output: Output) -> Sps {
        let order = Order { frame_num_bits: 4, output, references: 4, reorders: None, gaps_at: 0 };
        let format = Format { chroma: 1, bits: 8, interlaced: false, macroblocks: (8, 6) };
        Sps { profile_level_id: [100, 0, 30], size: Size::new(128, 96), format, order }
    }

    fn slice(frame_num: u32, reference: bool) -> Slice {
        Slice { idr: false, kind: SliceKind::P, frame_num, order: None, order_delta: 0, reference }
    }

    fn idr() -> Slice {
        Slice { idr: true, order: Some(0), ..slice(0, true) }
    }

    #[test]
    fn low_bits_go_the_shorter_way_from_the_newest_reference() {
        let sps = sps(Output::Counted { bits: 4 });
        let mut order = PicOrder::default();
        assert_eq!(order.next(&idr(), &sps), 0);
        for (lsb, reference, expected) in [
            (6, true, 6),
            // Other pictures are no reference for what follows.
            (2, false, 2),
            (4, false, 4),
            (12, true, 12),
            (8, true, 8),
            (14, false, 14),
            // 8 from 8 is not more than half a round back: it is one on.
            (0, true, 16),
            (14, false, 14),
            (10, false, 10),
            (6, true, 22),
        ] {
            let slice = Slice { order: Some(lsb), ..slice(1, reference) };
            assert_eq!(order.next(&slice, &sps), expected, "{lsb}");
        }
        assert_eq!(order.next(&idr(), &sps), 0, "an IDR picture begins anew");
        order.forget();
        assert_eq!(order.next(&Slice { order: Some(15), ..slice(1, true) }, &sps), 15, "without one before it");
        assert_eq!(order.next(&Slice { order: Some(1), ..slice(1, true) }, &sps), 17);
        order.forget();
        assert_eq!(order.next(&Slice { order: Some(1), ..slice(1, true) }, &sps), 1);
        assert_eq!(order.next(&Slice { order: Some(15), ..slice(1, true) }, &sps), -1, "shown before that");
    }

    #[test]
    fn cycles_add_up() {
        // Two frames to a cycle, 4 and 6 further, and one that others do not refer to 3 before its place.
        let sps = sps(Output::Cycle(Cycle { each: true, non_reference: -3, offsets: [4, 6].into() }));
        let mut order = PicOrder::default();
        assert_eq!(order.next(&idr(), &sps), 0);
        for (frame_num, reference, delta, expected) in [
            (1, true, 0, 4),
            (2, true, 0, 10),
            // Counts as frame 2, and 3 back.
            (3, false, 0, 7),
            (3, true, 0, 14),
            (4, true, 1, 21),
        ] {
            let slice = Slice { order_delta: delta, ..slice(frame_num, reference) };
            assert_eq!(order.next(&slice, &sps), expected, "{frame_num}");
        }
        for frame_num in 5..16 {
            order.next(&slice(frame_num, true), &sps);
        }
        assert_eq!(order.next(&slice(0, true), &sps), 80, "frame 16: eight cycles");
    }

    #[test]
    fn without_a_cycle_differences_are_all_there_is() {
        let sps = sps(Output::Cycle(Cycle { each: true, non_reference: -2, offsets: [].into() }));
        let mut order = PicOrder::default();
        assert_eq!(order.next(&idr(), &sps), 0);
        assert_eq!(order.next(&Slice { order_delta: 8, ..slice(1, true) }, &sps), 8);
        assert_eq!(order.next(&Slice { order_delta: 6, ..slice(2, false) }, &sps), 4);
    }

    #[test]
    fn the_order_of_decoding_counts_twos() {
        let sps = sps(Output::Decoded);
        let mut order = PicOrder::default();
        assert_eq!(order.next(&idr(), &sps), 0);
        assert_eq!(order.next(&slice(1, true), &sps), 2);
        assert_eq!(order.next(&slice(2, false), &sps), 3);
        for frame_num in 2..16 {
            order.next(&slice(frame_num, true), &sps);
        }
        assert_eq!(order.next(&slice(0, true), &sps), 32);
    }

    proptest! {
        #[test]
        fn hostile_numbers_never_panic(
            offsets in proptest::collection::vec(-(1_i64 << 32)..1 << 32, 0..255),
            non_reference in -(1_i64 << 32)..1 << 32,
            slices in proptest::collection::vec((any::<bool>(), 0u32..1 << 16, any::<bool>(), -(1_i64 << 32)..1 << 32), 0..200),
        ) {
            for output in [
                Output::Counted { bits: 16 },
                Output::Cycle(Cycle { each: true, non_reference, offsets: offsets.into() }),
                Output::Decoded,
            ] {
                let (sps, mut order) = (sps(output), PicOrder::default());
                for &(idr, number, reference, order_delta) in &slices {
                    let slice = Slice { idr, order: Some(number), order_delta, ..slice(number, reference) };
                    order.next(&slice, &sps);
                }
            }
        }
    }
}
