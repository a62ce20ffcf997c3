//! Answers that mean yes: a route's own `respond`, else the provider's literal one, else ours.

use super::Answer;
use super::answer::End;
use super::deliveries::Context;
use super::gateway::Generation;
use super::record::Recorder;
use super::rejection::{Rejection, whole_seconds};
use super::run::Run;
use crate::event::Event;
use crate::expr::EvaluationError;
use crate::route::{Endpoint, Reply, ReplyOn, Respond, Taken};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use std::sync::Arc;

/// Every required delivery succeeded, now or before. Of several routes the lowest order that has a fitting `respond`
/// answers.
pub fn delivered(
    endpoint: &Endpoint,
    event: &Event,
    runs: &[Run],
    on: ReplyOn,
    ending: End,
    status: StatusCode,
    context: &Context,
) -> Result<Answer, Rejection> {
    for (run, respond) in responding(runs, on, ending) {
        let engine = &context.generation.value.table.engine;
        match respond.reply(status, &run.taken, engine, &run.answers, &run.raw_answers) {
            Ok(Some(reply)) => return Ok(answer(reply)),
            Ok(None) => {}
            // What was delivered stays delivered: an error status would make the sender deliver it again.
            Err(error) if run.sent_something() => context.recorder.reply_failed(&run.taken.route, &error),
            Err(error) => return Err(refused(&context.recorder, &run.taken, &error)),
        }
    }
    Ok(match on {
        ReplyOn::Accepted => default(endpoint, event, status, br#"{"status":"accepted"}"#),
        ReplyOn::Duplicate => default(endpoint, event, status, br#"{"status":"duplicate"}"#),
        _ => default(endpoint, event, status, br#"{"status":"delivered"}"#),
    })
}

/// A route may say no in its own words; what it says is never taken for a yes.
pub fn failed(runs: &[Run], ending: End, rejection: Rejection, context: &Context) -> Result<Answer, Rejection> {
    let (engine, status) = (&context.generation.value.table.engine, rejection.status());
    for (run, respond) in responding(runs, ReplyOn::Failed, ending) {
        match respond.reply(status, &run.taken, engine, &run.answers, &run.raw_answers) {
            Ok(Some(reply)) => {
                context.recorder.refused_in_own_words(rejection.kind());
                let mut answer = answer(reply);
                if let Some(wait) = rejection.retry_after() {
                    answer.headers_mut().insert(header::RETRY_AFTER, whole_seconds(wait).into());
                }
                return Ok(answer);
            }
            Ok(None) => {}
            Err(error) => context.recorder.reply_failed(&run.taken.route, &error),
        }
    }
    Err(rejection)
}

/// Each route that has a `respond` for this, with its share of the event. Of a batch it is the first element that ended
/// as the whole.
fn responding(runs: &[Run], on: ReplyOn, ending: End) -> impl Iterator<Item = (&Run, &Respond)> {
    let of_route = runs.chunk_by(|one, other| Arc::ptr_eq(&one.taken.route, &other.taken.route));
    of_route.filter_map(move |runs| {
        let run = runs.iter().find(|run| run.ending.end == ending).or(runs.first())?;
        Some((run, fitting(run.taken.route.responds(), on)?))
    })
}

/// No route took the event.
pub fn ignored(
    endpoint: &Endpoint,
    event: &Arc<Event>,
    status: StatusCode,
    generation: &Generation,
    recorder: &Recorder,
) -> Result<Answer, Rejection> {
    let engine = &generation.value.table.engine;
    for route in endpoint.routes().iter().filter(|route| route.enabled) {
        let Some(respond) = fitting(route.responds(), ReplyOn::Ignored) else { continue };
        // `vars` come after `when`: a route that did not take the event may not be able to compute them.
        let reply = Taken::new(route, event, engine).and_then(|taken| respond.reply(status, &taken, engine, &[], &[]));
        match reply {
            Ok(Some(reply)) => return Ok(answer(reply)),
            Ok(None) => {}
            Err(error) => recorder.reply_failed(route, &error),
        }
    }
    Ok(default(endpoint, event, status, br#"{"status":"ignored"}"#))
}

fn fitting(responds: &[Respond], on: ReplyOn) -> Option<&Respond> {
    responds.iter().find(|respond| respond.fits(on))
}

fn refused(recorder: &Recorder, taken: &Taken, error: &EvaluationError) -> Rejection {
    recorder.reply_failed(&taken.route, error);
    Rejection::Unprocessable { detail: "the answer does not fit this webhook".to_owned(), errors: Vec::new() }
}

/// Some senders take only their own word for a yes, and repeat or switch off for any other, whatever became of the event.
fn default(endpoint: &Endpoint, event: &Event, status: StatusCode, body: &'static [u8]) -> Answer {
    if let Some(literal) = endpoint.verifier().literal_reply(event) {
        return literal.map(Full::new);
    }
    let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    answer(Reply { status: status.as_u16(), headers, body: Bytes::from_static(body) })
}

fn answer(reply: Reply) -> Answer {
    let mut answer = Answer::new(Full::new(reply.body));
    // Statuses are checked at load, or come from a target's answer.
    *answer.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    // With room for what each answer gets on its way out.
    answer.headers_mut().reserve(reply.headers.len() + 2);
    answer.headers_mut().extend(reply.headers);
    answer
}
