//! What a world is made of, chosen or drawn from a seed.

use std::time::Duration;

use common::credentials::Credentials;
use common::impair::Conditions;
use common::rtsp::push;
use common::rtsp::sdp::Video;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The publisher's source.
pub const SSRC: u32 = 0x5eed_cafe;

pub const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x80];
pub const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];

/// What a publisher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    None,
    /// Frames of random bytes, which cost nothing to make.
    Noise,
    /// Frames that can be decoded, by the publisher's own steps.
    Stamped,
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How packets travel.
    pub delivery: push::Delivery,
    /// Who publishes.
    pub credentials: Option<Credentials>,
    /// Whom the server lets publish; anybody where it is `None`.
    pub user: Option<(&'static str, &'static str)>,
    /// The network, both ways.
    pub network: Conditions,
    /// What is sent once the server records.
    pub pictures: Pictures,
    /// Part of the bytes of the connection that arrives changed.
    pub corruption: f64,
}

impl Setup {
    /// A network drawn from the seed, and pictures by TCP or UDP.
    pub fn drawn(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = Conditions {
            delay: Duration::from_millis(rng.random_range(0..150)),
            jitter: Duration::from_millis(rng.random_range(0..100)),
            loss: rng.random_range(0.0..0.05),
            duplicate: rng.random_range(0.0..0.05),
            reorder: rng.random_range(0.0..0.1),
            rate_bps: if rng.random_bool(0.5) { 0 } else { rng.random_range(2_000_000..20_000_000) },
            ..Conditions::default()
        };
        let delivery = if rng.random_bool(0.5) { push::Delivery::Tcp } else { push::Delivery::Udp(40_000, 40_001) };
        Self { delivery, credentials: None, user: None, network, pictures: Pictures::Noise, corruption: 0.0 }
    }

    /// What the publisher is told.
    pub fn publisher(&self) -> push::Config {
        push::Config {
            url: "rtsp://127.0.0.1:8554/live/cam".parse().expect("a URL"),
            credentials: self.credentials.clone(),
            delivery: self.delivery,
            video: Video::new(SPS, PPS, Some(30.0)),
            ssrc: SSRC,
            interval: Some(Duration::from_nanos(33_333_333)),
        }
    }
}
