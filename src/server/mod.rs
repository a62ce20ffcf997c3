//! The HTTP side that senders see: listeners, what a request is read into, and what is answered when it is refused.
//!
//! The life of a request is told in `pipeline`. The parts here know neither routes nor targets: the listener hands every
//! request to a function, the others are that function's tools.

mod accepted;
pub mod admission;
pub mod answer;
pub mod arrival;
mod batch;
pub mod body;
mod caught;
mod chain;
pub mod client_address;
mod dead_letter;
mod deliveries;
mod delivery;
pub mod gateway;
mod given;
pub mod keys;
pub mod listener;
pub mod meters;
mod outliving;
pub mod pipeline;
pub mod rate_limits;
pub mod record;
pub mod rejection;
mod repeats;
mod reply;
pub mod request_id;
mod run;
mod span;

use bytes::Bytes;
use http_body_util::Full;

/// Every answer to a webhook is whole before it is sent; only the admin listener streams.
pub type Answer = http::Response<Full<Bytes>>;
