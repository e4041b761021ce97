//! Waking whoever waits for the next publication: event-listener, which takes a lock, a short one, only if someone sleeps.

use std::pin::Pin;
use std::time::Duration;

use event_listener::{Event, EventListener, Listener};

/// Wakes whoever waits for the next publication.
pub(crate) struct WakeUp(Event);

/// Somebody who waits.
pub(crate) struct Waiting(Pin<Box<EventListener>>);

impl WakeUp {
    pub(crate) fn new() -> Self {
        Self(Event::new())
    }

    pub(crate) fn notify(&self) {
        self.0.notify(usize::MAX);
    }

    /// Registers before the condition is checked again, so that no wake-up falls between.
    pub(crate) fn listen(&self) -> Waiting {
        Waiting(Box::pin(self.0.listen()))
    }
}

impl Waiting {
    pub(crate) fn wait(self) {
        Pin::into_inner(self.0).wait();
    }

    pub(crate) fn wait_for(self, longest: Duration) {
        Pin::into_inner(self.0).wait_timeout(longest);
    }

    pub(crate) fn as_future(&mut self) -> Pin<&mut EventListener> {
        self.0.as_mut()
    }
}
