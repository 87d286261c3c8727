//! What is sent with requests, and what is done when it is not enough: renewed with one request at a time,
//! whatever the number of calls and of processes that want it.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use durward_core::{Monotonic, Secret, Wall};
use durward_guard::{
    egress::Target,
    oauth::{Challenge, OAuthFault, Scopes},
};
use durward_store::tokens::TokenLock;
use tokio::task::spawn_blocking;

use super::{
    AuthFault, Grant, OAuth,
    away::Form,
    discover::no_metadata,
    kept::{Kept, Login},
    login::Bearing,
};
use crate::fault::FaultKind;

/// A token that ends so soon is renewed before it is used; one of a short life, in its last quarter.
const SOON: Duration = Duration::from_secs(30);
/// For so long after a failure nobody is asked again.
const PAUSE: Duration = Duration::from_secs(10);

/// What a request is sent with.
pub(crate) struct Proof {
    /// The value of `Authorization`.
    line: Secret,
    access: Secret,
    /// When it is renewed, if it can be.
    renew: Option<Wall>,
}

impl Proof {
    pub(super) fn of(login: &Login) -> Self {
        Self {
            line: Secret::new(format!("Bearer {}", login.access.expose())),
            access: login.access.clone(),
            renew: login.renew.filter(|_| login.refresh.is_some()),
        }
    }

    /// The value of `Authorization`.
    pub(crate) fn line(&self) -> &[u8] {
        self.line.expose().as_bytes()
    }
}

/// Why nobody is asked now.
pub(super) struct Pause {
    until: Monotonic,
    why: FaultKind,
}

/// What is to be done about a refusal.
pub(crate) enum Verdict {
    /// There is another token: it is to be asked again.
    Again,
    /// It is none of ours.
    Leave,
    /// There is none.
    Fault(FaultKind),
}

impl OAuth {
    /// What a request is sent with, if that can be said at once.
    pub(crate) fn ready(&self) -> Option<Option<Arc<Proof>>> {
        let current = self.current.load_full();
        let is_old = current.as_ref().is_some_and(|proof| {
            let due = |renew| renew <= self.clock.wall();
            proof.renew.is_some_and(due)
        });
        (!is_old).then_some(current)
    }

    /// What a request is sent with, after a renewal. Where that fails the old one is, and the server decides.
    pub(crate) async fn proof(self: &Arc<Self>) -> Option<Arc<Proof>> {
        let used = self.current.load_full();
        if let Err(fault) = self.renew(used, None).await {
            tracing::warn!(server = %self.server, %fault, "a token can't be renewed");
        }
        self.current.load_full()
    }

    /// A request that was sent with this was refused.
    pub(crate) async fn refused(
        self: &Arc<Self>,
        used: Option<Arc<Proof>>,
        status: u16,
        challenge: Option<&str>,
    ) -> Verdict {
        let challenge = challenge.and_then(Challenge::parse);
        let renewed = match (status, challenge) {
            (401, challenge) => self.renew(used, challenge).await,
            (403, Some(challenge)) if challenge.wants_more() => self.step_up(used, challenge).await,
            _ => return Verdict::Leave,
        };
        match renewed {
            Ok(()) => Verdict::Again,
            Err(fault) => Verdict::Fault(fault),
        }
    }

