//! From the order of decoding into the order of output (ITU-T H.264 annex C.4.5.3, "bumping").
//!
//! A picture waits until as many others wait as may be decoded before one that is shown earlier (max_num_reorder_frames): then the
//! one that is shown first is known.

/// Pictures of one stream that wait for their turn, [`Reorder::DEPTH_MAX`] at most.
#[derive(Debug)]
pub struct Reorder<T> {
    /// By max_num_reorder_frames, or by what came: so many may wait.
    depth: usize,
    /// What the newest parameter set says of it.
    declared: Option<u8>,
    /// With their places.
    waiting: Vec<(i64, T)>,
    /// Place of the picture that is shown last of those that were put out since the newest flush.
    newest: Option<i64>,
    /// The greatest places that were decoded since then, [`Reorder::DEPTH_MAX`] at most.
    greatest: Vec<i64>,
}

/// What comes next so that a decoded picture takes its place.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// This one is put out first. Ask again.
    Out(T),
    /// It is its own turn.
    Now,
    /// It [waits](Reorder::hold).
    Wait,
}

impl<T> Default for Reorder<T> {
    fn default() -> Self {
        Self { depth: 0, declared: None, waiting: Vec::new(), newest: None, greatest: Vec::new() }
    }
}

impl<T> Reorder<T> {
    /// Most that wait: the most that H.264 has a decoder keep (annex A.3.1).
    pub const DEPTH_MAX: usize = 16;

    /// Takes max_num_reorder_frames of the newest parameter set; `None` if it is not said. Then none waits until a B picture comes
    /// too late: few encoders that use B pictures leave it out, and a decoder that expects the most is slower by 16 frames.
    pub fn declare(&mut self, frames: Option<u8>) {
        if self.declared != frames {
            self.declared = frames;
            self.depth = frames.map_or(0, usize::from).min(Self::DEPTH_MAX);
        }
    }

    /// Goes back to what the newest parameter set says: what was learnt since is of another stream.
    pub fn forget_depth(&mut self) {
        self.depth = self.declared.map_or(0, usize::from).min(Self::DEPTH_MAX);
    }

    /// So many pictures are decoded before one is put out.
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// None waits.
    pub const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What to do first for a picture at `place`, which has been decoded; `b` where it consists of B slices.
    ///
    /// One that should have been put out before others goes out at once. Where it is a B picture, as many wait from now on as it took
    /// to put it in its place. Where it is none, pictures are counted anew, and those that wait come before it.
    pub fn step(&mut self, place: i64, b: bool) -> Step<T> {
        if self.newest.is_some_and(|newest| place < newest) {
            if b {
                self.depth = self.depth.max(self.greatest.iter().filter(|&&before| before > place).count());
                return self.now(place);
            }
            if let Some(first) = self.flush() {
                return Step::Out(first);
            }
        }
        if self.waiting.len() < self.depth {
            return Step::Wait;
        }
        match self.first().filter(|&(_, first)| first <= place) {
            Some((at, first)) => {
                self.newest = Some(first);
                Step::Out(self.waiting.remove(at).1)
            }
            None => self.now(place),
        }
    }

    fn now(&mut self, place: i64) -> Step<T> {
        self.newest = self.newest.max(Some(place));
        self.decoded(place);
        Step::Now
    }

    fn decoded(&mut self, place: i64) {
        self.greatest.push(place);
        if self.greatest.len() > Self::DEPTH_MAX {
            let least = self.greatest.iter().enumerate().min_by_key(|&(_, place)| place);
            least.map(|(at, _)| at).into_iter().for_each(|at| {
                self.greatest.swap_remove(at);
            });
        }
    }

    /// Has `picture` wait, as [`Step::Wait`] says.
    pub fn hold(&mut self, place: i64, picture: T) {
        self.decoded(place);
        self.waiting.push((place, picture));
    }

    /// The next one that waits, whether or not others may be shown before it; `None`, and nothing is before what follows, where none
    /// does. For the end of a sequence: an IDR picture, a gap, the end of the stream.
    pub fn flush(&mut self) -> Option<T> {
        let Some((at, _)) = self.first() else {
            self.newest = None;
            self.greatest.clear();
            return None;
        };
        Some(self.waiting.remove(at).1)
    }

