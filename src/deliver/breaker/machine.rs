//! When a breaker opens, probes and closes. Pure: time is an argument.

use crate::deliver::outcome::Health;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::Instant;

/// `breaker:` of a target, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::deliver) struct Settings {
    /// In a row.
    pub(in crate::deliver) failures: NonZeroU32,
    /// How long nothing is tried then.
    pub(in crate::deliver) open: Duration,
}

/// As metrics show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    Closed,
    Open,
    /// One attempt is under way to find out whether the target is back.
    HalfOpen,
}

impl BreakerState {
    /// A stable name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        }
    }
}

pub(super) struct Machine {
    settings: Settings,
    state: State,
    /// Counts changes of state: what an attempt came to that began before the last one says nothing about this one.
    era: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// An attempt that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    era: u64,
}

/// Why no attempt is let through now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    Until(Instant),
    /// Until the probe has ended.
    Probing,
}

impl Machine {
    pub(super) fn new(settings: Settings) -> Machine {
        Machine { settings, state: State::Closed { failures: 0 }, era: 0 }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    /// What [`enter`](Machine::enter) would say, without entering.
    pub(super) fn shut(&self, now: Instant) -> Option<Shut> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until } => (until > now).then_some(Shut::Until(until)),
            State::HalfOpen => Some(Shut::Probing),
        }
    }

    /// Lets an attempt through; the first after the time is over is the probe.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Ticket, Shut> {
        if let Some(shut) = self.shut(now) {
            return Err(shut);
        }
        if let State::Open { .. } = self.state {
            self.change(State::HalfOpen);
        }
        Ok(Ticket { era: self.era })
    }

    /// What an attempt came to; `true`: the state is another one now.
    pub(super) fn ended(&mut self, ticket: Ticket, health: Health, now: Instant) -> bool {
        if ticket.era != self.era {
            return false;
        }
        let next = match (self.state, health) {
            (State::Closed { failures }, Health::Down) => {
                let failures = failures.saturating_add(1);
                self.state = State::Closed { failures };
                (failures >= self.settings.failures.get()).then(|| self.open(now))
            }
            (State::Closed { .. }, Health::Up) => {
                self.state = State::Closed { failures: 0 };
                None
            }
            (State::HalfOpen, Health::Up) => Some(State::Closed { failures: 0 }),
            (State::HalfOpen, Health::Down) => Some(self.open(now)),
            // A probe that was called off: the next attempt is one.
            (State::HalfOpen, Health::Unknown) => Some(State::Open { until: now }),
            (State::Closed { .. }, Health::Unknown) | (State::Open { .. }, _) => None,
        };
        next.map(|next| self.change(next)).is_some()
    }

    fn open(&self, now: Instant) -> State {
        // What cannot be added up is longer than any process lives.
        State::Open { until: now.checked_add(self.settings.open).unwrap_or(now) }
    }

    fn change(&mut self, next: State) {
        self.state = next;
        self.era = self.era.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Down, Unknown, Up};

    const OPEN: Duration = Duration::from_secs(30);

    fn machine(failures: u32) -> Machine {
        Machine::new(Settings { failures: NonZeroU32::new(failures).unwrap(), open: OPEN })
    }

    /// One attempt after another.
    fn run(machine: &mut Machine, now: Instant, ends: &[Health]) -> BreakerState {
        for health in ends {
            let ticket = machine.enter(now).unwrap();
            machine.ended(ticket, *health, now);
        }
        machine.state()
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let (now, mut machine) = (Instant::now(), machine(3));
        assert_eq!(run(&mut machine, now, &[Down, Down, Up, Down, Unknown, Down]), BreakerState::Closed);
        assert_eq!(run(&mut machine, now, &[Down]), BreakerState::Open);
        assert_eq!(machine.enter(now), Err(Shut::Until(now + OPEN)));
        assert_eq!(machine.enter(now + OPEN - Duration::from_nanos(1)), Err(Shut::Until(now + OPEN)));
    }

    #[test]
    fn one_probe_decides() {
        for (health, state) in [(Up, BreakerState::Closed), (Down, BreakerState::Open), (Unknown, BreakerState::Open)] {
            let (now, mut machine) = (Instant::now(), machine(1));
            run(&mut machine, now, &[Down]);
            let later = now + OPEN;
            let probe = machine.enter(later).unwrap();
            assert_eq!((machine.state(), machine.enter(later)), (BreakerState::HalfOpen, Err(Shut::Probing)));
            assert!(machine.ended(probe, health, later));
            assert_eq!(machine.state(), state);
            let next = match health {
                Up | Unknown => None,
                Down => Some(Shut::Until(later + OPEN)),
            };
            assert_eq!(machine.shut(later), next, "{health:?}");
        }
    }

    #[test]
    fn attempts_that_began_before_it_opened_say_nothing_of_now() {
        let (now, mut machine) = (Instant::now(), machine(2));
        let tickets: Vec<Ticket> = (0..5).map(|_| machine.enter(now).unwrap()).collect();
        assert!(!machine.ended(tickets[0], Down, now));
        assert!(machine.ended(tickets[1], Down, now));
        assert!(!machine.ended(tickets[2], Up, now), "it is open");
        let probe = machine.enter(now + OPEN).unwrap();
        assert!(!machine.ended(tickets[3], Up, now + OPEN), "this is not the probe");
        assert_eq!(machine.state(), BreakerState::HalfOpen);
        assert!(machine.ended(probe, Up, now + OPEN));
        assert!(!machine.ended(tickets[4], Down, now + OPEN));
        assert_eq!(run(&mut machine, now + OPEN, &[Down]), BreakerState::Closed, "the row begins anew");
    }
}
