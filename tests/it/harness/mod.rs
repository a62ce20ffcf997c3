//! A router process in a folder of its own, targets that record what they get, and a client that sends exact bytes.

mod client;
mod collector;
mod held;
mod hostile;
mod router;
mod target;
mod tunnel;

pub use client::{Request, Response};
pub use collector::{Collector, Habit, attributes};
pub use held::Held;
pub use hostile::{Hostile, Then, nobody};
pub use router::{Router, hookswitch, write};
pub use target::{Answer, Target};
pub use tunnel::Tunnel;

use std::time::Duration;

/// How long a test waits for something that must happen. Generous: the machine may be busy; no test is decided by it.
pub const PATIENCE: Duration = Duration::from_secs(30);