    /// Index and place of the first in the order of output; of equals, the one that was decoded first.
    fn first(&self) -> Option<(usize, i64)> {
        let places = self.waiting.iter().map(|(place, _)| *place).enumerate();
        places.min_by_key(|&(at, place)| (place, at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes the next picture in, whose content is its place; what goes out because of it.
    fn take(reorder: &mut Reorder<i64>, place: i64, b: bool) -> Vec<i64> {
        let mut out = Vec::new();
        loop {
            match reorder.step(place, b) {
                Step::Out(first) => out.push(first),
                Step::Now => {
                    out.push(place);
                    return out;
                }
                Step::Wait => {
                    reorder.hold(place, place);
                    return out;
                }
            }
        }
    }

    fn declared(frames: u8) -> Reorder<i64> {
        let mut reorder = Reorder::default();
        reorder.declare(Some(frames));
        reorder
    }

    fn flushed(reorder: &mut Reorder<i64>) -> Vec<i64> {
        std::iter::from_fn(|| reorder.flush()).collect()
    }

    #[test]
    fn what_was_learnt_of_one_stream_is_forgotten_for_the_next() {
        let mut reorder = Reorder::default();
        for (place, b) in [(0, false), (4, false), (2, true)] {
            take(&mut reorder, place, b);
        }
        assert_eq!(reorder.depth(), 1, "a B picture came late");
        reorder.forget_depth();
        assert_eq!(reorder.depth(), 0);
        let mut said = declared(2);
        said.forget_depth();
        assert_eq!(said.depth(), 2, "a parameter set says it");
    }

    #[test]
    fn pictures_go_out_as_soon_as_their_turn_is_known() {
        // I P B B P B B
        let mut reorder = declared(1);
        let out: Vec<_> = [0, 6, 2, 4, 12, 8, 10].map(|place| take(&mut reorder, place, true)).into();
        assert_eq!(out, [vec![], vec![0], vec![2], vec![4], vec![6], vec![8], vec![10]]);
        assert_eq!(flushed(&mut reorder), [12]);
    }

    #[test]
    fn pyramids_wait_for_two() {
        // I P B b b: x264's b-pyramid=normal.
        let mut reorder = declared(2);
        let out: Vec<_> = [0, 8, 4, 2, 6, 16, 12, 10, 14].map(|place| take(&mut reorder, place, true)).into();
        assert_eq!(out, [vec![], vec![], vec![0], vec![2], vec![4], vec![6], vec![8], vec![10], vec![12]]);
        assert_eq!(flushed(&mut reorder), [14, 16]);
    }

    #[test]
    fn without_a_depth_none_waits() {
        for mut reorder in [declared(0), Reorder::default()] {
            for place in [0, 2, 4, 4, 4, 2, 0, -8, 6] {
                assert_eq!(take(&mut reorder, place, false), [place], "a camera that counts as it pleases");
                assert!(reorder.is_empty() && reorder.depth() == 0);
            }
        }
    }

    #[test]
    fn b_pictures_that_come_late_are_waited_for_from_then_on() {
        let mut reorder = Reorder::default();
        let out: Vec<_> = [0, 8, 4, 2, 6, 16, 12, 10, 14, 24, 20, 18, 22]
            .into_iter()
            .flat_map(|place| take(&mut reorder, place, place % 8 != 0))
            .collect();
        assert_eq!((out, reorder.depth()), (vec![0, 8, 4, 2, 6, 10, 12, 14, 16, 18, 20], 2));
        // A set that says otherwise counts from then on, and one that says the same changes nothing.
        reorder.declare(None);
        assert_eq!(reorder.depth(), 2);
        reorder.declare(Some(1));
        assert_eq!(reorder.depth(), 1);
    }

    #[test]
    fn a_count_that_begins_anew_lets_out_what_waits() {
        let mut reorder = declared(2);
        let mut out: Vec<_> =
            [20, 28, 24, 22, 26].into_iter().flat_map(|place| take(&mut reorder, place, place % 4 != 0)).collect();
        out.extend(take(&mut reorder, 0, false));
        assert_eq!(out, [20, 22, 24, 26, 28], "memory_management_control_operation 5");
        assert_eq!(flushed(&mut reorder), [0]);
        assert_eq!(reorder.depth(), 2);
    }

    proptest! {
        #[test]
        fn every_picture_goes_out_once_and_few_wait(
            frames in proptest::option::of(any::<u8>()),
            places in proptest::collection::vec((any::<i64>(), any::<bool>()), 0..200),
        ) {
            let mut reorder = Reorder::default();
            reorder.declare(frames);
            let mut out = Vec::new();
            for &(place, b) in &places {
                out.extend(take(&mut reorder, place, b));
                prop_assert!(reorder.waiting.len() <= Reorder::<i64>::DEPTH_MAX);
            }
            out.extend(flushed(&mut reorder));
            out.sort_unstable();
            let mut all: Vec<_> = places.iter().map(|(place, _)| *place).collect();
            all.sort_unstable();
            prop_assert_eq!(out, all);
        }

        #[test]
        fn a_depth_that_is_declared_right_gives_the_order_of_output(
            depth in 0usize..=16,
            moves in proptest::collection::vec(0usize..=16, 0..200),
        ) {
            // Each picture is shown after at most `depth` that were decoded before it and are shown later.
            let mut decoded: Vec<i64> = Vec::new();
            let mut kept: Vec<i64> = Vec::new();
            for (place, up) in (0..).zip(&moves) {
                kept.push(place);
                if kept.len() > depth {
                    decoded.push(kept.remove(up % kept.len()));
                }
            }
            decoded.extend(kept.into_iter());
            let ahead = |at: usize| decoded[..at].iter().filter(|&&before| before > decoded[at]).count();
            let needed = (0..decoded.len()).map(ahead).max().unwrap_or(0);
            prop_assume!(needed <= 16);
            let mut reorder = declared(needed as u8);
            let mut out: Vec<_> = decoded.iter().flat_map(|&place| take(&mut reorder, place, true)).collect();
            out.extend(flushed(&mut reorder));
            prop_assert!(out.is_sorted(), "{:?}", out);
        }
    }
}
