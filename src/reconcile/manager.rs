//! The predecessor's names for it: `reconcile_positions` and `sync_existing_positions` on [`PositionManager`].

use std::collections::HashMap;
use std::fmt;

use super::compare::compare;
use super::plan::{Item, Plan, Policy, Repair, remarks};
use crate::book::Snapshot;
use crate::error::{Error, Rejection};
use crate::model::{Command, Instrument, InstrumentId, Sequence};
use crate::sync::fault;
use crate::venue::{Completeness, PositionManager, Scope, Venue, VenueReport};

/// What a reconciliation found and did. "In agreement" and "could not be asked" are different: the second is an
/// [`Error`] (D14).
///
/// ```
/// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
/// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
/// let report = pollster::block_on(manager.reconcile_positions())?;
/// assert_eq!(report.resolved(), 0);
/// assert_eq!(report.to_string(), "in agreement");
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReconcileReport {
    /// Every item of the plan, with what became of it.
    pub done: Vec<(Item, Outcome)>,
    /// As [`Plan::partial`].
    pub partial: Option<String>,
    /// As [`Plan::unasked`].
    pub unasked: Option<String>,
}

/// What became of one repair.
///
/// ```
/// use posbook::reconcile::Outcome;
///
/// assert_ne!(Outcome::Applied, Outcome::Waited);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was published.
    Applied,
    /// There was nothing to do yet.
    Waited,
    /// The book had changed in the meantime; nothing was changed.
    Refused(Rejection),
}

impl ReconcileReport {
    /// The predecessor's integer: how many discrepancies were resolved, by adopting or dropping.
    pub fn resolved(&self) -> usize {
        self.applied(|repair| matches!(repair, Repair::Adopt(_) | Repair::Drop(_)))
    }

    /// How many keys were released: the reports agree with the book, and nothing blocks new risk there any more (R10).
    pub fn released(&self) -> usize {
        self.applied(|repair| matches!(repair, Repair::Release { .. }))
    }

    /// How many are left: waiting, refused, or frozen until reports agree or somebody looks.
    pub fn unresolved(&self) -> usize {
        self.done.len() - self.resolved() - self.released()
    }

    fn applied(&self, which: impl Fn(&Repair) -> bool) -> usize {
        self.done.iter().filter(|(item, done)| *done == Outcome::Applied && which(&item.repair)).count()
    }
}

impl fmt::Display for ReconcileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        remarks(f, self.partial.as_deref(), self.unasked.as_deref())?;
        if self.done.is_empty() {
            return f.write_str("in agreement");
        }
        for (n, (item, outcome)) in self.done.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{} -> {}", item.discrepancy, item.repair)?;
            if let Outcome::Refused(why) = outcome {
                write!(f, " (refused: {why})")?;
            }
        }
        Ok(())
    }
}

