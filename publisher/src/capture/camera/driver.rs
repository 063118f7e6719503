//! What the capture thread needs of a camera system: finding, opening, reading. [`super::v4l2`] and [`super::nokhwa`] have them.

use std::time::Duration;

use rustix::io::Errno;

use super::Error;
use super::mode::{Mode, Offer, TargetMode};

/// A system that has cameras.
pub trait Driver: Send + Sync + 'static {
    /// The cameras that are plugged in, by number. Takes no camera away from anybody.
    fn find(&self) -> Vec<CameraInfo>;

    /// What camera `number` can do. Where it has a range of sizes, the rates are those of the size nearest to `wanted`.
    ///
    /// # Errors
    /// Why the camera cannot be asked.
    fn offers(&self, number: u32, wanted: TargetMode) -> Result<Vec<Offer>, Error>;

    /// Starts camera `number` in the mode nearest to `wanted`.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn open(&self, number: u32, wanted: TargetMode) -> Result<Box<dyn Stream>, Error>;
}

/// A camera that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// N of `/dev/videoN`.
    pub number: u32,
    /// Its name, by the driver's word.
    pub name: String,
}

/// A camera that gives pictures.
pub trait Stream {
    /// The mode in which it runs, as read back from the driver.
    fn mode(&self) -> Mode;

    /// Waits at most `limit`, where the driver can, for a picture and hands the newest one to `take`; older ones are skipped.
    ///
    /// # Errors
    /// [`Failure`], after which the stream is unusable.
    fn read(&mut self, limit: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<(), Failure>;
}

/// One picture as the driver has it.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The picture's bytes, laid out as the stream's mode says.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next; 0 for JPEG.
    pub stride: usize,
    /// How long ago the driver captured it.
    pub age: Age,
    /// Pictures dropped since the one before: skipped here, or for lack of a free buffer in the driver.
    pub skipped: u64,
}

/// How long ago a driver captured a picture, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It gives no time.
    Unknown,
    /// So long, by its monotonic clock.
    Known(Duration),
    /// It gives an impossible time, or one of an unknown clock.
    Implausible,
}

/// Why a camera stopped giving pictures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing came within the limit.
    #[error("it is silent")]
    Silent,
    /// It is not there any more.
    #[error("it is unplugged")]
    Unplugged,
    /// The driver's reason.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// What the system's error `why`, with its number where there is one, means amid pictures.
    pub fn of_system(code: Option<i32>, why: String) -> Self {
        match code.map(Errno::from_raw_os_error) {
            Some(Errno::NODEV) => Self::Unplugged,
            _ => Self::Broken(why),
        }
    }
}
