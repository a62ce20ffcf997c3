//! Specs to one immutable table of routes, and what a request finds in it.
//!
//! [`RouteTable::compile`] reads what was written, once; nothing after it mentions a spec. A request asks the table for
//! its [`Endpoint`], the endpoint's routes decide ([`Route::decide`]), and each that takes the event becomes a
//! [`Taken`]: vars, labels and what identifies it computed, deliveries planned. Sending them is the pipeline's business.

mod carried;
mod choice;
mod compiled;
mod dead_letter;
mod decide;
mod each;
mod endpoint;
mod graph;
mod identity;
mod listing;
mod plan;
mod respond;
mod signer;
mod source;
mod table;
mod targets;

pub use carried::Carried;
pub use choice::Choice;
pub use compiled::{Ack, Route, deadline};
pub use decide::{Decision, Ignored, Split, places};
pub use endpoint::Endpoint;
pub use graph::{Blocked, Graph, Step, TargetEnd, Walk};
pub use identity::Identity;
pub use listing::listing;
pub use plan::{Engine, Plan, Planned, Skip, Taken};
pub use respond::{Reply, ReplyOn, Respond};
pub use table::{Found, RouteTable};
