//! Access tokens by OAuth 2.0 (RFC 6749): client credentials, or a refresh token.
//!
//! A token is asked for when the first attempt needs it, kept for as long as it lasts, and renewed before that ends. One
//! request to the token endpoint is under way at a time, in a task of its own: an attempt that gives up takes no rotated
//! refresh token with it.

mod grant;
mod lifetime;
#[cfg(test)]
mod tests;

use super::Home;
use super::credentials::Tenant;
use crate::config::spec::OAuth2Spec;
use crate::deliver::TargetContext;
use crate::deliver::client::Client;
use crate::deliver::connect::Tls;
use crate::deliver::outcome::Outcome;
use crate::deliver::pool::Profile;
use crate::diagnostic::At;
use crate::egress::Origin;
use crate::secret::Secret;
use grant::{Grant, Granted};
use http::HeaderValue;
use lifetime::Lifetime;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// Of one request to a token endpoint.
const GRANT_TIMEOUT: Duration = Duration::from_secs(20);
/// An endpoint that failed is left in peace for as long; one that said no, for longer.
const FAILURE_KEPT: Duration = Duration::from_secs(1);
const REFUSAL_KEPT: Duration = Duration::from_secs(10);
/// A target that refuses every token does not have one made for each attempt.
const RENEWED_EVERY: Duration = Duration::from_secs(10);

/// Tokens in use, over all generations: those of the same client at the same endpoint are shared. Holds on to none of
/// them: they live as long as a generation that uses them.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<grant::Identity, Weak<OAuth2>>>);

/// The tokens of one client at one endpoint.
pub(in crate::deliver) struct OAuth2<G = Grant> {
    grant: G,
    profile: Arc<Profile>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How many there have been.
    made: u64,
    /// In place of the configured one, where the endpoint has given another.
    refresh_token: Option<Secret>,
    under_way: Option<UnderWay>,
    /// What was heard last, and until when it is not asked again.
    failed: Option<(TokenError, Instant)>,
    /// When a token was last given up because a target refused it.
    renewed: Option<Instant>,
}

#[derive(Clone)]
pub(in crate::deliver) struct Token {
    /// `Bearer …`
    pub header: HeaderValue,
    lifetime: Lifetime,
    number: u64,
}

type UnderWay = watch::Receiver<Option<Result<Token, TokenError>>>;

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::deliver) enum TokenError {
    #[error("the token endpoint could not be reached, or is not well")]
    Unwell(Outcome),
    #[error("the token endpoint refused")]
    Refused,
    #[error("the token endpoint gave no token that can be used")]
    Unusable,
    #[error("there was no time left to wait for a token")]
    OutOfTime,
}

impl TokenError {
    pub fn outcome(self) -> Outcome {
        match self {
            TokenError::Unwell(outcome) => outcome,
            TokenError::Refused | TokenError::Unusable => Outcome::Credentials,
            TokenError::OutOfTime => Outcome::Timeout,
        }
    }

    fn kept(self) -> Duration {
        match self {
            TokenError::Unwell(_) | TokenError::OutOfTime => FAILURE_KEPT,
            TokenError::Refused | TokenError::Unusable => REFUSAL_KEPT,
        }
    }
}

/// Who is asked for tokens.
pub(in crate::deliver) trait Endpoint: Send + Sync + 'static {
    /// `refresh_token` takes the place of the configured one. The caller bounds the time.
    fn ask(
        &self,
        client: &Client,
        profile: &Profile,
        refresh_token: Option<&Secret>,
    ) -> impl Future<Output = Result<Granted, TokenError>> + Send;
}

impl OAuth2 {
    /// The one that is in use already, where nothing of it has changed.
    pub(super) fn compile(
        spec: &OAuth2Spec,
        tenant: Tenant<'_>,
        context: &TargetContext<'_>,
        home: Option<&Home<'_>>,
        at: &At<'_>,
    ) -> Option<Arc<OAuth2>> {
        let grant = Grant::compile(spec, tenant, at)?;
        // An endpoint of the target's own origin is behind the same authority as the target.
        let home = home.filter(|home| grant.is_at(home.origin));
        let tls = home.map_or_else(Tls::default, |home| home.tls.clone());
        let profile = context.lasting.profiles.profile(context.egress, Origin::Written, tls);
        let identity = grant.identity(Arc::as_ptr(&profile).addr());
        let mut known = context.lasting.tokens.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, tokens| tokens.strong_count() > 0);
        if let Some(known) = known.get(&identity).and_then(Weak::upgrade) {
            return Some(known);
        }
        let made = Arc::new(OAuth2 { grant, profile, state: Mutex::default() });
        known.insert(identity, Arc::downgrade(&made));
        Some(made)
    }

    /// What is shown in place of the header.
    pub(super) fn shown(&self) -> &str {
        &self.grant.shown
    }
}

