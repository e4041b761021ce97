//! The predecessor's names for it: `reconcile_positions` and `sync_existing_positions` on [`PositionManager`].

use super::apply::ReconcileReport;
use super::changed;
use super::compare::{Which, compare_some};
use super::plan::Plan;
use super::policy::{Policies, Policy};
use crate::book::Snapshot;
use crate::error::Error;
use crate::model::{Instrument, Sequence};
use crate::sync::fault;
use crate::venue::{Completeness, PositionManager, Scope, Venue, VenueReport};

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

    /// As [`PositionManager::reconcile_positions`], with a policy, or with one for each key.
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
    pub async fn reconcile_with(&self, policies: impl Into<Policies>) -> Result<ReconcileReport, Error> {
        let plan = self.plan_reconciliation(policies).await?;
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
    pub async fn plan_reconciliation(&self, policies: impl Into<Policies>) -> Result<Plan, Error> {
        let policies: Policies = policies.into();
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
            // What neither side has touched since the report before agrees as it did then.
            let last = memory.last.take();
            let some =
                last.as_ref().and_then(|last| changed::since(last, self.book(), &view, &report, &policies));
            let which = some.as_ref().map_or(Which::All, Which::Only);
            let (plan, open) =
                compare_some(&view, &report, asked, &policies, outside, &mut memory.earlier, which);
            memory.last = changed::compared(&view, &report, &policies, &plan, open);
            plan
        } else {
            let mut apart = memory.earlier.overlapping(report.venue_time);
            compare_some(&view, &report, asked, &policies, outside, &mut apart, Which::All).0
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
        plan.apply(self.book())
    }
}
