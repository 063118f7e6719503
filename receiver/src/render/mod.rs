//! Showing: the newest picture of every stream with its overlay, in a window or, headless, nowhere but in a snapshot.

pub mod canvas;
pub mod overlay;
pub mod pixels;
pub(crate) mod snapshot;
pub(crate) mod window;

use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::code::Rect;
use common::frame::Size;
use common::time::MonoTime;

use canvas::Canvas;
use overlay::Overlay;
use pixels::{Label, Pixels, Slot};
use window::{Commands, Window};

/// The least width of a new window: smaller pictures are shown enlarged by a whole number.
const MIN_WINDOW_WIDTH: u32 = 480;

/// The most that a new window takes of the desk; it can be made larger by hand.
const MAX_FIRST_WINDOW: Size = Size::new(1600, 900);

/// The size of the canvas before any picture has come.
const BEFORE_PICTURES: Size = Size::new(640, 480);

/// How often a window without new pictures is drawn again, so that its texts stay true.
const REDRAW: Duration = Duration::from_millis(100);

/// Gives the lines of text, from top to bottom, for stream `.0`, which shows the picture of `.1`
/// since `.2`.
pub(crate) type Captions<'a> = dyn FnMut(usize, &Label, MonoTime) -> Vec<String> + 'a;

/// What a drawing cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// When the canvas had been handed to the window.
    pub(crate) at: MonoTime,
    /// Scaling into the canvas and drawing the texts.
    pub(crate) compose: Duration,
    /// Handing the canvas to the window.
    pub(crate) hand_over: Duration,
}

/// All pictures, and the window if there is one.
pub(crate) struct Screen {
    tiles: Vec<Tile>,
    canvas: Canvas,
    window: Option<Window>,
    wanted: bool,
    drawn_all: MonoTime,
    draw_time: Duration,
}

struct Tile {
    slot: Arc<Slot>,
    pixels: Option<Pixels>,
    /// Not drawn since they came.
    fresh: bool,
    since: MonoTime,
    /// Where its picture lies on the canvas.
    place: Option<Rect>,
    overlay: Overlay,
}

impl Tile {
    fn new(slot: Arc<Slot>) -> Self {
        let overlay = Overlay::new();
        Self { slot, pixels: None, fresh: false, since: MonoTime::default(), place: None, overlay }
    }

    /// Takes the newest picture, if there is one that was not taken before.
    fn fetch(&mut self, now: MonoTime) -> bool {
        let fetched = self.slot.fetch(&mut self.pixels);
        if fetched {
            self.fresh = true;
            self.since = now;
        }
        fetched
    }
}

impl Screen {
    /// A screen for the pictures of these slots. A window, where `wanted`, opens with the first picture.
    pub(crate) fn new(slots: impl IntoIterator<Item = Arc<Slot>>, wanted: bool) -> Self {
        let tiles = slots.into_iter().map(Tile::new).collect();
        Self {
            tiles,
            canvas: Canvas::new(BEFORE_PICTURES),
            window: None,
            wanted,
            drawn_all: MonoTime::default(),
            draw_time: Duration::ZERO,
        }
    }

    /// There is a window, or there will be one.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// What the user asked for.
    pub(crate) fn take_commands(&mut self) -> Commands {
        self.window.as_mut().map(Window::take_commands).unwrap_or_default()
    }

    /// The number of the picture that stream `tile` shows.
    pub(crate) fn serial(&self, tile: usize) -> Option<u64> {
        self.tiles[tile].pixels.as_ref().map(|pixels| pixels.label.serial)
    }

    /// Draws if there is something new, or the texts may have changed. `None` if nothing was drawn.
    ///
    /// # Errors
    /// [`window::Error`] if there is no display after all: time to [`Screen::give_up`].
    pub(crate) fn refresh(
        &mut self,
        clock: &dyn Clock,
        captions: &mut Captions<'_>,
    ) -> Result<Option<Shown>, window::Error> {
        let begin = clock.now().mono;
        // A text has to be drawn before it is known when it is shown: as long after as the last time.
        let fetched = self.wanted && self.fetch(begin + self.draw_time);
        let stale = self.window.is_some() && begin - self.drawn_all >= REDRAW;
        if !(fetched || stale) {
            return Ok(None);
        }
        self.draw_and_show(stale, clock, captions).map(Some)
    }

