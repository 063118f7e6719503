//! The log on standard error.

use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::Filter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::{printable, redact};

pub use tracing_subscriber::filter::LevelFilter;

/// Starts logging to standard error, without secrets and control characters. `RUST_LOG` sets the levels, `levels` is its
/// default; lines also have to pass `filter`.
///
/// # Panics
/// When called twice.
pub fn start(levels: &str, filter: impl Filter<Registry> + Send + Sync + 'static) {
    let levels = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(levels));
    let lines = fmt::layer()
        .with_writer(|| printable::Writer(redact::Redacting(std::io::stderr())))
        .with_ansi(false)
        .with_target(false)
        .with_filter(levels.and(filter));
    tracing_subscriber::registry().with(lines).init();
}