impl<G: Endpoint> OAuth2<G> {
    /// A token that lasts, waited for until `until`.
    pub(super) async fn token(self: &Arc<Self>, client: &Client, until: Instant) -> Result<Token, TokenError> {
        let under_way = {
            let mut state = self.state();
            let now = Instant::now();
            match state.token.clone() {
                Some(token) if token.lifetime.is_fresh(now) => return Ok(token),
                Some(token) if token.lifetime.lasts(now) => {
                    // Renewed beside the attempt; should that fail, there is time to try again.
                    let _ = self.ask(&mut state, client, now);
                    return Ok(token);
                }
                _ => self.ask(&mut state, client, now)?,
            }
        };
        wait(under_way, until).await
    }

    /// Another token than `refused`, which a target has answered with 401; `None` where one was made for that reason only
    /// just now, and another would fare no better.
    pub(super) async fn renewed(
        self: &Arc<Self>,
        client: &Client,
        refused: &Token,
        until: Instant,
    ) -> Result<Option<Token>, TokenError> {
        let under_way = {
            let mut state = self.state();
            let now = Instant::now();
            match &state.token {
                Some(token) if token.number != refused.number && token.lifetime.lasts(now) => {
                    return Ok(Some(token.clone()));
                }
                _ => {}
            }
            let is_new = state.under_way().is_none();
            if is_new && state.renewed.is_some_and(|last| now.duration_since(last) < RENEWED_EVERY) {
                return Ok(None);
            }
            if is_new {
                state.token = None;
                state.renewed = Some(now);
            }
            self.ask(&mut state, client, now)?
        };
        wait(under_way, until).await.map(Some)
    }

    /// The request that is under way, or a new one.
    fn ask(self: &Arc<Self>, state: &mut State, client: &Client, now: Instant) -> Result<UnderWay, TokenError> {
        if let Some(under_way) = state.under_way() {
            return Ok(under_way);
        }
        if let Some((error, until)) = state.failed
            && now < until
        {
            return Err(error);
        }
        let (tell, under_way) = watch::channel(None);
        state.under_way = Some(under_way.clone());
        let (tokens, client, refresh_token) = (self.clone(), client.clone(), state.refresh_token.clone());
        tokio::spawn(async move {
            let asking = tokens.grant.ask(&client, &tokens.profile, refresh_token.as_ref());
            let granted = timeout(GRANT_TIMEOUT, asking).await;
            let granted = granted.unwrap_or(Err(TokenError::Unwell(Outcome::Timeout)));
            // Nobody may be waiting any more, which is fine.
            let _ = tell.send(Some(tokens.keep(granted)));
        });
        Ok(under_way)
    }

    fn keep(&self, granted: Result<Granted, TokenError>) -> Result<Token, TokenError> {
        let mut state = self.state();
        let now = Instant::now();
        state.under_way = None;
        match granted {
            Ok(Granted { header, expires_in, refresh_token }) => {
                state.made += 1;
                let number = state.made;
                let lifetime = Lifetime::new(expires_in, now, &mut fastrand::Rng::new());
                let token = Token { header, lifetime, number };
                state.token = Some(token.clone());
                state.failed = None;
                if refresh_token.is_some() {
                    state.refresh_token = refresh_token;
                }
                Ok(token)
            }
            Err(error) => {
                state.failed = Some((error, now + error.kept()));
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A task that is gone without a word (its runtime has ended) is not waited for.
    fn under_way(&self) -> Option<UnderWay> {
        self.under_way.clone().filter(|under_way| under_way.has_changed().is_ok())
    }
}

async fn wait(mut under_way: UnderWay, until: Instant) -> Result<Token, TokenError> {
    match timeout_at(until, under_way.wait_for(Option::is_some)).await {
        Ok(Ok(told)) => told.clone().unwrap_or(Err(TokenError::Unwell(Outcome::Reset))),
        Ok(Err(_)) => Err(TokenError::Unwell(Outcome::Reset)),
        Err(_) => Err(TokenError::OutOfTime),
    }
}