    /// Goes on without a window; pictures are still taken where a snapshot `may_come`.
    pub(crate) fn give_up(&mut self, may_come: bool) {
        self.wanted = false;
        self.window = None;
        if !may_come {
            self.tiles.iter().for_each(|tile| tile.slot.close());
        }
    }

    /// What the window shows now.
    pub(crate) fn shown(&self) -> Option<&Canvas> {
        self.tiles.iter().any(|tile| tile.pixels.is_some()).then_some(&self.canvas)
    }

    /// What the window shows, or would show: drawn anew.
    pub(crate) fn picture(&mut self, now: MonoTime, captions: &mut Captions<'_>) -> Option<&Canvas> {
        self.fetch(now);
        self.tiles.iter().any(|tile| tile.pixels.is_some()).then(|| self.compose(true, captions))
    }

    fn fetch(&mut self, now: MonoTime) -> bool {
        self.tiles.iter_mut().filter_map(|tile| tile.fetch(now).then_some(())).count() > 0
    }

    fn draw_and_show(
        &mut self,
        all: bool,
        clock: &dyn Clock,
        captions: &mut Captions<'_>,
    ) -> Result<Shown, window::Error> {
        if self.window.is_none() {
            self.window = Some(Window::open("framelag receiver", first_size(self.natural()))?);
        }
        let begin = clock.now().mono;
        self.compose(all, captions);
        let composed = clock.now().mono;
        if let Some(window) = &mut self.window {
            window.show(&self.canvas)?;
        }
        let shown = clock.now().mono;
        if all {
            self.drawn_all = shown;
        }
        self.draw_time = shown - begin;
        Ok(Shown { at: shown, compose: composed - begin, hand_over: shown - composed })
    }

    /// Draws the pictures that are new, or `all`.
    fn compose(&mut self, all: bool, captions: &mut Captions<'_>) -> &Canvas {
        let size = self.window.as_ref().map_or_else(|| self.natural(), Window::size);
        let resized = self.canvas.size() != size;
        if resized {
            self.canvas.resize(size);
        }
        let cells = canvas::cells(size, self.tiles.len());
        for (n, (tile, cell)) in self.tiles.iter_mut().zip(cells).enumerate() {
            let Some(pixels) = tile.pixels.as_ref().filter(|_| tile.fresh || resized || all) else { continue };
            tile.fresh = false;
            let place = canvas::fit(pixels.size, cell);
            if tile.place.replace(place).is_some_and(|before| before != place) {
                self.canvas.clear(cell);
            }
            self.canvas.draw(pixels, place);
            let lines = captions(n, &pixels.label, tile.since);
            let code = pixels.label.code.map(|code| scaled(code, pixels.size, place));
            tile.overlay.draw(&mut self.canvas, place, &lines, code);
        }
        &self.canvas
    }

    fn natural(&self) -> Size {
        let sizes = self.tiles.iter().filter_map(|tile| tile.pixels.as_ref()).map(|pixels| pixels.size);
        let largest = sizes.reduce(|a, b| Size::new(a.width.max(b.width), a.height.max(b.height)));
        canvas::natural(largest.unwrap_or(BEFORE_PICTURES), self.tiles.len())
    }
}

/// The size of a new window for a canvas of `size`: of the same shape, large enough to be seen and small enough for a desk.
fn first_size(size: Size) -> Size {
    let times = MIN_WINDOW_WIDTH.div_ceil(size.width.max(1)).max(1);
    let size = Size::new(size.width.saturating_mul(times), size.height.saturating_mul(times));
    if size.width <= MAX_FIRST_WINDOW.width && size.height <= MAX_FIRST_WINDOW.height {
        return size;
    }
    let Size { width, height } = MAX_FIRST_WINDOW;
    let fitted = canvas::fit(size, Rect { x: 0, y: 0, width, height });
    Size::new(fitted.width.max(1), fitted.height.max(1))
}

