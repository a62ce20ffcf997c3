//! The life of a request, whole: every stage in order, each of which may end it.
//!
//! `hookswitch test` and `explain` run the same function: they differ from `serve` in where deliveries go
//! ([`super::gateway::Outgoing`]) and in whether the event counts as verified.

use super::answer::{End, Ending, answer as conclusion};
use super::arrival::Arrival;
use super::batch;
use super::body::{self, Bounds};
use super::caught::Panicked;
use super::deliveries::{self, Context};
use super::gateway::{Gateway, Generation, Only, Trust};
use super::given::Given;
use super::outliving::Outliving;
use super::rate_limits::{RateLimits, Stage};
use super::record::Recorder;
use super::rejection::Rejection;
use super::reply;
use super::run::Run;
use crate::body::{Parsed, Reading, Violation};
use crate::event::{Event, Received, RequestInfo, Verified};
use crate::route::{Decision, Endpoint, Engine, Found, ReplyOn, Taken};
use crate::server::Answer;
use crate::verify::{Greeting, Provider, Refusal};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use std::sync::Arc;
use std::time::Duration;

/// Answers one request. A sender that hangs up does not stop the deliveries that its event began, and a panic ends one
/// request and not the process.
pub async fn handle<B>(gateway: Arc<Gateway>, generation: Arc<Generation>, arrival: Box<Arrival>, body: B) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    let recorder = Recorder::printing(&gateway, &generation, &arrival);
    let (tracker, notes) = (gateway.work.clone(), recorder.clone());
    let work = async move { answer(&gateway, &generation, &notes, arrival, body).await };
    match Outliving::new(&tracker, work).await {
        Ok(answer) => answer,
        Err(Panicked) => {
            let refused = Err(Rejection::Internal);
            recorder.ended(&refused);
            Rejection::Internal.into_answer(recorder.id())
        }
    }
}

