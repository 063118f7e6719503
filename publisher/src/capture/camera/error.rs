//! What can be wrong with a camera, and what the user can do about it.

use common::frame::Size;

use rustix::io::Errno;

use super::Layout;

/// Why there are no pictures of a camera.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such device.
    #[error("there is no camera {number} (/dev/video{number}): publisher --list-cameras lists those that exist")]
    Missing {
        /// N of `/dev/videoN`.
        number: u32,
    },
    /// Somebody else has it.
    #[error("camera {number} is in use by another program: fuser -v /dev/video{number} shows which")]
    Busy {
        /// N of `/dev/videoN`.
        number: u32,
    },
    /// The user may not open it.
    #[error(
        "no permission to open camera {number} (/dev/video{number}): join its group with `sudo usermod -aG video $USER`, \
         then log in again"
    )]
    Denied {
        /// N of `/dev/videoN`.
        number: u32,
    },
    /// A device that gives nothing that could be used.
    #[error(
        "camera {number} (/dev/video{number}) has no mode that can be used: {layouts} with even sides up to 3840x2160; \
         publisher --list-cameras shows what each camera has",
        layouts = Layout::names()
    )]
    NoMode {
        /// N of `/dev/videoN`.
        number: u32,
    },
    /// What came back after a loss does not fit the stream.
    #[error("camera {number} came back with pictures of {found}: the stream has {expected}; start the publisher again")]
    OtherSize {
        /// N of `/dev/videoN`.
        number: u32,
        /// Its size now.
        found: Size,
        /// The stream's size.
        expected: Size,
    },
    /// The driver does not return.
    #[error("camera {number} does not answer: unplug it and plug it in again")]
    Hung {
        /// N of `/dev/videoN`.
        number: u32,
    },
    /// The camera was lost, and the run ended before it was back.
    #[error("camera {number} was lost and did not come back: {why}")]
    Lost {
        /// N of `/dev/videoN`.
        number: u32,
        /// Why.
        why: String,
    },
    /// Another reason of the system's.
    #[error("camera {number} (/dev/video{number}) cannot be used: {why}")]
    System {
        /// N of `/dev/videoN`.
        number: u32,
        /// The reason.
        why: String,
    },
}

impl Error {
    /// What the system's refusal `why`, with its number where there is one, means for the user.
    pub(super) fn of_system(number: u32, code: Option<i32>, why: String) -> Self {
        match code.map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NXIO | Errno::NODEV) => Self::Missing { number },
            Some(Errno::BUSY) => Self::Busy { number },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { number },
            _ => Self::System { number, why },
        }
    }
}
