//! Rate limits of senders: how many events a route or a source takes, all together, of each client or of each key.
//!
//! A [`Limit`] counts and says where a request stands; when it is asked and what the sender hears is the pipeline's
//! business. The memory of what was counted is a [`Limiter`]'s: it is handed out by the [`Registry`], so that it outlives
//! a reload that does not change the limit. How much the process takes on at once is something else
//! ([`crate::server::admission`]), and so is the pacing of deliveries.

mod limiter;
mod quota;
mod registry;

pub use limiter::{KEYS_MAX, Limiter, Standing};
pub use quota::Quota;
pub use registry::{Owner, Registry};

use crate::config;
use crate::config::spec::LimitSpec;
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Expression};
use registry::Identity;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A compiled limit.
pub struct Limit {
    by: By,
    quota: Quota,
    limiter: Arc<Limiter>,
}

/// What is counted apart.
enum By {
    /// Nothing: all together.
    Whole,
    /// Each client address.
    Client,
    /// Each value of an expression.
    Key(Expression),
}

/// How the configuration names [`By::Client`].
const CLIENT: &str = "client_ip";

impl Limit {
    /// `owner` is whose limit it is: while it and the limit's own keys stay the same, so does what was counted.
    pub fn compile(
        spec: &LimitSpec,
        owner: Owner,
        registry: &Registry,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Limit> {
        let rate = config::rate(&spec.rate, &at.key("rate"));
        let by = By::compile(spec.by.as_deref(), environment, &at.key("by"));
        let burst = match &spec.burst {
            None => rate.map(config::units::Rate::count),
            Some(burst) => compile_burst(config::scalar(burst, &at.key("burst"))?, &at.key("burst")),
        };
        let (rate, by) = (rate?, by?);
        let quota = Quota::new(rate, burst?);
        let identity = Identity { owner, quota, by: by.to_string() };
        let limiter = registry.limiter(identity, || match by {
            By::Whole => Limiter::whole(quota),
            By::Client | By::Key(_) => Limiter::keyed(quota, KEYS_MAX),
        });
        Some(Limit { by, quota, limiter })
    }

    /// Whether `spec` counts client addresses, before the body is read. It must be written out: which requests may come
    /// in is part of where they come from.
    pub fn is_written_by_client(spec: &LimitSpec) -> bool {
        spec.by.as_deref() == Some(CLIENT)
    }

    pub fn is_by_client(&self) -> bool {
        matches!(self.by, By::Client)
    }

    /// Whether the body has to be parsed before it can count.
    pub fn reads_body(&self) -> bool {
        match &self.by {
            By::Whole | By::Client => false,
            By::Key(expression) => expression.reads().body || expression.reads().text,
        }
    }

    /// Counts a request of a client.
    pub fn spend_of_client(&self, ip: IpAddr) -> Standing {
        self.limiter.spend_of_client(ip)
    }

    /// Counts an event. Those whose key is absent, null or empty share one count, so that leaving it out is no way around
    /// the limit.
    ///
    /// # Errors
    /// The expression is wrong for this event, which has not been counted.
    pub fn spend(&self, evaluation: &mut Evaluation<'_>) -> Result<Standing, EvaluationError> {
        match &self.by {
            By::Whole => Ok(self.limiter.spend()),
            By::Client => Ok(self.limiter.spend_of_client(evaluation.scope.event.request.client_ip)),
            By::Key(expression) => Ok(self.limiter.spend_of(&key(expression, evaluation)?)),
        }
    }
}

/// As it is understood: `50/s, burst 100, by client_ip`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, by {}", self.quota, self.by)
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Whole => f.write_str("route"),
            By::Client => f.write_str(CLIENT),
            By::Key(expression) => write!(f, "${{{}}}", expression.source()),
        }
    }
}

impl By {
    fn compile(written: Option<&str>, environment: &Environment<'_>, at: &At<'_>) -> Option<By> {
        let written = match written {
            None | Some("route") => return Some(By::Whole),
            Some(CLIENT) => return Some(By::Client),
            Some(written) => written,
        };
        let written = Expression::compile_whole(written, environment, at)?;
        if written.is_none() {
            let help = "write route, client_ip, or one expression such as ${params.account}".to_owned();
            at.error("limit-by", "this names nothing to count by", help);
        }
        written.map(By::Key)
    }
}

fn compile_burst(burst: u32, at: &At<'_>) -> Option<NonZeroU32> {
    let burst = NonZeroU32::new(burst).filter(|burst| *burst <= Quota::BURST_MAX);
    if burst.is_none() {
        at.error("limit-burst", format!("a burst is 1 to {}", Quota::BURST_MAX), None);
    }
    burst
}

fn key(expression: &Expression, evaluation: &mut Evaluation<'_>) -> Result<String, EvaluationError> {
    let value = match expression.evaluate(evaluation) {
        Ok(value) => value.present().filter(|value| !value.is_null()),
        Err(EvaluationError::Absent { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut key = String::new();
    if let Some(value) = value {
        value.write_text(&mut key)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
