//! How a world comes to rest: as a replay does, so that nothing is left that could excuse a difference.

use std::time::Duration;

use posbook::reconcile::{Consent, Policy};

use super::agents::{EXPIRE, Started};
use super::oracle::Wrong;
use super::run::World;

/// How often the venue is asked at the end, a second of market time apart.
const LAST_QUESTIONS: usize = 60;

impl World {
    /// Submissions stop, everything on its way arrives, and the venue is asked until nothing is open any more.
    pub(super) fn rest(&mut self) -> Result<(), Wrong> {
        self.note(|| "the world comes to rest".to_owned());
        self.wire.paper.finish();
        self.wire.calm();
        for _ in 0..LAST_QUESTIONS {
            self.write()?;
            while let Some(task) = self.tasks.ready().first().copied() {
                self.ended.steps += 1;
                self.poll(task)?;
                self.write()?;
            }
            if self.tasks.all().is_empty() {
                break;
            }
            self.time_goes_to(self.now.plus(Duration::from_secs(1)));
        }
        if let Some(task) = self.tasks.all().first() {
            return Err(format!(
                "task {task} ({}) does not end",
                self.names.get(task).copied().unwrap_or_default()
            ));
        }
        for question in 0..LAST_QUESTIONS {
            self.time_goes_to(self.now.plus(Duration::from_secs(1)));
            (0..self.traded.len()).for_each(|place| self.price(place, true));
            self.last(EXPIRE, self.bot.expire())?;
            self.last("read fills", self.bot.read_fills())?;
            let manager = self.bot.manager.clone();
            let pulled = pollster::block_on(manager.pull_fills());
            self.look(0)?;
            pulled.map_err(|wrong| format!("at rest the venue gives no fills: {wrong}"))?;
            self.last("resolve orders", self.bot.resolve())?;
            let view = self.book.snapshot();
            if view.orders().next().is_some() {
                continue;
            }
            let doubtful = view.keys().any(|key| key.troubles.iter().any(|t| t.kind.ends_by_agreement()));
            self.oracle.resting = true;
            if !doubtful && self.agrees()? {
                break;
            }
            self.repair(question > LAST_QUESTIONS / 2)?;
        }
        self.oracle.verdict(&self.book)
    }

    /// True reports, one after another, end what was doubtful about a quantity (R10); when they alone do not, a person says
    /// that an empty one means flat, which it does here.
    fn repair(&mut self, consented: bool) -> Result<(), Wrong> {
        let manager = self.bot.manager.clone();
        let consent = if consented { Consent::EmptyMeansFlat } else { Consent::Missing };
        let done = pollster::block_on(manager.reconcile_with(Policy { consent, ..Policy::default() }));
        self.look(0)?;
        self.after_a_picture();
        done.map(drop).map_err(|wrong| format!("at rest the venue gives no report: {wrong}"))
    }

    /// A last true report against the book.
    fn agrees(&mut self) -> Result<bool, Wrong> {
        let manager = self.bot.manager.clone();
        let plan = pollster::block_on(manager.plan_reconciliation(Policy::default()));
        self.look(0)?;
        self.after_a_picture();
        let plan = plan.map_err(|wrong| format!("at rest the venue gives no report: {wrong}"))?;
        let differs = plan.items.iter().any(|item| item.discrepancy.is_difference());
        Ok(!differs && plan.unasked.is_none())
    }

    /// One question of the end, polled until it is answered.
    fn last(&mut self, name: &'static str, started: Option<Started>) -> Result<(), Wrong> {
        let Some((_, work)) = started else { return Ok(()) };
        let task = self.tasks.start(0, self.now, work);
        self.names.insert(task, name);
        for _ in 0..1_000 {
            if self.tasks.all().is_empty() {
                return Ok(());
            }
            self.ended.steps += 1;
            self.poll(task)?;
        }
        Err(format!("{name} does not end at rest"))
    }
}