    /// The token is good, and not good enough.
    async fn step_up(
        self: &Arc<Self>,
        used: Option<Arc<Proof>>,
        challenge: Challenge,
    ) -> Result<(), FaultKind> {
        let wanted = challenge.scope.clone().unwrap_or_default();
        if let Some(scopes) = self
            .settings
            .scopes
            .as_ref()
            .filter(|own| !own.have(&wanted))
        {
            return Err(FaultKind::NoToken(format!(
                "it wants `{wanted}`, and `auth.oauth.scopes` has `{scopes}`"
            )));
        }
        let kept = self.load().map_err(no_token)?;
        if self.adopt(&kept, used.as_ref()) {
            return Ok(());
        }
        let had = kept.login(&self.target).is_some_and(|login| {
            let given = login.granted.as_ref().unwrap_or(&login.asked);
            login.asked.have(&wanted) && given.have(&wanted)
        });
        // Asked a second time it would be the same.
        if had {
            return Err(FaultKind::NoToken(format!(
                "it wants `{wanted}`, which it was given already: whoever runs it must say why"
            )));
        }
        if self.settings.grant == Grant::ClientCredentials {
            return self.renew(used, Some(challenge)).await;
        }
        if !kept
            .wanted
            .as_ref()
            .is_some_and(|known| known.have(&wanted))
        {
            let own = Arc::clone(self);
            let more = wanted.clone();
            let noted = spawn_blocking(move || {
                own.change(|kept| {
                    kept.wanted = Some(kept.wanted.take().unwrap_or_default().and(&more));
                    Some(())
                })
            });
            if let Ok(Err(error)) = noted.await {
                tracing::warn!(server = %self.server, %error, "what a server wants can't be kept");
            }
        }
        Err(self.login_needed(format!("for `{wanted}`, beyond what it has")))
    }

    /// Gets another token than this one. It is done once, and though whoever wants it is gone.
    async fn renew(
        self: &Arc<Self>,
        used: Option<Arc<Proof>>,
        challenge: Option<Challenge>,
    ) -> Result<(), FaultKind> {
        let own = Arc::clone(self);
        let renewing = self
            .tasks
            .spawn(async move { own.renew_now(used, challenge).await });
        renewing
            .await
            .unwrap_or_else(|_| Err(no_token(AuthFault::Ending)))
    }

    async fn renew_now(
        self: Arc<Self>,
        used: Option<Arc<Proof>>,
        challenge: Option<Challenge>,
    ) -> Result<(), FaultKind> {
        // An asynchronous lock: who waits for it waits for a token that others get for all.
        let _turn = self.turn.lock().await;
        if let Some(why) = self.paused() {
            return Err(why);
        }
        let current = self.current.load_full();
        let is_other = match (&current, &used) {
            (Some(current), Some(used)) => !Arc::ptr_eq(current, used),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_other {
            return Ok(());
        }
        let (lock, kept) = self.locked().await.map_err(no_token)?;
        if self.adopt(&kept, used.as_ref()) {
            return Ok(());
        }
        let got = match self.settings.grant {
            Grant::AuthorizationCode => self.refresh(&kept).await,
            Grant::ClientCredentials => self.prove(kept, challenge).await,
        };
        match got {
            Ok(kept) => {
                self.current
                    .store(kept.login(&self.target).map(Proof::of).map(Arc::new));
                self.write(lock, kept).await;
                Ok(())
            }
            Err(Failed::Ended(kept)) => {
                self.write(lock, *kept).await;
                Err(self.login_needed("the old one has ended".to_owned()))
            }
            Err(Failed::Never(why)) => Err(self.login_needed(why.to_owned())),
            Err(Failed::Fault(fault)) => {
                let why = no_token(fault);
                self.set_pause(Some(why.clone()));
                Err(why)
            }
        }
    }

    /// Takes what is kept, if it is another than this one: another process was first.
    fn adopt(&self, kept: &Kept, used: Option<&Arc<Proof>>) -> bool {
        let is_used = |login: &Login| {
            used.is_some_and(|used| used.access.is(login.access.expose().as_bytes()))
        };
        match kept.login(&self.target) {
            Some(login) if !is_used(login) => {
                self.current.store(Some(Arc::new(Proof::of(login))));
                true
            }
            _ => false,
        }
    }

    /// By what a person's login left for it.
    async fn refresh(&self, kept: &Kept) -> Result<Kept, Failed> {
        let login = kept.login(&self.target);
        let login = login.ok_or(Failed::Never("nobody has logged in yet"))?;
        let refresh = login.refresh.as_ref();
        let refresh = refresh.ok_or(Failed::Never("the old one has ended"))?;
        let endpoint = Target::parse(&login.token_endpoint);
        let endpoint = endpoint.map_err(|_| AuthFault::Kept(self.server.to_string()))?;
        let form = Form::new(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("resource", &login.resource),
        ]);
        let mut next = kept.clone();
        let client = self.client_of(login);
        let tokens = self.tokens(&endpoint, &client, form).await;
        let Some(login) = next.login_mut() else {
            return Err(Failed::Never("nobody has logged in yet"));
        };
        match tokens {
            Ok(tokens) => {
                login.access = tokens.access;
                login.refresh = tokens.refresh.or(login.refresh.take());
                (login.expires, login.renew) = self.ends(tokens.lifetime);
                login.granted = tokens.scope.or(login.granted.take());
                Ok(next)
            }
            Err(AuthFault::OAuth(OAuthFault::InvalidGrant(_))) => {
                login.refresh = None;
                Err(Failed::Ended(Box::new(next)))
            }
            Err(fault) => Err(Failed::Fault(fault)),
        }
    }

