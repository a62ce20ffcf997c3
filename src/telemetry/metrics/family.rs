//! What is counted, by whom it is about and by what became of it, so that none of the look-ups of the hot path costs an
//! allocation; and the series that come of it when somebody reads.

use super::definition::{ALL, Definition, Kind};
use super::instrument::{Instrument, Reading};
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

/// The value of a label; empty is the same as not there.
pub type Value = Cow<'static, str>;

/// The values of its labels, and what it has come to.
pub type Series = (Box<[Value]>, Reading);

/// A metric with all its series at one moment.
#[derive(Debug)]
pub struct Collected {
    pub definition: &'static Definition,
    /// By the values of their labels, in the order of [`Definition::labels`]; sorted by them.
    pub series: Vec<Series>,
}

/// All series, while they are collected.
#[derive(Default)]
pub struct Collecting(HashMap<&'static str, Vec<Series>>);

impl Collecting {
    pub fn tell(&mut self, definition: &'static Definition, labels: Vec<Value>, reading: Reading) {
        debug_assert_eq!(labels.len(), definition.labels.len(), "{}", definition.name);
        self.0.entry(definition.name).or_default().push((labels.into(), reading));
    }

    /// Each metric, in the order of [`ALL`].
    pub fn finish(mut self) -> Vec<Collected> {
        let each = |definition: &&'static Definition| {
            let mut series = self.0.remove(definition.name).unwrap_or_default();
            series.sort_by(|(labels, _), (others, _)| labels.cmp(others));
            Collected { definition, series }
        };
        ALL.iter().map(each).collect()
    }
}

/// The last labels of a series, from a closed set.
pub trait Choice: Copy + Eq + Send + Sync {
    fn values(self) -> Vec<Value>;

    /// The same for all choices with the same labels.
    fn closed(self) -> Self {
        self
    }
}

impl Choice for &'static str {
    fn values(self) -> Vec<Value> {
        vec![self.into()]
    }
}

impl Choice for usize {
    fn values(self) -> Vec<Value> {
        vec![self.to_string().into()]
    }
}

/// Series that share their first labels and differ in the last ones, which each observation chooses.
#[repr(C)]
pub struct Split<C, M> {
    /// The first that was chosen, which most stay with for all their life: it needs no lock, and its metric lies right behind.
    chosen: OnceLock<C>,
    first: M,
    /// A handful: going through them is quicker than hashing.
    others: RwLock<Vec<(C, M)>>,
    kind: Kind,
}

impl<C: Choice, M: Instrument> Split<C, M> {
    pub fn new(definition: &Definition) -> Split<C, M> {
        let kind = definition.kind;
        Split { chosen: OnceLock::new(), first: M::new(kind), others: RwLock::default(), kind }
    }

    pub fn with(&self, choice: C, count: impl FnOnce(&M)) {
        let choice = choice.closed();
        let is_first = *self.chosen.get_or_init(|| choice) == choice;
        if is_first { count(&self.first) } else { self.with_other(choice, count) }
    }

    fn with_other(&self, choice: C, count: impl FnOnce(&M)) {
        {
            let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, metric)) = others.iter().find(|(known, _)| *known == choice) {
                return count(metric);
            }
        }
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here in between.
        if let Some((_, metric)) = others.iter().find(|(known, _)| *known == choice) {
            return count(metric);
        }
        let metric = M::new(self.kind);
        count(&metric);
        others.reserve_exact(1);
        others.push((choice, metric));
    }

    /// Each of them with its own last labels behind `first`.
    pub fn tell(&self, definition: &'static Definition, first: &[&str], all: &mut Collecting) {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = self.chosen.get().map(|choice| (choice, &self.first));
        for (choice, metric) in chosen.into_iter().chain(others.iter().map(|(choice, metric)| (choice, metric))) {
            let labels = texts(first).chain(choice.values()).collect();
            all.tell(definition, labels, metric.reading());
        }
    }
}

/// Names as values of labels.
pub fn texts(names: &[&str]) -> impl Iterator<Item = Value> {
    names.iter().map(|name| Value::from((*name).to_owned()))
}

/// What is counted under one key, as long as somebody counts: the same over all generations that have it.
pub struct Shared<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl<K: Eq + Hash, V> Shared<K, V> {
    pub fn of(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        self.all().entry(key).or_insert_with(|| Arc::new(make())).clone()
    }

    pub fn each(&self, mut tell: impl FnMut(&K, &V)) {
        self.all().iter().for_each(|(key, held)| tell(key, held));
    }

    /// Forgets what nobody can count on any more.
    pub fn sweep(&self) {
        self.all().retain(|_, held| Arc::strong_count(held) > 1);
    }

    /// A map of handles is whole whenever the lock is free.
    fn all(&self) -> MutexGuard<'_, HashMap<K, Arc<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Shared<K, V> {
        Shared(Mutex::default())
    }
}