/// Answers one request in the caller's task, on one generation.
#[expect(clippy::manual_async_fn, reason = "an `async fn` holds twice what it takes by value")]
pub fn answer<B>(
    gateway: &Arc<Gateway>,
    generation: &Arc<Generation>,
    recorder: &Recorder,
    arrival: Box<Arrival>,
    body: B,
) -> impl Future<Output = Answer>
where
    B: http_body::Body<Data = Bytes>,
{
    async move {
        let mut limits = RateLimits::new(gateway.counting);
        let result = process(gateway, generation, recorder, &mut limits, arrival, body).await;
        let result =
            result.map_err(|rejection| if gateway.is_draining() { rejection.while_draining() } else { rejection });
        if let Err(Rejection::RateLimited { .. }) = result {
            recorder.rate_limited(limits.full());
        }
        recorder.ended(&result);
        let tells_limits = matches!(result, Ok(_) | Err(Rejection::RateLimited { .. }));
        let mut answer = result.unwrap_or_else(|rejection| rejection.into_answer(recorder.id()));
        super::rejection::mark(answer.headers_mut(), recorder.id());
        if tells_limits {
            limits.mark(answer.headers_mut());
        }
        answer
    }
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` holds twice what it takes by value")]
fn process<B>(
    gateway: &Arc<Gateway>,
    generation: &Arc<Generation>,
    recorder: &Recorder,
    limits: &mut RateLimits,
    arrival: Box<Arrival>,
    body: B,
) -> impl Future<Output = Result<Answer, Rejection>>
where
    B: http_body::Body<Data = Bytes>,
{
    async move {
        let found = generation.value.table.find(&arrival.client.host, &arrival.path)?;
        let Found { endpoint, params } = found.ok_or_else(|| {
            recorder.not_found(&arrival.path);
            Rejection::NotFound
        })?;
        recorder.found(endpoint);
        let verifier = endpoint.verifier();
        let (method, takes) = (arrival.method.clone(), endpoint.allows(&arrival.method));
        if !takes && verifier.handshakes_by(&method).next().is_none() {
            return Err(Rejection::MethodNotAllowed { allow: endpoint.allow_header() });
        }
        if !body::is_plain(&arrival.headers) {
            return Err(Rejection::TransferCoding);
        }
        let mut permit = gateway.admission.enter().ok_or(Rejection::Overload)?;
        limits.ask_for_client(endpoint, arrival.client.ip)?;
        let bounds = Bounds {
            max_size: usize::try_from(endpoint.body().max_size).unwrap_or(usize::MAX),
            timeout: gateway.body_timeout,
        };
        // A sender that is slow with its body holds up the end of a stop no longer than its deliveries would.
        let read = gateway.cut_off.run_until_cancelled(body::read(body, bounds, &mut permit)).await;
        let bytes = read.unwrap_or(Err(body::BodyError::Aborted))?;
        let (arrived, trusted_proxy) = (arrival.instant, arrival.client.behind_proxy.then_some(arrival.peer));
        let received = Received { request: Arc::new(arrival.into_request(params)), body: bytes };
        recorder.received(&received, verifier.credential_headers());
        if let Some(greeting) = verifier.greet(&received) {
            return Box::pin(greeted(greeting, &received.request, gateway, recorder)).await;
        }
        if !takes && !verifier.handshakes_by(&method).any(|handshake| handshake.signed) {
            return Err(Rejection::MethodNotAllowed { allow: endpoint.allow_header() });
        }
        let reading = endpoint.body().admit(&received.request.headers, received.body.is_empty())?;
        let verified = verify(gateway, endpoint, received, recorder).await?;
        if let Some(greeting) = verifier.greet_verified(&verified) {
            return Box::pin(greeted(greeting, verified.request(), gateway, recorder)).await;
        }
        if !takes {
            return Err(Rejection::MethodNotAllowed { allow: endpoint.allow_header() });
        }
        let engine = &generation.value.table.engine;
        let unparsed = || Arc::new(verified.clone().into_event(None));
        limits.ask_for_event(endpoint, unparsed, engine, Stage::Verified, recorder)?;
        let parsed = parse(endpoint, &reading, &verified, recorder)?;
        let event = Arc::new(verified.into_event(parsed));
        limits.ask_for_event(endpoint, || event.clone(), engine, Stage::Parsed, recorder)?;
        let Decided { taken, failed, broken } =
            decide(endpoint, &event, engine, recorder, limits, gateway.only.as_ref());
        let context = Context {
            gateway: gateway.clone(),
            generation: generation.clone(),
            recorder: recorder.clone(),
            arrived,
            permit: Arc::new(permit),
            trusted_proxy,
        };
        let runs = deliveries::run(taken, &context).await;
        let answer = conclude(endpoint, &event, failed, &runs, &context);
        answer.map_err(|rejection| rejection.with_places(broken))
    }
}

/// A handshake takes no route and delivers nothing. What it asks us to visit is visited before it is answered, so that a
/// sender whose host does not answer now tries again.
async fn greeted(
    greeting: Greeting,
    request: &RequestInfo,
    gateway: &Gateway,
    recorder: &Recorder,
) -> Result<Answer, Rejection> {
    let path = recorder.greeted(greeting.given.as_ref());
    if let (Some(url), Trust::Verify) = (&greeting.visit, gateway.trust) {
        let visited = gateway.keys.visit(url).await;
        visited.map_err(|_| Rejection::NotDelivered { retry_after: Some(VISIT_AGAIN) })?;
        recorder.confirmed();
    }
    if let Some(secret) = greeting.given {
        let (time, request_id, client_ip) = (request.time, request.id.clone(), request.client_ip);
        gateway.given.keep(Given { time, request_id, path, client_ip, secret });
    }
    Ok(greeting.answer.map(Full::new))
}

/// When a sender may ask again to be confirmed.
const VISIT_AGAIN: Duration = Duration::from_secs(10);

async fn verify(
    gateway: &Gateway,
    endpoint: &Endpoint,
    received: Received,
    recorder: &Recorder,
) -> Result<Verified, Rejection> {
    match gateway.trust {
        Trust::Verify => {
            recorder.verifying(endpoint.verifier());
            let now = received.request.time;
            let passed = endpoint.verifier().verify(received, now, &*gateway.keys).await.map_err(|refusal| {
                recorder.refused(&refusal);
                unverified(refusal, endpoint.verifier().provider())
            });
            let passed = passed?;
            recorder.verified(&passed.matched);
            Ok(passed.verified)
        }
        Trust::Assume => Ok(endpoint.verifier().assume(received)),
    }
}

/// One answer for every reason, but for what the sender cannot help or expects otherwise.
fn unverified(refusal: Refusal, provider: Option<&Provider>) -> Rejection {
    match (refusal, provider.and_then(|provider| provider.refusal)) {
        (Refusal::NoPublicUrl, _) => Rejection::Internal,
        (Refusal::KeyUnavailable, _) => Rejection::KeyUnavailable,
        (Refusal::Address, _) => Rejection::Forbidden,
        (_, Some(status)) => {
            Rejection::Refused { status: StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED) }
        }
        (_, None) => Rejection::Unauthorized,
    }
}

/// The body, where anything reads it; it meets the contract of the endpoint's source.
fn parse(
    endpoint: &Endpoint,
    reading: &Reading,
    verified: &Verified,
    recorder: &Recorder,
) -> Result<Option<Parsed>, Rejection> {
    if !endpoint.reads_body() {
        return Ok(None);
    }
    let parsed = reading.parse(verified.body(), verified.request().query.as_deref(), endpoint.body())?;
    if let Some(contract) = endpoint.contract() {
        contract.check(&parsed.body).map_err(|violations| {
            recorder.broke(&violations);
            Rejection::broken_contract(violations)
        })?;
    }
    Ok(Some(parsed))
}

/// What the routes of an endpoint said to an event.
struct Decided {
    /// By order.
    taken: Vec<Taken>,
    /// The ending that wrong expressions, broken contracts and full limits cause.
    failed: Ending,
    /// Where the body breaks contracts of routes.
    broken: Vec<Violation>,
}

/// Asks every route of the endpoint.
fn decide(
    endpoint: &Endpoint,
    event: &Arc<Event>,
    engine: &Engine,
    recorder: &Recorder,
    limits: &mut RateLimits,
    only: Option<&Only>,
) -> Decided {
    let mut taken = Vec::with_capacity(endpoint.routes().len());
    let mut failed = Ending::IGNORED;
    let mut broken = Vec::new();
    for (position, route) in endpoint.routes().iter().enumerate() {
        if only.is_some_and(|only| only.route != route.name) {
            continue;
        }
        if let Some(split) = route.split(event, engine) {
            let share = batch::decide(route, split, engine, recorder, limits, only.is_some());
            taken.extend(
                share.taken.into_iter().map(|this| Taken { only: only.and_then(|only| only.target.clone()), ..this }),
            );
            failed = failed.and(share.failed);
            broken.extend(share.broken);
            recorder.decided(route, share.decision);
            continue;
        }
        let mut decision = route.decide(event, engine);
        if decision == Decision::Taken
            && let Some(held) = limits.held(position)
        {
            decision = held;
        }
        // What was named on purpose goes whatever its clauses say; what they say is told all the same.
        let overruled = only.is_some() && matches!(decision, Decision::Ignored(_));
        if decision == Decision::Taken || overruled {
            match Taken::new(route, event, engine) {
                Ok(this) => {
                    let this = Taken { only: only.and_then(|only| only.target.clone()), ..this };
                    recorder.took(&this);
                    taken.push(this);
                }
                Err(error) => decision = Decision::Failed(error),
            }
        }
        if let Decision::Broken(violations) = &decision {
            broken.extend(violations.iter().filter(|one| !broken.contains(*one)).cloned().collect::<Vec<_>>());
        }
        failed = failed.and(Ending::of_decision(&decision));
        recorder.decided(route, decision);
    }
    Decided { taken, failed, broken }
}

/// The worst ending answers; a route's `respond` replaces the answer where its `on` fits.
fn conclude(
    endpoint: &Endpoint,
    event: &Arc<Event>,
    failed: Ending,
    runs: &[Run],
    context: &Context,
) -> Result<Answer, Rejection> {
    let Context { generation, recorder, gateway, .. } = context;
    let ending = runs.iter().fold(failed, |worst, run| worst.and(run.ending));
    recorder.concluded(ending);
    let (end, status) = match (ending.end, conclusion(Some(ending))) {
        (end, Ok(status)) => (end, status),
        (end @ (End::TargetFailed | End::DeadlinePassed | End::Unprocessable), Err(rejection))
            if !gateway.is_draining() =>
        {
            return reply::failed(runs, end, rejection, context);
        }
        (_, Err(rejection)) => return Err(rejection),
    };
    match end {
        End::Ignored => reply::ignored(endpoint, event, status, generation, recorder),
        End::Accepted => reply::delivered(endpoint, event, runs, ReplyOn::Accepted, end, status, context),
        End::Duplicate => reply::delivered(endpoint, event, runs, ReplyOn::Duplicate, end, status, context),
        _ => reply::delivered(endpoint, event, runs, ReplyOn::Delivered, end, status, context),
    }
}

#[cfg(test)]
mod tests;
