//! The settings in force, ready for use.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use durward_guard::{
    GuardError,
    egress::{EgressPolicy, EgressRules, Origin, Scheme, Target},
};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;

use super::{Credential, EgressFault, EgressSettings, tls};

/// What says how a message is framed and whom it is for is not a credential.
const FRAMING: &[HeaderName] = &[
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Settings that were checked.
pub(super) struct Standing {
    /// No two have the same: what one of them let through, another has not.
    pub(super) id: u64,
    pub(super) policy: EgressPolicy,
    pub(super) proxy: Option<Proxy>,
    credentials: Vec<(Origin, HeaderName, HeaderValue)>,
    extra_roots: Vec<Vec<u8>>,
    tls: OnceLock<Option<Arc<ClientConfig>>>,
}

/// The operator's proxy, and the policy under which it alone is reached.
pub(super) struct Proxy {
    pub(super) target: Target,
    pub(super) policy: EgressPolicy,
}

impl Standing {
    pub(super) fn new(settings: EgressSettings) -> Result<Self, GuardError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let policy = EgressPolicy::build(&settings.rules)?;
        let proxy = match settings.proxy {
            Some(target) => Some(Proxy::new(target, &settings.rules)?),
            None => None,
        };
        let credentials = settings.credentials.iter().map(credential);
        Ok(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            policy,
            proxy,
            credentials: credentials.collect::<Result<_, _>>()?,
            extra_roots: settings.extra_roots,
            tls: OnceLock::new(),
        })
    }

    /// Adds what the operator wants this origin to see, in place of what the caller said.
    pub(super) fn add_credentials(&self, origin: &Origin, headers: &mut HeaderMap) {
        let meant = self.credentials.iter().filter(|(own, ..)| own == origin);
        for (_, name, value) in meant {
            headers.insert(name, value.clone());
        }
    }

    /// TLS with the system's authorities, read when they are first needed.
    pub(super) fn tls(&self) -> Result<&Arc<ClientConfig>, EgressFault> {
        self.tls
            .get_or_init(|| tls::client(&self.extra_roots))
            .as_ref()
            .ok_or(EgressFault::TlsFailed)
    }
}

impl Proxy {
    fn new(target: Target, rules: &EgressRules) -> Result<Self, GuardError> {
        if target.scheme() != Scheme::Http {
            return Err(GuardError::Egress {
                list: "proxy",
                entry: target.as_str().to_owned(),
                why: "a proxy is spoken to over http; write it as in `http://proxy.example.com:3128`",
            });
        }
        let policy = EgressPolicy::build(&EgressRules {
            networks: rules.networks.clone(),
            written_urls: vec![target.as_str().to_owned()],
            block_ports: Vec::new(),
            ..EgressRules::default()
        })?;
        Ok(Self { target, policy })
    }
}

fn credential(credential: &Credential) -> Result<(Origin, HeaderName, HeaderValue), GuardError> {
    let wrong = |why| GuardError::Egress {
        list: "credentials",
        entry: credential.header.clone(),
        why,
    };
    let name: HeaderName = credential
        .header
        .parse()
        .map_err(|_| wrong("it is not a header's name"))?;
    if FRAMING.contains(&name) {
        return Err(wrong("this header is no credential"));
    }
    let mut value = HeaderValue::from_str(credential.value.expose())
        .map_err(|_| wrong("its value has characters that no header may have"))?;
    value.set_sensitive(true);
    Ok((credential.origin.origin().clone(), name, value))
}
