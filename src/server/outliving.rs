//! Work that outlives whoever waits for it: a sender that hangs up does not stop what its event began.

use super::caught::{Panicked, poll_caught};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TrackedFuture;

/// Work that goes on as a task of its own when it is dropped before its end.
///
/// Until then it runs in the task of its connection: most senders wait for their answer, and a task for each request
/// would cost more than the rest of the bookkeeping.
pub struct Outliving<T: 'static>(Option<TrackedFuture<Work<T>>>);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send> Outliving<T> {
    /// `work` counts as one of `tasks` from now until its end, wherever it runs.
    pub fn new(tasks: &TaskTracker, work: impl Future<Output = T> + Send + 'static) -> Outliving<T> {
        let work: Work<T> = Box::pin(work);
        Outliving(Some(tasks.track_future(work)))
    }
}

impl<T: Send> Future for Outliving<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Panicked>> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let poll = poll_caught(Pin::new(work), cx);
        if poll.is_ready() {
            self.0 = None;
        }
        poll
    }
}

impl<T> Drop for Outliving<T> {
    fn drop(&mut self) {
        // Without a runtime there is nothing left that it could run on.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { drop(work.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_dropped_goes_on_and_is_waited_for() {
        let tasks = TaskTracker::new();
        let (go, going) = oneshot::channel();
        let (done, is_done) = oneshot::channel();
        let mut work = Outliving::new(&tasks, async move {
            going.await.unwrap();
            done.send(()).unwrap();
        });
        assert!((&mut work).now_or_never().is_none());
        assert_eq!(tasks.len(), 1);
        drop(work);
        assert_eq!(tasks.len(), 1);
        go.send(()).unwrap();
        is_done.await.unwrap();
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn what_has_ended_is_over() {
        let tasks = TaskTracker::new();
        let mut work = Outliving::new(&tasks, async { 7 });
        assert_eq!((&mut work).await, Ok(7));
        assert!(tasks.is_empty());
        drop(work);
        assert!(tasks.is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_a_value_and_ends_it() {
        let tasks = TaskTracker::new();
        let mut work = Outliving::new(&tasks, async { panic!("as asked") });
        assert_eq!((&mut work).await, Err::<(), Panicked>(Panicked));
        drop(work);
        assert!(tasks.is_empty());
    }

    #[test]
    fn without_a_runtime_it_ends() {
        let tasks = TaskTracker::new();
        drop(Outliving::new(&tasks, std::future::pending::<()>()));
        assert!(tasks.is_empty());
    }
}
