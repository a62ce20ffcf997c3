//! The series of one metric, by their labels, and handles that make none of the lookups of the hot path cost an
//! allocation.

use super::definition::Definition;
use super::instrument::{Instrument, Reading};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The value of a label; empty is the same as not there.
pub type Value = Cow<'static, str>;

/// All series of one metric. A series lives as long as somebody besides its family holds it.
pub struct Family<M> {
    definition: &'static Definition,
    series: Mutex<BTreeMap<Box<[Value]>, Arc<M>>>,
}

/// A metric with all its series at one moment.
#[derive(Debug)]
pub struct Collected {
    pub definition: &'static Definition,
    /// By the values of their labels, in the order of [`Definition::labels`].
    pub series: Vec<(Box<[Value]>, Reading)>,
}

/// A family, whatever it is of.
pub trait Collect: Send + Sync {
    fn collect(&self) -> Collected;

    /// Forgets series that nobody can count on any more.
    fn sweep(&self);
}

impl<M: Instrument> Family<M> {
    pub fn new(definition: &'static Definition) -> Arc<Family<M>> {
        Arc::new(Family { definition, series: Mutex::default() })
    }

    /// The series with these values, made where there is none yet.
    pub fn of(&self, values: impl IntoIterator<Item = Value>) -> Arc<M> {
        let values: Box<[Value]> = values.into_iter().collect();
        debug_assert_eq!(values.len(), self.definition.labels.len(), "{}", self.definition.name);
        self.series().entry(values).or_insert_with(|| Arc::new(M::new(self.definition.kind))).clone()
    }

    /// A map of handles is whole whenever the lock is free.
    fn series(&self) -> MutexGuard<'_, BTreeMap<Box<[Value]>, Arc<M>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Instrument> Collect for Family<M> {
    fn collect(&self) -> Collected {
        let series = self.series().iter().map(|(values, metric)| (values.clone(), metric.reading())).collect();
        Collected { definition: self.definition, series }
    }

    fn sweep(&self) {
        self.series().retain(|_, metric| Arc::strong_count(metric) > 1);
    }
}

/// The last labels of a series, from a closed set.
pub trait Choice: Copy + Eq + Send + Sync {
    fn values(self) -> Vec<Value>;
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
pub struct Split<C, M> {
    family: Arc<Family<M>>,
    first: Box<[Value]>,
    /// A handful: going through them is quicker than hashing.
    known: RwLock<Vec<(C, Arc<M>)>>,
}

impl<C: Choice, M: Instrument> Split<C, M> {
    pub fn new(family: &Arc<Family<M>>, first: impl IntoIterator<Item = Value>) -> Split<C, M> {
        Split { family: family.clone(), first: first.into_iter().collect(), known: RwLock::default() }
    }

    pub fn with(&self, choice: C, count: impl FnOnce(&M)) {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, metric)) = known.iter().find(|(known, _)| *known == choice) {
                return count(metric);
            }
        }
        let metric = self.family.of(self.first.iter().cloned().chain(choice.values()));
        count(&metric);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|(known, _)| *known == choice) {
            known.push((choice, metric));
        }
    }
}

/// What is counted under one key, as long as somebody counts: the same over all generations that have it.
pub struct Shared<K, V>(Mutex<BTreeMap<K, Arc<V>>>);

impl<K: Ord + Hash, V> Shared<K, V> {
    pub fn of(&self, key: K, make: impl FnOnce(&K) -> V) -> Arc<V> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(&key) {
            return known.clone();
        }
        let made = Arc::new(make(&key));
        shared.insert(key, made.clone());
        made
    }

    /// Before families are swept: what ends here lets go of its series.
    pub fn sweep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, held| Arc::strong_count(held) > 1);
    }
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Shared<K, V> {
        Shared(Mutex::default())
    }
}