/// A part of a picture of size `from`, in the canvas where the picture lies at `place`. Rounded outwards.
fn scaled(part: Rect, from: Size, place: Rect) -> Rect {
    let down = |n: u32, to: u32, of: u32| (u64::from(n) * u64::from(to) / u64::from(of.max(1))) as u32;
    let up = |n: u32, to: u32, of: u32| (u64::from(n) * u64::from(to)).div_ceil(u64::from(of.max(1))) as u32;
    let (x, y) = (down(part.x, place.width, from.width), down(part.y, place.height, from.height));
    let right = up(part.x + part.width, place.width, from.width);
    let bottom = up(part.y + part.height, place.height, from.height);
    Rect { x: place.x + x, y: place.y + y, width: right - x, height: bottom - y }
}

#[cfg(test)]
mod tests {
    use common::clock::ManualClock;
    use common::frame::Picture;

    use super::*;

    fn red(pixel: &&u32) -> bool {
        **pixel >> 16 & 0xff > 200 && **pixel & 0xffff < 0x6060
    }

    #[test]
    fn without_a_window_a_picture_is_drawn_only_when_asked_for() {
        let slots = [true, true].map(|wanted| Arc::new(Slot::new(wanted)));
        let mut screen = Screen::new(slots.clone(), false);
        let mut captions = |_, label: &Label, _| vec![format!("LAT: {}", label.serial)];
        assert!(screen.picture(MonoTime::default(), &mut captions).is_none());
        slots[1].put(Label { serial: 7, ..Label::default() }, (&Picture::black(Size::new(64, 48))).into());
        assert!(screen.refresh(&ManualClock::default(), &mut captions).expect("no window").is_none());
        let canvas = screen.picture(MonoTime::default(), &mut captions).expect("a picture came");
        assert_eq!(canvas.size(), Size::new(128, 48));
        let (left, right): (Vec<_>, Vec<_>) = canvas.data().iter().enumerate().partition(|(at, _)| at % 128 < 64);
        assert!(left.iter().all(|(_, pixel)| **pixel == 0), "the first stream has no picture");
        assert!(right.iter().any(|(_, pixel)| red(pixel)), "the second has a caption");
        assert_eq!((screen.serial(0), screen.serial(1)), (None, Some(7)));
    }

    #[test]
    fn small_pictures_get_a_window_in_which_they_can_be_seen() {
        assert_eq!(first_size(Size::new(256, 144)), Size::new(512, 288));
        assert_eq!(first_size(Size::new(640, 480)), Size::new(640, 480));
    }

    #[test]
    fn large_pictures_get_a_window_that_fits_the_desk() {
        assert_eq!(first_size(Size::new(3840, 2160)), Size::new(1600, 900));
        assert_eq!(first_size(Size::new(1080, 1920)), Size::new(506, 900));
        assert_eq!(first_size(Size::new(1, 8192)), Size::new(1, 900));
    }

    #[test]
    fn a_picture_of_another_shape_leaves_nothing_of_the_one_before_it() {
        let slots = [true, true].map(|wanted| Arc::new(Slot::new(wanted)));
        let mut screen = Screen::new(slots.clone(), false);
        let mut captions = |_, _: &Label, _| Vec::new();
        let mut white = Picture::black(Size::new(64, 48));
        white.data_mut()[..64 * 48].fill(235);
        // The first keeps the canvas as large as it is.
        slots[0].put(Label::default(), (&white).into());
        slots[1].put(Label::default(), (&white).into());
        screen.picture(MonoTime::default(), &mut captions).expect("pictures came");
        slots[1].put(Label { serial: 2, ..Label::default() }, (&Picture::black(Size::new(16, 48))).into());
        let canvas = screen.picture(MonoTime::default(), &mut captions).expect("pictures came");
        assert_eq!(canvas.size(), Size::new(128, 48));
        let right = canvas.data().chunks_exact(128).flat_map(|row| &row[64..]);
        assert!(right.into_iter().all(|pixel| pixel & 0xff_ffff == 0), "the second cell is black");
    }

    #[test]
    fn the_place_of_the_code_follows_the_picture() {
        let code = Rect { x: 10, y: 20, width: 15, height: 5 };
        let place = Rect { x: 100, y: 0, width: 50, height: 25 };
        assert_eq!(scaled(code, Size::new(100, 50), place), Rect { x: 105, y: 10, width: 8, height: 3 });
    }
}
