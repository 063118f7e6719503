//! Pictures in, encoded frames out. [`open`] is the one place that knows which encoders there are.

use std::time::{Duration, Instant};

use common::media::EncodedFrame;

mod child;
mod deadline;
mod encoder;
mod ffmpeg;
pub mod flv;
mod openh264;
mod tuning;

pub use child::Child;
pub(crate) use deadline::FRAME_LIMIT;
pub use encoder::{Config, Encoder, Error};
pub use openh264::OpenH264;
pub use tuning::{EncoderOption, RateControl, Tuning};

/// Which encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Cisco's openh264, built into this program.
    OpenH264,
    /// The encoder that ffmpeg has under this name, in a child process.
    Ffmpeg(String),
}

impl Choice {
    /// Checks that this machine has the encoder and that it has the options of `tuning`; starts nothing.
    ///
    /// # Errors
    /// As [`open`], for what is missing.
    pub fn check(&self, tuning: &Tuning) -> Result<(), Error> {
        match self {
            Self::OpenH264 => openh264::check(&tuning.options),
            Self::Ffmpeg(name) => ffmpeg::check(name).and_then(|()| ffmpeg::check_options(name, &tuning.options)),
        }
    }
}

impl std::fmt::Display for Choice {
    /// As `--encoder` has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OpenH264 => f.write_str("openh264"),
            Self::Ffmpeg(name) => write!(f, "ffmpeg:{name}"),
        }
    }
}

/// The next encoded frame when no more pictures follow: polls [`Encoder::next_frame`] until `deadline`, also where it says that
/// there is none to wait for.
///
/// # Errors
/// [`Error`], after which the encoder is of no more use.
pub fn late_frame(encoder: &mut dyn Encoder, deadline: Instant) -> Result<Option<EncodedFrame>, Error> {
    const POLL_INTERVAL: Duration = Duration::from_millis(5);
    loop {
        match encoder.next_frame()? {
            None if Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
            answer => return Ok(answer),
        }
    }
}

/// Starts the encoder `choice`.
///
/// # Errors
/// [`Error`].
pub fn open(choice: &Choice, config: Config, tuning: &Tuning) -> Result<Box<dyn Encoder>, Error> {
    choice.check(tuning)?;
    Ok(match choice {
        Choice::OpenH264 => Box::new(OpenH264::tuned(config, tuning)?),
        Choice::Ffmpeg(name) => Box::new(Child::start(name, config, tuning)?),
    })
}

#[cfg(test)]
mod tests {
    use common::frame::Picture;
    use common::media::Codec;
    use common::time::MediaTime;

    use super::*;

    /// Returns its only frame when it has been asked so many times in vain.
    struct Late(u32);

    impl Encoder for Late {
        fn encode(&mut self, _: &Picture, _: MediaTime, _: bool) -> Result<(), Error> {
            Ok(())
        }

        fn next_frame(&mut self) -> Result<Option<EncodedFrame>, Error> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => {
                    let time = MediaTime::from_ticks(7);
                    return Ok(Some(EncodedFrame { codec: Codec::H264, data: Vec::new(), is_key: true, time }));
                }
            }
            Ok(None)
        }

        fn can_force_key(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_late_frame_is_polled_for_until_the_deadline() {
        let now = Instant::now();
        let late = late_frame(&mut Late(3), now + Duration::from_secs(3600)).expect("it does not fail");
        assert_eq!(late.map(|frame| frame.time.ticks()), Some(7));
        assert_eq!(late_frame(&mut Late(u32::MAX), now).expect("it does not fail"), None, "and no longer");
    }
}
