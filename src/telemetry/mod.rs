//! What the process says about itself: metrics, log lines and trace context.
//!
//! Stages know nothing of this; `server::pipeline` and the reloader record what stages return.

pub mod logs;
pub mod masking;
pub mod metrics;
pub mod trace_context;
