//! Waking in the models: a generation behind a lock, and a condition variable. A wake-up that is lost is a deadlock, which
//! the checker reports.
//!
//! Whoever has never been listened to takes no step of the model, so that models in which nobody sleeps are not
//! multiplied. The flag is std's: it is read in the same step as the publication before it, which is what the listener's
//! second look at its condition is for. The two fences are those that event-listener has in the same places; without them
//! loom finds the sleeper that looks a second time and still sees the old value.
#![allow(clippy::expect_used)] // A model that breaks these has found something: it may panic.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(posbook_loom)]
use loom::sync::{Condvar, Mutex, atomic::fence};
#[cfg(posbook_shuttle)]
use shuttle::sync::{Condvar, Mutex, atomic::fence};

use super::Arc;

/// Wakes whoever waits for the next publication.
pub(crate) struct WakeUp(Arc<Bell>);

struct Bell {
    listened_to: AtomicBool,
    generation: Mutex<u64>,
    rung: Condvar,
}

/// Somebody who waits.
pub(crate) struct Waiting {
    bell: Arc<Bell>,
    generation: u64,
}

impl WakeUp {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Bell {
            listened_to: AtomicBool::new(false),
            generation: Mutex::new(0),
            rung: Condvar::new(),
        }))
    }

    pub(crate) fn notify(&self) {
        fence(SeqCst);
        if self.0.listened_to.load(SeqCst) {
            *self.0.generation.lock().expect("no model panics while it holds this") += 1;
            self.0.rung.notify_all();
        }
    }

    pub(crate) fn listen(&self) -> Waiting {
        self.0.listened_to.store(true, SeqCst);
        fence(SeqCst);
        let generation = *self.0.generation.lock().expect("no model panics while it holds this");
        Waiting { bell: Arc::clone(&self.0), generation }
    }
}

impl Waiting {
    pub(crate) fn wait(self) {
        let mut generation = self.bell.generation.lock().expect("no model panics while it holds this");
        while *generation == self.generation {
            generation = self.bell.rung.wait(generation).expect("no model panics while it holds this");
        }
    }

    /// Time does not pass in a model: it was too long at once.
    pub(crate) fn wait_for(self, _longest: Duration) {}

    pub(crate) fn as_future(&mut self) -> Pin<&mut Self> {
        Pin::new(self)
    }
}

/// For a stream, which no model polls: it looks again at once.
impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
