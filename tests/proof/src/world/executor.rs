//! The executor: a list of boxed futures on one thread. A waker only notes that its task can go on; which of those that
//! can goes on next is the scheduler's choice, and so the seed's.
#![allow(clippy::disallowed_types, reason = "a waker must be Send: its note is an atomic, whoever reads it")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use posbook::Timestamp;

/// A task by the order in which they were started.
pub(super) type TaskId = u64;

/// What a task does.
pub(super) type Work = Pin<Box<dyn Future<Output = Done>>>;

/// What a task ended with, as far as the oracle wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Nothing,
    /// A reconciliation came to a result, or was an error.
    Reconciled {
        error: bool,
    },
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task {
    work: Work,
    flag: Arc<Flag>,
    agent: usize,
    since: Timestamp,
}

/// Every task that has not ended.
#[derive(Default)]
pub(super) struct Executor {
    tasks: BTreeMap<TaskId, Task>,
    started: TaskId,
}

impl Executor {
    /// A new task, ready to be polled.
    pub(super) fn start(&mut self, agent: usize, since: Timestamp, work: Work) -> TaskId {
        self.started += 1;
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.insert(self.started, Task { work, flag, agent, since });
        self.started
    }

    /// Who can go on.
    pub(super) fn ready(&self) -> Vec<TaskId> {
        let ready = self.tasks.iter().filter(|(_, task)| task.flag.0.load(Ordering::SeqCst));
        ready.map(|(id, _)| *id).collect()
    }

    /// Everybody.
    pub(super) fn all(&self) -> Vec<TaskId> {
        self.tasks.keys().copied().collect()
    }

    /// Who has been at it since before a time.
    pub(super) fn since(&self, time: Timestamp) -> Option<TaskId> {
        self.tasks.iter().find(|(_, task)| task.since < time).map(|(id, _)| *id)
    }

    /// Whether an agent has something running.
    pub(super) fn busy(&self, agent: usize) -> bool {
        self.tasks.values().any(|task| task.agent == agent)
    }

    /// Lets one go on. `Some`: it has ended.
    pub(super) fn poll(&mut self, id: TaskId) -> Option<Done> {
        let task = self.tasks.get_mut(&id)?;
        task.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&task.flag));
        match task.work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => None,
            Poll::Ready(done) => {
                self.tasks.remove(&id);
                Some(done)
            }
        }
    }

    /// Drops all of them, as a kill does.
    #[cfg(feature = "journal")]
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }

    /// Drops one in the middle, as a bot's timeout does.
    pub(super) fn cancel(&mut self, id: TaskId) {
        drop(self.tasks.remove(&id));
    }
}
