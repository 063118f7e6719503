//! The one file that knows minifb: a window, its size and its keys. Lives on the thread that opened it.

use common::frame::Size;
use minifb::{Key, KeyRepeat, ScaleMode, Window as Native, WindowOptions};

use super::canvas::Canvas;

/// The window cannot be opened, or was taken away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(String);

/// What the user asked for since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commands {
    /// q, Esc, or the window's own close button.
    pub(crate) quit: bool,
    /// s.
    pub(crate) snapshot: bool,
}

/// A window that shows a canvas, pixel by pixel.
pub(crate) struct Window {
    native: Native,
    commands: Commands,
}

impl Window {
    /// Opens a window for a canvas of `size`.
    ///
    /// # Errors
    /// [`Error`] if there is no display, or it refuses.
    pub(crate) fn open(title: &str, size: Size) -> Result<Self, Error> {
        // The canvas always has the window's size, so that minifb copies rows; its scaling visits every pixel.
        let options = WindowOptions { resize: true, scale_mode: ScaleMode::UpperLeft, ..WindowOptions::default() };
        let native = Native::new(title, size.width as usize, size.height as usize, options);
        let mut native = native.map_err(|error| Error(error.to_string()))?;
        // Unless told otherwise minifb sleeps for up to 4 ms in each update.
        native.set_target_fps(0);
        Ok(Self { native, commands: Commands::default() })
    }

    /// The size that a canvas must have to fill the window.
    pub(crate) fn size(&self) -> Size {
        let (width, height) = self.native.get_size();
        let side = |samples: usize| u32::try_from(samples).unwrap_or(u32::MAX).clamp(1, Size::MAX_SIDE);
        Size::new(side(width), side(height))
    }

    /// Shows the canvas. Returns when it was handed to the display.
    ///
    /// # Errors
    /// [`Error`] if the display refuses it.
    pub(crate) fn show(&mut self, canvas: &Canvas) -> Result<(), Error> {
        let Size { width, height } = canvas.size();
        let shown = self.native.update_with_buffer(canvas.data(), width as usize, height as usize);
        self.look_at_keys();
        shown.map_err(|error| Error(error.to_string()))
    }

    /// What the user asked for, each time once.
    pub(crate) fn take_commands(&mut self) -> Commands {
        self.native.update();
        self.look_at_keys();
        std::mem::take(&mut self.commands)
    }

    /// minifb forgets with its next update which keys went down in this one.
    fn look_at_keys(&mut self) {
        let pressed = |key| self.native.is_key_pressed(key, KeyRepeat::No);
        let quit = pressed(Key::Q) || pressed(Key::Escape) || !self.native.is_open();
        let snapshot = pressed(Key::S);
        self.commands.quit |= quit;
        self.commands.snapshot |= snapshot;
    }
}
