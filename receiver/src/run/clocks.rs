//! The clocks that are probed for how far this host's is from those of publishers.

use std::sync::Arc;

use common::host::ClockClient;

use crate::config::Config;
use crate::pipeline::Environment;
use crate::stream::Stream;

/// Probes each clock once, however many streams it is for: a server answers one address only so often.
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
