//! Drives the real binary over real sockets on free ports of loopback.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod harness;

mod accepted;
mod admin;
mod answers;
mod auth;
mod batches;
mod bodies;
mod chains;
mod cli;
mod collector;
mod console;
mod crashes;
mod crowd;
mod dead_letters;
mod delivery;
mod documents;
mod egress;
mod faults;
mod handshakes;
mod layers;
mod limit;
mod lint;
mod listeners;
mod load;
mod logs;
mod metrics;
mod observability;
mod packaging;
mod providers;
mod reload;
mod repeats;
mod replay;
mod routing;
mod send;
mod shipped;
mod sign;
mod stop;
mod target_tls;
mod telemetry;
mod tenants;
mod tls;
mod verify;
