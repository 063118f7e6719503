//! Ways into this process: each brings pictures, encoded or bare, into the queue before the decoder.
//!
//! Another one is a file beside [`rtsp`] and a line in `of`.

use std::io;

use crate::config::{Config, Source};
use crate::queue::Sender;
use common::host::{Stop, SystemClock};

pub mod rtsp;
pub(crate) mod y4m;

/// Fills the queue until its input ends, `stop` is requested, or nobody takes what arrives. Blocks.
type Receive = dyn FnOnce(&SystemClock, &Stop, &mut Sender) -> Result<(), String> + Send;

/// An ingress that has not begun.
pub(crate) struct Ingress {
    receive: Box<Receive>,
    is_interruptible: bool,
}

/// The ingress of `source`.
pub(crate) fn of(source: &Source, config: &Config) -> Ingress {
    match source {
        Source::Stdin => Ingress {
            receive: Box::new(|clock, _, queue| y4m::run(io::stdin(), clock, queue)),
            is_interruptible: false,
        },
        Source::Rtsp(url) => {
            let config = rtsp::Config {
                url: url.clone(),
                transport: config.transport,
                wait: config.wait,
                limits: rtsp::Limits::of_one_in(config.inputs.len()),
            };
            Ingress {
                receive: Box::new(move |clock, stop, queue| {
                    rtsp::run(&config, clock, stop, queue).map_err(|error| error.to_string())
                }),
                is_interruptible: true,
            }
        }
    }
}

impl Ingress {
    /// Whether it ends soon after a [stop](Stop::request): a blocking read of standard input does not.
    pub(crate) const fn is_interruptible(&self) -> bool {
        self.is_interruptible
    }

    /// Receives until the input ends or `stop` is requested. Blocks.
    ///
    /// # Errors
    /// What stopped it, in one line.
    pub(crate) fn receive(self, clock: &SystemClock, stop: &Stop, queue: &mut Sender) -> Result<(), String> {
        (self.receive)(clock, stop, queue)
    }
}
