//! Whether pictures come in the order in which they are shown.
//!
//! This receiver decodes and shows each access unit as it comes. With B-frames the order of output (ITU-T H.264 section 8.2.1)
//! is another one, so that its figures would be those of pictures that no player shows at that moment.

use common::h264::{NalKind, Output, Slice, SliceKind, Sps};

/// Pictures that have to come behind one which is shown later: more than a damaged slice or two amount to.
const MIN_TURNED: u32 = 3;

/// What the slices of one stream say of their order.
#[derive(Debug, Default)]
pub struct Order {
    /// pic_order_cnt_lsb of the picture that is shown last of those that came since the newest IDR picture or loss.
    last: Option<u32>,
    turned: u32,
    /// How many had turned at the newest IDR picture.
    turned_before: u32,
    found: bool,
}

impl Order {
    /// Looks at the first slice of an access unit (header byte first), which uses `sps`. Costs nothing where that rules out any
    /// other order, and once another one was found.
    pub fn see(&mut self, slice: &[u8], sps: &Sps) {
        if self.turned > MIN_TURNED || sps.keeps_order() {
            return;
        }
        let Ok(parsed) = Slice::parse(slice, sps) else { return };
        let idr = NalKind::of(slice) == Some(NalKind::Idr);
        if idr {
            // With B-frames there are some between any two: what came before them was damage.
            if self.turned == self.turned_before {
                self.turned = 0;
            }
            self.turned_before = self.turned;
        }
        match (sps.order.output, parsed.order, self.last) {
            (Output::Counted { bits }, Some(now), Some(last)) if !idr => {
                // The shorter way round (8.2.1.1).
                let ahead = now.wrapping_sub(last) & ((1 << bits) - 1);
                if ahead >= 1 << (bits - 1) {
                    self.turned += 1;
                } else {
                    self.last = Some(now);
                }
            }
            (Output::Counted { .. }, Some(now), _) => self.last = Some(now),
            // Without numbers to compare: B pictures refer to later ones, or there would be little use in them.
            (Output::Cycle { .. }, ..) if parsed.kind == SliceKind::B => self.turned += 1,
            _ => {}
        }
        if self.turned == MIN_TURNED {
            self.turned += 1;
            self.found = true;
        }
    }

    /// Pictures are missing from here on, maybe an IDR picture among them: what follows cannot be compared with what came before.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// Whether another order has been found since this was last asked: once in a stream's life.
    pub fn take_found(&mut self) -> bool {
        std::mem::take(&mut self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264's defaults at 640x480: counted in 6 bits, frame_num in 4, two pictures may be reordered.
    const SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x3d, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
        0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96,
    ];

    /// The beginning of a slice of frame 0 at place `order`: first_mb_in_slice 0, slice_type, pic_parameter_set_id 0.
    fn slice(idr: bool, kind: u32, order: u32, sps: &Sps) -> Vec<u8> {
        let Output::Counted { bits } = sps.order.output else { panic!("it counts") };
        let mut text = String::from("1");
        let code = kind + 1;
        let width = 32 - code.leading_zeros() as usize;
        text += &format!("{}{code:b}1", "0".repeat(width - 1));
        text += &format!("{:0w$b}", 0, w = usize::from(sps.order.frame_num_bits));
        text += if idr { "1" } else { "" };
        text += &format!("{:0w$b}1", order & ((1 << bits) - 1), w = usize::from(bits));
        text += &"0".repeat(8 - text.len() % 8);
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 8], 2).expect("eight bits");
        let payload = (0..text.len()).step_by(8).map(byte);
        std::iter::once(if idr { 0x65 } else { 0x41 }).chain(payload).collect()
    }

    fn turned(sps: &Sps, orders: &[u32]) -> bool {
        let mut order = Order::default();
        for (n, &place) in orders.iter().enumerate() {
            order.see(&slice(n == 0, if n == 0 { 7 } else { 5 }, place, sps), sps);
        }
        order.take_found()
    }

    #[test]
    fn pictures_that_come_behind_later_ones_are_found_over_wraps() {
        let sps = Sps::parse(SPS).expect("good");
        let straight: Vec<u32> = (0..100).map(|n| 2 * n).collect();
        assert!(!turned(&sps, &straight));
        // Decoded I P B B P B B …
        let b_frames: Vec<u32> =
            [0].into_iter().chain((0..40).flat_map(|n| [6 * n + 6, 6 * n + 2, 6 * n + 4])).collect();
        assert!(turned(&sps, &b_frames));
        assert!(!turned(&sps, &b_frames[..4]), "two might be damage");
        assert!(!turned(&sps, &[0, 0, 0, 0, 0, 0, 0]), "a camera that does not count says nothing");
    }

    /// What comes of a stream whose IDR pictures are `gop` apart and of which what `lost` says is missing, as `place` counts.
    fn turned_with_losses(gop: u32, place: fn(u32) -> u32, lost: impl Fn(u32) -> bool) -> bool {
        let sps = Sps::parse(SPS).expect("good");
        let mut order = Order::default();
        let mut after_loss = false;
        for n in 0..20 * gop {
            if std::mem::replace(&mut after_loss, lost(n)) && !lost(n) {
                order.forget();
            }
            if !lost(n) {
                let idr = n % gop == 0;
                order.see(&slice(idr, if idr { 7 } else { 5 }, place(n % gop), &sps), &sps);
            }
        }
        order.take_found()
    }

    #[test]
    fn what_is_lost_turns_nothing_and_hides_nothing() {
        let straight = |n: u32| 2 * n;
        let b_frames = |n: u32| if n == 0 { 0 } else { 2 * (n + 2) - 6 * ((n - 1) % 3).min(1) };
        // Counted in 6 bits: more than half a round.
        let bursts = |n: u32| n % 60 > 10 && n % 60 < 30;
        let first_half = |n: u32| n % 120 >= 110 || n % 120 < 5;
        for lost in [bursts, first_half] {
            assert!(!turned_with_losses(60, straight, lost));
            assert!(turned_with_losses(60, b_frames, lost));
        }
        assert!(turned_with_losses(60, b_frames, |n| n % 60 == 0), "every IDR picture is lost");
        assert!(!turned_with_losses(60, straight, |n| n % 60 == 0));
    }

    #[test]
    fn what_turns_now_and_then_is_damage() {
        let sps = Sps::parse(SPS).expect("good");
        let mut order = Order::default();
        for n in 0..600 {
            // Every third stretch has one.
            let place = if n % 90 == 7 { 2 } else { 2 * (n % 30) };
            order.see(&slice(n % 30 == 0, if n % 30 == 0 { 7 } else { 5 }, place, &sps), &sps);
        }
        assert!(!order.take_found());
    }

    #[test]
    fn a_set_that_rules_reordering_out_is_believed() {
        let sps = Sps::parse(SPS).expect("good");
        let mut baseline = sps;
        baseline.profile_level_id[0] = 66;
        assert!(!turned(&baseline, &[0, 6, 2, 4, 12, 8, 10, 18, 14, 16]));
        let mut declared = sps;
        declared.order.reorders = Some(0);
        assert!(!turned(&declared, &[0, 6, 2, 4, 12, 8, 10, 18, 14, 16]));
    }
}
