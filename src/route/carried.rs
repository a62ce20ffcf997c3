//! What outlives a generation of routes, where the next one has the same.

use crate::deliver::{Lasting, States};
use crate::limit::Registry;

/// Handed from one load of the configuration to the next.
#[derive(Default)]
pub struct Carried {
    /// What rate limits of senders have counted.
    pub limits: Registry,
    /// The pace, the breakers and the retry budgets of targets.
    pub targets: States,
    /// Connections to them.
    pub outgoing: Lasting,
}
