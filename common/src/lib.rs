//! What both ends of a framelag path agree on: time, frame, encoded media, corner code, RTP/H.264, RTSP, SEI.
//!
//! Pure, but for one small [`host`] module that holds what every binary needs of the operating system: nothing else here opens a
//! file or a socket, starts a thread or a runtime, or reads a clock that was not handed in. State machines take `now`, are fed
//! with `handle_*` and drained with `poll_*`.
//!
//! # Times
//!
//! Three times exist and are never mixed; [`time`] has one type for each:
//!
//! * **wall time** ([`time::WallTime`]): µs since the Unix epoch, UTC. What is stamped into pictures.
//! * **monotonic time** ([`time::MonoTime`]): never steps. What durations and timeouts are taken with.
//! * **media time** ([`time::MediaTime`]): 90 kHz RTP ticks, wraps after 13 h 15 m.

pub mod audio;
pub mod backoff;
pub mod bom;
pub mod clock;
pub mod code;
pub mod credentials;
pub mod frame;
pub mod glyphs;
pub mod h264;
pub mod host;
pub mod impair;
pub mod lock;
pub mod marks;
pub mod media;
pub mod nearest;
pub mod peer;
pub mod printable;
pub mod redact;
pub mod rtp;
pub mod rtsp;
pub mod secret;
pub mod sei;
pub mod served;
pub mod stream_url;
pub mod sync;
pub mod time;
pub mod transport;
pub mod units;
pub mod y4m;
pub mod zone;
