//! TLS to elsewhere: rustls with ring, the system's authorities, and the name that was asked for.

use std::sync::Arc;

use durward_guard::egress::Host;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::EgressFault;

/// A client that trusts the system's authorities and these; none where nothing is trusted at all.
pub(super) fn client(extra_roots: &[Vec<u8>]) -> Option<Arc<ClientConfig>> {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's certificate authorities can't be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(system.certs);
    let extra = extra_roots
        .iter()
        .map(|der| CertificateDer::from_slice(der));
    roots.add_parsable_certificates(extra.map(CertificateDer::into_owned));
    if roots.is_empty() {
        tracing::error!("this system has no certificate authorities: https goes nowhere");
        return None;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .inspect_err(|error| tracing::error!(%error, "TLS can't be set up"))
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Arc::new(config))
}

/// Shakes hands, and verifies the certificate against the host.
pub(super) async fn shake(
    config: &Arc<ClientConfig>,
    host: &Host,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, EgressFault> {
    let name = match host {
        Host::Name(name) => {
            ServerName::try_from(name.as_str().to_owned()).map_err(|_| EgressFault::InvalidUrl)?
        }
        Host::Address(address) => ServerName::from(*address),
    };
    TlsConnector::from(Arc::clone(config))
        .connect(name, stream)
        .await
        .map_err(|error| {
            tracing::debug!(%error, "no secure connection");
            EgressFault::TlsFailed
        })
}
