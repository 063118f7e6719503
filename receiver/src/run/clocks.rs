//! Probes the publishers' clocks for their offset from this host's.

use std::sync::Arc;

use common::host::ClockClient;

use crate::config::Config;
use crate::pipeline::Environment;
use crate::stream::Stream;

/// Probes each clock once, even if several streams share it: servers rate-limit probes per address.
pub(super) fn compare(streams: &mut [Stream], config: &Config, environment: &Environment) -> std::io::Result<()> {
    let mut clients: Vec<ClockClient> = Vec::new();
    for (stream, input) in streams.iter_mut().zip(&config.inputs) {
        let Some(endpoint) = config.clock_to_ask(input) else { continue };
        let known = clients.iter().find(|client| *client.endpoint() == endpoint).cloned();
        let client = match known {
            Some(client) => client,
            None => ClockClient::start(endpoint, Arc::new(environment.clock.clone()), environment.stop.clone())?,
        };
        stream.compare(client.clone());
        clients.push(client);
    }
    Ok(())
}
