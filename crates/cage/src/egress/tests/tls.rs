//! TLS: the certificate is the name's, and an authority that is trusted signed it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{
    server::{ok, redirect},
    *,
};

/// An authority, and what a server needs that it vouches for.
pub(crate) fn vouched(names: &[&str]) -> (Vec<u8>, TlsAcceptor) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    (authority.der().to_vec(), acceptor)
}

/// An authority, and a server that it vouches for.
async fn server(names: &[&str]) -> (Vec<u8>, Server) {
    let (authority, acceptor) = vouched(names);
    let server = Server::start_tls(Some(acceptor), |seen| match seen.path() {
        "/down" => redirect(302, "http://127.0.0.1/"),
        _ => ok("safe"),
    });
    (authority, server.await)
}

fn trusting(authority: &[u8], url: &str) -> Connector {
    let mut settings = settings(&[url]);
    settings.extra_roots.push(authority.to_vec());
    Connector::new(settings).unwrap()
}

#[tokio::test]
async fn a_certificate_of_the_name_is_trusted() {
    let (authority, server) = server(&["localhost", "127.0.0.1"]).await;
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", server.address.port());
        let connector = trusting(&authority, &url);
        for _ in 0..2 {
            let answer = fetch(&connector, request(Method::Get, &url)).await.unwrap();
            assert_eq!(&answer.body[..], b"safe");
        }
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_not() {
    let (authority, server) = server(&["other.example"]).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let fault = fetch(&trusting(&authority, &url), request(Method::Get, &url)).await;
    assert_eq!(fault.unwrap_err(), EgressFault::TlsFailed);
    let (other, _) = self::server(&["localhost"]).await;
    let (_, server) = self::server(&["localhost"]).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let fault = fetch(&trusting(&other, &url), request(Method::Get, &url)).await;
    assert_eq!(fault.unwrap_err(), EgressFault::TlsFailed);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn https_does_not_lead_to_http() {
    let (authority, server) = server(&["localhost"]).await;
    let url = format!("https://localhost:{}/down", server.address.port());
    let fault = fetch(&trusting(&authority, &url), request(Method::Get, &url)).await;
    assert_eq!(fault.unwrap_err(), EgressFault::RedirectDowngrade);
}

#[tokio::test]
async fn who_does_not_speak_tls_is_told_apart() {
    let plain = Server::start(|_| ok("plain")).await;
    let (authority, _) = server(&["localhost"]).await;
    let url = format!("https://localhost:{}/", plain.address.port());
    let budget = Budget {
        connect: std::time::Duration::from_millis(200),
        ..Budget::default()
    };
    let asked = request(Method::Get, &url);
    let connector = trusting(&authority, &url);
    let fault = connector.fetch(asked, &budget, &Cancel::new()).await;
    assert_eq!(fault.unwrap_err(), EgressFault::ConnectTimeout);
}