    /// By durward's own password (RFC 6749 section 4.4).
    async fn prove(&self, mut kept: Kept, challenge: Option<Challenge>) -> Result<Kept, Failed> {
        let found = self.discover(challenge.as_ref()).await?;
        // A password goes nowhere on a guess.
        if found.is_guessed {
            return Err(no_metadata(found.issuer()).into());
        }
        let client = self.given(&found.server, &kept)?;
        let client = client.filter(|client| client.secret.is_some());
        let client = client.ok_or(AuthFault::Settings("a `client_id` and a `client_secret`"))?;
        let asked: Scopes = self.scopes(&found, &kept);
        let mut form = Form::new(&[
            ("grant_type", "client_credentials"),
            ("resource", &found.resource.id),
        ]);
        if !asked.is_empty() {
            form.add("scope", &asked.to_string());
        }
        let tokens = self.tokens(&found.server.token, &client, form).await?;
        let bearing = Bearing {
            found: &found,
            client: &client,
            is_given: true,
            asked: &asked,
        };
        let login = self.login_of(&bearing, tokens);
        kept.bind(&client.id, found.issuer());
        kept.log_in(login);
        Ok(kept)
    }

    /// What is kept, while no other process changes it.
    async fn locked(self: &Arc<Self>) -> Result<(TokenLock, Kept), AuthFault> {
        let own = Arc::clone(self);
        let locked = spawn_blocking(move || {
            let lock = own.files.lock(&own.server)?;
            let kept = own.read(lock.load()?.as_deref())?;
            Ok((lock, kept))
        });
        locked.await.map_err(|_| AuthFault::Ending)?
    }

    /// Keeps this. What can't be kept is used all the same, and lost with the process.
    async fn write(&self, lock: TokenLock, kept: Kept) {
        let written = spawn_blocking(move || lock.keep(&kept.write()));
        if let Ok(Err(error)) = written.await {
            tracing::error!(server = %self.server, %error, "a token can't be kept");
        }
    }

    fn login_needed(&self, why: String) -> FaultKind {
        FaultKind::LoginNeeded {
            server: self.server.to_string(),
            why,
        }
    }

    /// When a token ends that was just given, and when it is renewed.
    pub(super) fn ends(&self, lifetime: Option<Duration>) -> (Option<Wall>, Option<Wall>) {
        let now = self.clock.wall();
        let expires = lifetime.map(|lifetime| now.after(lifetime));
        let renew = lifetime.map(|lifetime| now.after(lifetime - SOON.min(lifetime / 4)));
        (expires, renew)
    }

    fn paused(&self) -> Option<FaultKind> {
        let pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = pause.as_ref()?;
        (self.clock.monotonic() < pause.until).then(|| pause.why.clone())
    }

    pub(super) fn set_pause(&self, why: Option<FaultKind>) {
        let nanos = u64::try_from(PAUSE.as_nanos()).unwrap_or(u64::MAX);
        let until = Monotonic(self.clock.monotonic().0.saturating_add(nanos));
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) =
            why.map(|why| Pause { until, why });
    }
}

/// Why there is no other token.
enum Failed {
    /// The login holds no more: this is to be kept of it.
    Ended(Box<Kept>),
    /// There never was anything to renew.
    Never(&'static str),
    /// Something went wrong.
    Fault(AuthFault),
}

impl<T: Into<AuthFault>> From<T> for Failed {
    fn from(fault: T) -> Self {
        Self::Fault(fault.into())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn no_token(fault: AuthFault) -> FaultKind {
    FaultKind::NoToken(fault.to_string())
}
