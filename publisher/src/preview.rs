//! A window that shows the stamped pictures, on a thread of its own: it costs the pipeline one copy of the picture,
//! and never makes it wait.

use std::thread::JoinHandle;
use std::time::Duration;

use common::frame::{Picture, Size};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use minifb::{Key, ScaleMode, Window, WindowOptions};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::event::Log;
use common::host::Stop;

/// How often the window's events are looked after when no picture comes.
const TICK: Duration = Duration::from_millis(50);

/// The pipeline's end of the window.
pub(crate) struct Preview {
    pictures: Option<Sender<Picture>>,
    thread: Option<JoinHandle<()>>,
}

impl Preview {
    /// Opens a window for pictures of `size`. Where no window can be opened, this is logged and the run continues without one.
    pub(crate) fn open(size: Size, stop: Stop, log: Log) -> Self {
        let (pictures, shown) = bounded(1);
        let run = move || match window(size) {
            Ok(window) => show(window, size, &shown, &stop),
            Err(why) => log.warn("no-preview", &format!("no preview window: {why}")),
        };
        let thread = std::thread::Builder::new().name("preview".to_owned()).spawn(run);
        if let Err(why) = &thread {
            log.warn("no-preview", &format!("no preview window: {why}"));
        }
        Self { pictures: Some(pictures), thread: thread.ok() }
    }

    /// Shows a picture, unless the window is still busy with the one before.
    pub(crate) fn show(&self, picture: &Picture) {
        if let Some(pictures) = self.pictures.as_ref().filter(|pictures| pictures.is_empty()) {
            drop(pictures.try_send(picture.clone()));
        }
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        self.pictures = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::debug!("the preview's thread panicked");
        }
    }
}

fn window(size: Size) -> Result<Window, minifb::Error> {
    let options = WindowOptions { resize: true, scale_mode: ScaleMode::AspectRatioStretch, ..WindowOptions::default() };
    let mut window = Window::new("framelag publisher", size.width as usize, size.height as usize, options)?;
    // Pictures set the pace; the library would sleep on top of it.
    window.set_target_fps(0);
    Ok(window)
}

/// Until the window is closed, which ends the run, or the run ends.
fn show(mut window: Window, size: Size, pictures: &Receiver<Picture>, stop: &Stop) {
    let mut pixels = vec![0_u32; size.area()];
    let mut bytes = vec![0_u8; 4 * size.area()];
    while window.is_open() && !window.is_key_down(Key::Q) && !window.is_key_down(Key::Escape) {
        match pictures.recv_timeout(TICK) {
            Ok(picture) => {
                to_pixels(&picture, &mut bytes, &mut pixels);
                if let Err(why) = window.update_with_buffer(&pixels, size.width as usize, size.height as usize) {
                    tracing::warn!("preview window: {why}");
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => window.update(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
    stop.request();
}

/// I420 to the window's 0RGB; `bytes` is room for four bytes per pixel.
fn to_pixels(picture: &Picture, bytes: &mut [u8], pixels: &mut [u32]) {
    let (size, [y, u, v]) = (picture.size(), picture.planes());
    let chroma_width = size.chroma().width;
    let image = YuvPlanarImage {
        y_plane: y,
        y_stride: size.width,
        u_plane: u,
        u_stride: chroma_width,
        v_plane: v,
        v_stride: chroma_width,
        width: size.width,
        height: size.height,
    };
    let converted = yuv::yuv420_to_bgra(&image, bytes, 4 * size.width, YuvRange::Limited, YuvStandardMatrix::Bt601);
    converted.expect("the planes of a picture have the size it says");
    for (pixel, bgra) in pixels.iter_mut().zip(bytes.chunks_exact(4)) {
        *pixel = u32::from_le_bytes([bgra[0], bgra[1], bgra[2], 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_red_become_their_pixels() {
        let mut picture = Picture::black(Size::new(4, 2));
        let [y, _, v] = picture.planes_mut();
        y.copy_from_slice(&[16, 16, 235, 235, 16, 16, 235, 235]);
        v.copy_from_slice(&[128, 128]);
        let (mut bytes, mut pixels) = (vec![0; 32], vec![0; 8]);
        to_pixels(&picture, &mut bytes, &mut pixels);
        assert_eq!((pixels[0], pixels[3]), (0, 0xff_ffff));
        let [_, _, v] = picture.planes_mut();
        v.fill(240);
        to_pixels(&picture, &mut bytes, &mut pixels);
        assert!(pixels[0] >> 16 > 0x80 && pixels[0] & 0xff == 0, "{:06x}", pixels[0]);
    }
}
