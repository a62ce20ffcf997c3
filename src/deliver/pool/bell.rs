//! What a connection rings when it has something to do.

use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};

/// Wakes the task that uses a connection; but not while that task is at it, which it need not be told, or while nobody is.
#[derive(Default)]
pub(super) struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

/// Rings are noted.
const HEARD: u8 = 0;
/// One was.
const RUNG: u8 = 1;
/// Rings wake the task.
const FORWARDED: u8 = 2;

impl Bell {
    /// From now on rings are for this task.
    pub(super) fn belongs_to(&self, task: &Waker) {
        self.task.register(task);
    }

    /// From now on nobody uses the connection. Rings are noted.
    pub(super) fn rest(&self) {
        self.listen();
        drop(self.task.take());
    }

    /// The task is at it: rings are noted.
    pub(super) fn listen(&self) {
        self.state.store(HEARD, Ordering::Release);
    }

    pub(super) fn has_rung(&self) -> bool {
        self.state.load(Ordering::Acquire) == RUNG
    }

    /// The task goes away, unless it has been rung for meanwhile. From now on rings wake it.
    pub(super) fn is_left_alone(&self) -> bool {
        self.state.compare_exchange(HEARD, FORWARDED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Bell>) {
        let noted = self.state.compare_exchange(HEARD, RUNG, Ordering::AcqRel, Ordering::Acquire);
        if noted == Err(FORWARDED) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Counted>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_is_woken_only_while_it_is_away() {
        let (bell, task) = (Arc::new(Bell::default()), Arc::new(Counted::default()));
        let woken = || task.0.load(Ordering::Relaxed);
        bell.belongs_to(&task.clone().into());
        bell.listen();
        Waker::from(bell.clone()).wake();
        assert_eq!((bell.has_rung(), bell.is_left_alone(), woken()), (true, false, 0));
        bell.listen();
        assert!(bell.is_left_alone());
        Waker::from(bell.clone()).wake();
        assert_eq!((bell.has_rung(), woken()), (false, 1));
    }

    #[test]
    fn who_has_left_is_not_woken_and_not_held() {
        let (bell, task) = (Arc::new(Bell::default()), Arc::new(Counted::default()));
        bell.belongs_to(&task.clone().into());
        assert!(bell.is_left_alone());
        bell.rest();
        assert_eq!(Arc::strong_count(&task), 1);
        Waker::from(bell.clone()).wake();
        assert_eq!((bell.has_rung(), task.0.load(Ordering::Relaxed)), (true, 0));
        bell.belongs_to(&noop_waker());
    }
}
