//! What the process says about itself: metrics, log lines, spans, and all of them sent to a collector.
//!
//! Stages know nothing of this; `server::pipeline` and the reloader record what stages return.

pub mod logs;
pub mod masking;
pub mod metrics;
pub mod otlp;
pub mod trace_context;
pub mod traces;
