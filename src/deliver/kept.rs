//! What outlives a generation of the configuration, as long as the next one still has a use for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Hands out what is in use already under an equal key, or something new.
///
/// It holds on to nothing: a value lives as long as a generation that uses it. A load that fails takes nothing from the
/// generation that runs.
pub(super) struct Kept<K, V>(Mutex<Known<K, V>>);

struct Known<K, V> {
    values: HashMap<K, Weak<V>>,
    /// So many there were when those out of use were last thrown out. Ten thousand routes ask one after another: looking
    /// through all of them each time would take long.
    swept_at: usize,
}

/// Fewer are not worth a sweep.
const SWEEP_FROM: usize = 64;

impl<K, V> Default for Kept<K, V> {
    fn default() -> Kept<K, V> {
        Kept(Mutex::new(Known { values: HashMap::new(), swept_at: 0 }))
    }
}

impl<K: Hash + Eq, V> Kept<K, V> {
    pub(super) fn obtain(&self, key: K, new: impl FnOnce() -> V) -> Arc<V> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.values.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        if known.values.len() >= SWEEP_FROM.max(known.swept_at.saturating_mul(2)) {
            known.values.retain(|_, value| value.strong_count() > 0);
            known.swept_at = known.values.len();
        }
        let value = Arc::new(new());
        known.values.insert(key, Arc::downgrade(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_handed_out_again() {
        let kept = Kept::default();
        let first = kept.obtain("a", || 1);
        assert!(Arc::ptr_eq(&first, &kept.obtain("a", || 2)));
        assert!(!Arc::ptr_eq(&first, &kept.obtain("b", || 2)));
        drop(first);
        assert_eq!(*kept.obtain("a", || 3), 3);
    }

    #[test]
    fn what_is_out_of_use_is_thrown_out() {
        let kept = Kept::default();
        let used: Vec<Arc<usize>> = (0..10).map(|key| kept.obtain(key, || key)).collect();
        for key in 10..10_000 {
            kept.obtain(key, || key);
        }
        assert!(kept.0.lock().unwrap().values.len() <= SWEEP_FROM + used.len());
        assert!(used.iter().enumerate().all(|(key, value)| Arc::ptr_eq(value, &kept.obtain(key, || 0))));
    }
}
