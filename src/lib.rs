//! hookswitch: a declarative webhook router.
//!
//! The life of a webhook is told on one screen in [`server::pipeline`]; the life of a configuration in [`reload`].
//! Imports point one way: `cli, app → lint, server, admin, reload → route → {matcher, verify, limit, transform, deliver} →
//! {egress, event, expr, keyed, body, document, secret, diagnostic}`; `dedupe` and `history` are the server's memories and know no
//! route; `config` holds what was written and is only read by compile steps.

pub mod admin;
pub mod app;
pub mod body;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dedupe;
pub mod deliver;
pub mod diagnostic;
pub mod document;
pub mod egress;
pub mod event;
pub mod examples;
pub mod explain;
pub mod expr;
pub mod hex;
pub mod history;
pub mod keyed;
pub mod limit;
pub mod lint;
pub mod matcher;
pub mod rehearsal;
pub mod reload;
pub mod replay;
pub mod route;
pub mod secret;
pub mod server;
pub mod settings;
pub mod stdout;
pub mod suggest;
pub mod telemetry;
pub mod transform;
pub mod trial;
pub mod verify;
