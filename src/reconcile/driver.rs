//! Reconciling again and again: when it is due, and at once when somebody asks. No timer and no thread of its own: whoever has a
//! loop or a timer calls [`Driver::tick`].

use std::time::Duration;

use super::apply::ReconcileReport;
use super::policy::Policies;
use crate::error::Error;
use crate::model::Timestamp;
use crate::venue::{PositionManager, Venue};

/// Reconciles every so often. Time is the book's clock.
///
/// ```
/// # use posbook::{Book, reconcile::{Driver, Policy}, venue::{PaperVenue, PositionManager}};
/// # use std::time::Duration;
/// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
/// let mut driver = Driver::new(manager, Policy::default(), Duration::from_secs(60));
/// let first = pollster::block_on(driver.tick()).ok_or("due at once")??;
/// assert_eq!(first.to_string(), "in agreement");
/// assert!(pollster::block_on(driver.tick()).is_none()); // not due
/// pollster::block_on(driver.run())?; // all the same
/// assert!(driver.due_in() <= Duration::from_secs(60));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Driver<V: Venue> {
    manager: PositionManager<V>,
    policies: Policies,
    every: Duration,
    /// When the last run ended. `None`: there was none.
    last: Option<Timestamp>,
}

impl<V: Venue> Driver<V> {
    /// Reconciles with these policies, for the first time at once.
    pub fn new(manager: PositionManager<V>, policies: impl Into<Policies>, every: Duration) -> Self {
        Self { manager, policies: policies.into(), every, last: None }
    }

    /// How long until it is due: what to sleep for. Zero: now.
    pub fn due_in(&self) -> Duration {
        let now = self.manager.book().now();
        match self.last {
            // A clock that went back says nothing about how long ago that was.
            Some(last) if now >= last => self.every.saturating_sub(now.since(last)),
            _ => Duration::ZERO,
        }
    }

    /// Reconciles if it is due. `None`: it is not. A run that failed is over too: the next is due in its time.
    ///
    /// # Errors
    /// As [`PositionManager::reconcile_positions`].
    pub async fn tick(&mut self) -> Option<Result<ReconcileReport, Error>> {
        if self.due_in().is_zero() { Some(self.run().await) } else { None }
    }

    /// Reconciles now, whether it is due or not; the next run is due a whole period later. A future that is dropped in the middle
    /// has changed nothing that a run does not change, and is no run.
    ///
    /// # Errors
    /// As [`PositionManager::reconcile_positions`].
    pub async fn run(&mut self) -> Result<ReconcileReport, Error> {
        let done = self.manager.reconcile_with(self.policies.clone()).await;
        self.last = Some(self.manager.book().now());
        done
    }

    /// The manager that it reconciles with.
    pub fn manager(&self) -> &PositionManager<V> {
        &self.manager
    }

    /// Chooses repairs in another way from the next run on.
    pub fn set_policies(&mut self, policies: impl Into<Policies>) {
        self.policies = policies.into();
    }
}
