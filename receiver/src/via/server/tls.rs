//! TLS with a self-signed certificate generated at startup; the terminal shows its fingerprint. For pages from other
//! hosts, browsers offer precise timers only over TLS.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

/// Time limit for a handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Most handshakes at the same time.
const HANDSHAKES_MAX: usize = 32;
/// Time limit for a request's head, and for the next request on a connection.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Most connections at the same time: a browser opens six and a WebSocket.
const CONNECTIONS_MAX: usize = 64;
/// How long the certificate has been valid: devices' clocks are not exact.
const VALID_BEFORE: Duration = Duration::from_secs(24 * 3_600);
/// How long it stays valid.
const VALID_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Pause after a failed accept.
const REST: Duration = Duration::from_millis(100);

/// A certificate and its key.
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, formatted as in browsers.
    pub(super) fingerprint: String,
}

impl Identity {
    /// Generates a certificate for `address`.
    ///
    /// # Errors
    /// Fails if the system provides no random numbers.
    pub(super) fn make(address: IpAddr) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let made = parameters(address, SystemTime::now()).and_then(|parameters| parameters.self_signed(&key));
        let certificate = made.map_err(io::Error::other)?.der().clone();
        let digits: Vec<_> = Sha256::digest(&certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key.into()))
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), fingerprint: digits.join(":") })
    }
}

/// Returns what the certificate for `address` says. Apple's devices require a stated purpose and at most 825 days.
fn parameters(address: IpAddr, now: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new([address.to_string()])?;
    parameters.not_before = (now - VALID_BEFORE).into();
    parameters.not_after = (now + VALID_AFTER).into();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

/// Serves `router` at `listener`. Peers that do not finish their handshake delay nobody: the oldest makes room.
pub(super) async fn serve(listener: TcpListener, identity: Identity, router: Router) {
    let acceptor = TlsAcceptor::from(identity.config);
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut handshakes: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        handshakes.retain(|handshake| !handshake.is_finished());
        if handshakes.len() >= HANDSHAKES_MAX {
            handshakes.pop_front().into_iter().for_each(|oldest| oldest.abort());
        }
        let (acceptor, connections, router) = (acceptor.clone(), Arc::clone(&connections), router.clone());
        let handshake = tokio::spawn(async move {
            // Best effort: the connection also works without it, only slower.
            let _ = stream.set_nodelay(true);
            let stream = match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%error, %peer, "no TLS handshake"),
                Err(_) => return tracing::debug!(%peer, "no TLS handshake in time"),
            };
            match connections.try_acquire_owned() {
                Ok(permit) => drop(tokio::spawn(converse(stream, router, permit))),
                Err(_) => tracing::debug!(%peer, "too many connections"),
            }
        });
        handshakes.push_back(handshake.abort_handle());
    }
}

async fn converse(stream: TlsStream<TcpStream>, router: Router, _permit: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_one_that_phones_accept() {
        let now = SystemTime::now();
        let made = parameters([192, 168, 1, 20].into(), now).expect("an address");
        assert_eq!(made.extended_key_usages, [ExtendedKeyUsagePurpose::ServerAuth]);
        let (from, to) = (SystemTime::from(made.not_before), SystemTime::from(made.not_after));
        assert!(from < now && now < to && (made.not_after - made.not_before).whole_days() <= 825);
    }
}
