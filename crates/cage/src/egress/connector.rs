//! The connector itself: from a target to a connection that was judged.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use durward_core::Cancel;
use durward_guard::{
    GuardError,
    egress::{EgressPolicy, Host, Scheme, Target},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Budget, EgressFault, EgressSettings, Request, Response,
    dial::dial,
    exchange,
    link::Stream,
    near::Near,
    pool::Pool,
    proxy,
    resolve::Resolver,
    standing::{Proxy, Standing},
    tls,
};

/// The one way out. Clones share everything: the rules, the pool, the resolver.
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

/// What all clones share.
pub(super) struct Shared {
    standing: ArcSwap<Standing>,
    pub(super) pool: Arc<Pool>,
    standpoint: Standpoint,
}

/// From where connectors look out: how they look names up, what is near them, and where durward itself
/// listens. Clones are the same one; connectors with rules of their own may share it.
#[derive(Clone)]
pub struct Standpoint(Arc<Around>);

struct Around {
    resolver: Resolver,
    near: Near,
}

impl Default for Standpoint {
    fn default() -> Self {
        Self(Arc::new(Around {
            resolver: Resolver::new(),
            near: Near::new(),
        }))
    }
}

impl fmt::Debug for Standpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standpoint").finish_non_exhaustive()
    }
}

impl Standpoint {
    /// durward's own listeners, which are never reached from here, whatever the rules say.
    pub fn set_listeners(&self, listeners: Vec<SocketAddr>) {
        self.0.near.set_listeners(listeners);
    }
}

impl Connector {
    /// A connector with these rules. It needs no runtime yet.
    ///
    /// # Errors
    /// [`GuardError::Egress`], naming the entry that can't be used.
    pub fn new(settings: EgressSettings) -> Result<Self, GuardError> {
        Self::at(Standpoint::default(), settings)
    }

    /// A connector with these rules, at a standpoint that others may have too.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn at(standpoint: Standpoint, settings: EgressSettings) -> Result<Self, GuardError> {
        Ok(Self {
            shared: Arc::new(Shared {
                standing: ArcSwap::from_pointee(Standing::new(settings)?),
                pool: Arc::new(Pool::new()),
                standpoint,
            }),
        })
    }

    /// Puts other settings in force for all clones, from the next request on; what is pooled under the
    /// old ones is not used again.
    ///
    /// # Errors
    /// As [`Self::new`]; then the old ones stay.
    pub fn reload(&self, settings: EgressSettings) -> Result<(), GuardError> {
        let standing = Standing::new(settings)?;
        self.shared.standing.store(Arc::new(standing));
        self.shared.pool.clear();
        Ok(())
    }

    /// durward's own listeners, which are never reached, whatever the rules say.
    pub fn set_listeners(&self, listeners: Vec<SocketAddr>) {
        self.shared.standpoint.set_listeners(listeners);
        self.shared.pool.clear();
    }

    /// Sends a request and reads the whole answer, within the budget. Each redirect is judged from the
    /// start. Dropping the future ends the exchange.
    ///
    /// # Errors
    /// Any [`EgressFault`].
    pub async fn fetch(
        &self,
        request: Request,
        budget: &Budget,
        cancel: &Cancel,
    ) -> Result<Response, EgressFault> {
        let standing = self.shared.standing.load_full();
        let exchange = Box::pin(exchange::run(&self.shared, &standing, request, budget));
        let deadline = Instant::now() + budget.total;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(EgressFault::Cancelled),
            answered = timeout_at(deadline, exchange) => {
                answered.unwrap_or(Err(EgressFault::Timeout))
            }
        }
    }

    /// A bare connection to the target's host and port, judged as any other.
    ///
    /// # Errors
    /// Any [`EgressFault`] before the first byte.
    pub async fn connect(
        &self,
        target: &Target,
        limit: Duration,
    ) -> Result<TcpStream, EgressFault> {
        let standing = self.shared.standing.load_full();
        self.shared.connect(&standing, target, limit).await
    }

    /// A stream to the target's origin, with TLS where its scheme says so, judged as any other.
    ///
    /// # Errors
    /// Any [`EgressFault`] before the first byte.
    pub async fn open(
        &self,
        target: &Target,
        limit: Duration,
    ) -> Result<Box<dyn Stream>, EgressFault> {
        let standing = self.shared.standing.load_full();
        self.shared.open(&standing, target, limit).await
    }

    /// May this target be reached by the rules that are in force now, as far as it says itself?
    pub fn permits(&self, target: &Target) -> bool {
        let standing = self.shared.standing.load();
        let policy = &standing.policy;
        policy.judge_target(target).is_ok()
            && (standing.proxy.is_some() || policy.judge_lookup(target).is_ok())
    }

    /// Names the settings in force. What was opened under other ones is not to be used again.
    pub fn settings_id(&self) -> u64 {
        self.shared.standing.load().id
    }
}

impl Shared {
    /// A stream to the target that HTTP can be spoken on.
    pub(super) async fn open(
        &self,
        standing: &Standing,
        target: &Target,
        limit: Duration,
    ) -> Result<Box<dyn Stream>, EgressFault> {
        let deadline = Instant::now() + limit;
        let stream = self.connect(standing, target, limit).await?;
        if target.scheme() == Scheme::Http {
            return Ok(Box::new(stream));
        }
        let shake = tls::shake(standing.tls()?, target.host(), stream);
        let stream = timeout_at(deadline, shake)
            .await
            .map_err(|_| EgressFault::ConnectTimeout)??;
        Ok(Box::new(stream))
    }

    async fn connect(
        &self,
        standing: &Standing,
        target: &Target,
        limit: Duration,
    ) -> Result<TcpStream, EgressFault> {
        standing.policy.judge_target(target)?;
        match &standing.proxy {
            None => {
                standing.policy.judge_lookup(target)?;
                self.reach(&standing.policy, target, limit).await
            }
            Some(proxy) => {
                self.reach_through(proxy, &standing.policy, target, limit)
                    .await
            }
        }
    }

    /// Through the proxy, which looks the name up itself; an address is judged here all the same.
    async fn reach_through(
        &self,
        proxy: &Proxy,
        policy: &EgressPolicy,
        target: &Target,
        limit: Duration,
    ) -> Result<TcpStream, EgressFault> {
        if let Host::Address(address) = target.host() {
            policy.judge_addresses(target, &[*address], &*self.standpoint.0.near.own()?)?;
        }
        let deadline = Instant::now() + limit;
        let stream = self
            .reach(&proxy.policy, &proxy.target, limit)
            .await
            .map_err(|fault| {
                tracing::warn!(word = fault.word(), "the proxy can't be reached");
                EgressFault::ProxyFailed
            })?;
        timeout_at(deadline, proxy::tunnel(stream, target))
            .await
            .map_err(|_| EgressFault::ConnectTimeout)?
    }

    /// Looks the name up, judges every address, connects to one of them, and judges who answered.
    async fn reach(
        &self,
        policy: &EgressPolicy,
        target: &Target,
        limit: Duration,
    ) -> Result<TcpStream, EgressFault> {
        let addresses: Vec<IpAddr> = match target.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.standpoint.0.resolver.resolve(name).await?,
        };
        let own = self.standpoint.0.near.own()?;
        policy.judge_addresses(target, &addresses, &own)?;
        let stream = timeout(limit, dial(&addresses, target.port()))
            .await
            .map_err(|_| EgressFault::ConnectTimeout)??;
        let peer = stream.peer_addr().map_err(|_| EgressFault::ConnectFailed)?;
        policy.judge_addresses(target, &[peer.ip()], &own)?;
        Ok(stream)
    }
}
