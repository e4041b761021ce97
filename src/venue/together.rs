//! Futures side by side: what hangs or panics holds up nobody else. Enough for the orders of a pass, and no dependency
//! on a runtime.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// The code of a future panicked. What it held is dropped: an order that it had sent is in doubt (R6).
#[derive(Debug)]
pub(super) struct Panicked;

/// Runs two futures side by side.
pub(super) async fn both<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut one, mut other) = (None, None);
    std::future::poll_fn(|context| {
        if one.is_none()
            && let Poll::Ready(value) = first.as_mut().poll(context)
        {
            one = Some(value);
        }
        if other.is_none()
            && let Poll::Ready(value) = second.as_mut().poll(context)
        {
            other = Some(value);
        }
        match (one.take(), other.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (first, second) => {
                (one, other) = (first, second);
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs futures side by side until all are done; each is polled whenever any of them wakes. One that panics ends alone.
pub(super) async fn all<F: Future>(futures: Vec<F>) -> Vec<Result<F::Output, Panicked>> {
    let mut running: Vec<One<F>> = futures.into_iter().map(|future| One::Running(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let pending = running.iter_mut().map(|one| one.step(context)).filter(|done| !done).count();
        if pending > 0 { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let done = running.into_iter().filter_map(|one| match one {
        One::Running(_) => None,
        One::Done(outcome) => Some(outcome),
    });
    done.collect()
}

enum One<F: Future> {
    Running(Pin<Box<F>>),
    Done(Result<F::Output, Panicked>),
}

impl<F: Future> One<F> {
    /// Polls it, unless it is done; says whether it is.
    fn step(&mut self, context: &mut Context<'_>) -> bool {
        let Self::Running(future) = self else { return true };
        // After a panic it is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => false,
            Ok(Poll::Ready(value)) => {
                *self = Self::Done(Ok(value));
                true
            }
            Err(_) => {
                *self = Self::Done(Err(Panicked));
                true
            }
        }
    }
}
