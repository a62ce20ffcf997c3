//! Time as an argument: wall-clock readings come from one place, so that tests can fix them.

use chrono::{DateTime, Utc};

/// The wall clock: the system's, or one fixed moment (in `hookswitch test`).
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    System,
    Fixed(DateTime<Utc>),
}

impl Clock {
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Utc::now(),
            Clock::Fixed(at) => *at,
        }
    }
}