impl<V: Venue> PositionManager<V> {
    /// Compares the book with the venue and repairs it: adopts what only the venue has, drops what only the book has,
    /// quarantines what differs, releases what agrees again. Doubts first: fills and orders are asked before positions
    /// are.
    ///
    /// An order that the venue cannot be asked about hides nothing else: the others are compared, and its own leg against
    /// what it may still do ([`Plan::unasked`], D14).
    ///
    /// # Errors
    /// The venue could not be asked for fills: the book is known to lag then, and whatever differs may be one of them. Or
    /// its report failed. Nothing was changed, and nothing was taken for flat (D13).
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Leg, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// let found = pollster::block_on(manager.reconcile_positions())?;
    /// println!("resolved {} position discrepancies", found.resolved());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn reconcile_positions(&self) -> Result<ReconcileReport, Error> {
        self.reconcile_with(Policy::default()).await
    }

    /// Takes over what the venue has open and the book does not; drops nothing. For the start of a bot.
    ///
    /// # Errors
    /// As [`PositionManager::reconcile_positions`].
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// assert_eq!(pollster::block_on(manager.sync_existing_positions())?.resolved(), 0);
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn sync_existing_positions(&self) -> Result<ReconcileReport, Error> {
        self.reconcile_with(Policy { drops: false, ..Policy::default() }).await
    }

    /// As [`PositionManager::reconcile_positions`], with a policy.
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// # use posbook::{Book, reconcile::{Consent, Policy}, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    /// pollster::block_on(manager.reconcile_with(policy))?;
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn reconcile_with(&self, policy: Policy) -> Result<ReconcileReport, Error> {
        let plan = self.plan_reconciliation(policy).await?;
        Ok(self.apply_plan(plan))
    }

    /// The dry run: asks the venue and says what would be done. Print it.
    ///
    /// # Errors
    /// As [`PositionManager::reconcile_positions`].
    ///
    /// ```
    /// # use posbook::{Book, reconcile::Policy, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// let plan = pollster::block_on(manager.plan_reconciliation(Policy::default()))?;
    /// println!("{plan}");
    /// let report = manager.apply_plan(plan);
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn plan_reconciliation(&self, policy: Policy) -> Result<Plan, Error> {
        self.book().expire();
        self.pull_fills().await?;
        let unasked = self.resolve_orders().await.err().map(|fault| fault.to_string());
        // Before the venue is asked: what changes from here on is newer than its answer may be (R8).
        let asked: Sequence = self.book().snapshot().sequence();
        let round = self.shared().memory.lock().round;
        let report = self.shared().venue.positions(Scope::All).await;
        if let Completeness::Failed(why) = &report.completeness
            && !fault("failed_is_empty")
        {
            let venue = self.shared().venue.name().to_owned();
            return Err(Error::Report { venue, completeness: "failed", why: why.clone() });
        }
        let (view, outside) = (self.book().snapshot(), self.shared().outside.as_slice());
        if fault("doubt_by_report") {
            self.believe(&view, &report);
        }
        let mut memory = self.shared().memory.lock();
        // Confirmations are reports each asked after the answer before: overlapping ones count for nothing (R8).
        let plan = if memory.round == round {
            memory.round += 1;
            compare(&view, &report, asked, &policy, outside, &mut memory.earlier)
        } else {
            let mut apart = memory.earlier.overlapping(report.venue_time);
            compare(&view, &report, asked, &policy, outside, &mut apart)
        };
        Ok(Plan { unasked, ..plan })
    }

    /// What a broken twin does: takes a position report for the word on an order that is in doubt (R1).
    fn believe(&self, view: &Snapshot, report: &VenueReport) {
        for order in view.orders().filter(|order| order.in_doubt()) {
            let symbol = view.instrument(order.key.instrument).map(Instrument::symbol);
            if report.rows.iter().all(|row| Some(&row.symbol) != symbol)
                && let Ok(sent) = self.book().reattach(order.client_id)
            {
                let _ = sent.refused(order.booked, "the report shows nothing of it");
            }
        }
    }

    /// Applies a plan: every repair by compare-and-swap, refused where the book changed since the venue was asked. A
    /// refused or broken repair never stops the others (D14).
    ///
    /// ```
    /// # use posbook::{Book, reconcile::Policy, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// let plan = pollster::block_on(manager.plan_reconciliation(Policy::default()))?;
    /// assert_eq!(manager.apply_plan(plan).unresolved(), 0);
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn apply_plan(&self, plan: Plan) -> ReconcileReport {
        let Plan { items, partial, unasked, asked } = plan;
        // A repair of one leg is no news to the plan's repair of the other: what is asked there is whether anything
        // happened since the plan's own change.
        let mut own: HashMap<InstrumentId, Sequence> = HashMap::new();
        let done = items.into_iter().map(|item| {
            let Some(mut command) = item.repair.command() else { return (item, Outcome::Waited) };
            let instrument = command.key().map(|key| key.instrument);
            let dated = !matches!(command, Command::Quarantine { asked: None, .. });
            if let Some(since) = instrument.and_then(|id| own.get(&id)) {
                asked_since(&mut command, *since);
            }
            let outcome = match self.book().apply(command) {
                Ok(published) => {
                    let last = published.publication.map(|publication| publication.last());
                    // What is frozen by count was not asked whether it is stale, so it vouches for nothing that follows.
                    own.extend(instrument.zip(last).filter(|_| dated));
                    Outcome::Applied
                }
                Err(refused) => Outcome::Refused(refused),
            };
            (item, outcome)
        });
        let done = done.collect();
        // After a restart this is what new risk waits for; that no doubt is left is asked with each increase (R15).
        if partial.is_none() {
            self.book().reported(asked);
        }
        ReconcileReport { done, partial, unasked }
    }
}

/// Moves the sequence since which a repair's instrument must not have changed.
fn asked_since(command: &mut Command, since: Sequence) {
    match command {
        Command::Adopt(adoption) => adoption.asked = since,
        Command::Drop(drop) => drop.asked = since,
        Command::Confirm { asked, .. } | Command::Quarantine { asked: Some(asked), .. } => *asked = since,
        _ => {}
    }
}
