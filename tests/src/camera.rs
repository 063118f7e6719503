//! The VM with a camera in it (`tests/camera-vm`).

use std::path::{Path, PathBuf};

use crate::process::{Builder, Process};
use crate::{binary, need};

/// A camera that the VM can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Camera {
    /// The kernel's virtual camera: YUYV and more.
    Vivid,
    /// A USB webcam: MJPG and YUYV.
    Usb,
}

/// Seconds that a VM may run, starting it included. Emulation on a busy machine is slow.
const VM_LIMIT_S: u32 = 600;

/// Boots a VM with `camera`, to run the shell command `command` in `folder`, with `publisher` and `receiver` copied there.
///
/// The folder is the one place that the VM can write to and shares with the test.
///
/// # Panics
///
/// Where something that it needs is missing.
pub fn boot(camera: Camera, folder: &Path, command: &str) -> Process {
    for program in ["qemu-system-x86_64", "v4l2-ctl"] {
        need::tool(program);
    }
    need::made("camera-vm/initrd");
    // Hard links do not cross file systems, so copy: the folder may be in memory.
    for program in ["publisher", "receiver"] {
        std::fs::copy(binary::path(program), folder.join(program)).expect("a test's folder can be written to");
    }
    let builder =
        Builder::new(binary::repository().join("tests/camera-vm/run.sh")).env("CARGO_TARGET_DIR", binary::target_dir());
    let builder = match camera {
        Camera::Vivid => builder.args(["-c", "vivid"]),
        Camera::Usb => builder.args(["-c", "uvc"]).env("MJPEG", mjpeg(folder)),
    };
    builder.args(["-t", &VM_LIMIT_S.to_string()]).arg(folder).arg(command).spawn()
}

/// Makes the USB camera's pictures out of real footage: 640x480, two seconds.
fn mjpeg(folder: &Path) -> PathBuf {
    let file = folder.join("camera.mjpeg");
    let made = Builder::new(need::tool("ffmpeg"))
        .words("-loglevel error -y -i")
        .arg(need::footage("bigbuckbunny.mp4"))
        .words("-vf scale=640:480 -frames:v 50 -c:v mjpeg -q:v 6")
        .arg(&file)
        .run(crate::LIMIT);
    assert_eq!(made.code, Some(0), "ffmpeg makes the camera's pictures\n{made}");
    file
}
