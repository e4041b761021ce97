//! What a bot does: strategies that trade, and those that keep the book up with the venue. Each call here is one task.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use posbook::reconcile::{Consent, Plan, Policy};
use posbook::venue::{FillCursor, PositionManager, Venue, VenueFill};
use posbook::{
    Command, ExitPlan, Field, Fraction, Owner, Position, PositionKey, Price, Sequence, Side, Snapshot, Tags,
};
use rust_decimal::Decimal;

use super::dice::Dice;
use super::executor::{Done, Work};
use super::market::Traded;
use super::options::Options;
use super::oracle::{Batch, GRID};
use super::wire::Wire;

/// The task after which nothing is overdue.
pub(super) const EXPIRE: &str = "expire";
/// How often a difference may be met without being decided.
pub(super) const SKIPS: u32 = 4;
/// What an order is worth, in the quote currency.
const NOTIONAL: u64 = 2_000;

/// Everything that the agents share.
pub(super) struct Bot {
    pub(super) manager: PositionManager<Wire>,
    pub(super) wire: Wire,
    pub(super) owners: u64,
    /// Whether a part of it goes by a tag.
    tagged: bool,
    /// How far the fill reader has read.
    read: Rc<Cell<FillCursor>>,
    /// What the oracle has not looked at yet: plans with the book that each was made of, and batches.
    pub(super) plans: Rc<RefCell<Vec<(Snapshot, Plan)>>>,
    pub(super) batches: Rc<RefCell<Vec<Batch>>>,
}

/// A task to be started, and what it is called in the trace.
pub(super) type Started = (&'static str, Work);

fn quiet(name: &'static str, work: impl Future<Output = ()> + 'static) -> Option<Started> {
    Some((
        name,
        Box::pin(async move {
            work.await;
            Done::Nothing
        }),
    ))
}

impl Bot {
    pub(super) fn new(manager: PositionManager<Wire>, wire: Wire, options: &Options) -> Self {
        let (owners, tagged) = (options.owners, options.tagged > 0);
        let (read, plans, batches) = (Rc::default(), Rc::default(), Rc::default());
        Self { manager, wire, owners, tagged, read, plans, batches }
    }

    // ---- what keeps the book up with the venue

    /// Reads the account's fills as a second path beside the answers: the same fill comes twice.
    pub(super) fn read_fills(&self) -> Option<Started> {
        let (manager, wire, read) = (self.manager.clone(), self.wire.clone(), Rc::clone(&self.read));
        quiet("read fills", async move {
            let Ok(page) = wire.fills_since(read.get()).await else { return };
            for VenueFill { symbol, mut fill } in page.fills {
                if let Ok(id) = manager.instrument(symbol.as_str()) {
                    fill.instrument = id;
                    let _ = manager.book().record(fill);
                }
            }
            read.set(page.next.max(read.get()));
        })
    }

    pub(super) fn pass(&self) -> Option<Started> {
        let manager = self.manager.clone();
        quiet("pass", async move { drop(manager.update_positions().await) })
    }

    pub(super) fn resolve(&self) -> Option<Started> {
        let manager = self.manager.clone();
        quiet("resolve orders", async move { drop(manager.resolve_orders().await) })
    }

    pub(super) fn expire(&self) -> Option<Started> {
        let manager = self.manager.clone();
        quiet(EXPIRE, async move {
            manager.book().expire();
        })
    }

    pub(super) fn flatten(&self) -> Option<Started> {
        let manager = self.manager.clone();
        quiet("flatten", async move { drop(manager.flatten("everything out").await) })
    }

    /// A reconciliation in one of its ways: as it is, planned now and applied later, only adopting, with consent.
    pub(super) fn reconcile(&self, dice: &mut Dice) -> Option<Started> {
        let (manager, wire) = (self.manager.clone(), self.wire.clone());
        let mut policy = Policy { skips: SKIPS, ..Policy::default() };
        let name = match dice.below(10) {
            0..=4 => "reconcile",
            5..=7 => "plan, then apply",
            8 => {
                policy.drops = false;
                "sync"
            }
            _ => {
                policy.consent = Consent::EmptyMeansFlat;
                "reconcile with consent"
            }
        };
        let later = (name == "plan, then apply").then(|| Duration::from_millis(dice.between(10, 1_500)));
        let plans = Rc::clone(&self.plans);
        let work = async move {
            let plan = manager.plan_reconciliation(policy).await;
            if let Ok(plan) = &plan {
                plans.borrow_mut().push((manager.book().snapshot(), plan.clone()));
            }
            if let Some(later) = later {
                wire.pause(later).await;
            }
            match plan {
                Ok(plan) => {
                    manager.apply_plan(plan);
                    Done::Reconciled { error: false }
                }
                Err(_) => Done::Reconciled { error: true },
            }
        };
        Some((name, Box::pin(work)))
    }

    // ---- what trades

    /// A strategy looks at one key and does something about it, now or a little later than it has decided.
    pub(super) fn trade(&self, strategy: u64, traded: &[Traded], dice: &mut Dice) -> Option<Started> {
        let market = dice.pick(traded)?;
        let owner = Owner(u32::try_from(strategy % self.owners).ok()?);
        let side = market.side(if dice.percent(50) { Side::Long } else { Side::Short });
        let leg = market.instrument.mode().leg(side);
        let key = PositionKey { instrument: market.id, leg, owner };
        let position = self.manager.book().snapshot().get(key).cloned();
        match position {
            None => self.enter(key, side, market, traded, dice),
            Some(position) => self.manage(&position, market, dice),
        }
    }

    fn enter(
        &self,
        key: PositionKey,
        side: Side,
        market: &Traded,
        traded: &[Traded],
        dice: &mut Dice,
    ) -> Option<Started> {
        if dice.percent(5) {
            return self.on_its_way(key, dice);
        }
        let first = self.open(key, side, market, dice)?;
        let other = dice.pick(traded).filter(|other| other.id != market.id);
        if let Some(other) = other.filter(|_| dice.percent(20)) {
            let side = other.side(side.exit().opens());
            let second = PositionKey { instrument: other.id, leg: other.instrument.mode().leg(side), ..key };
            let wishes = vec![Command::expect_absent(second), first, self.open(second, side, other, dice)?];
            return self.pair(wishes);
        }
        self.order(first, dice)
    }

    fn open(&self, key: PositionKey, side: Side, market: &Traded, dice: &mut Dice) -> Option<Command> {
        let quantity = market.worth(dice.between(NOTIONAL, 2 * NOTIONAL))?;
        let stop = dice.pick(&["0.0008", "0.0015", "0.003", "0.02"])?;
        let leverage = *dice.pick(&[3, 5, 10])?;
        let mut wish = Command::open(key, side, quantity).leverage(leverage).stop(stop).ok()?;
        if dice.percent(50) {
            let view = self.manager.book().snapshot();
            wish = wish.expect_revision(view.key(key).map_or(Sequence(0), |k| k.revision));
        }
        if let Some(plan) = plan(dice) {
            wish = wish.exits(plan);
        }
        if self.tagged && dice.percent(50) {
            wish = wish.tag(GRID).ok()?;
        }
        Some(wish.into())
    }

    /// Another name for a position: into the group, beside it, or out of it.
    fn retag(&self, open: &Position, dice: &mut Dice) -> Option<Started> {
        let names: &[&str] = dice.pick(&[&[GRID][..], &[GRID, "night"], &["night"], &[]])?;
        let tags = Tags::new(names.iter().filter_map(|name| name.parse().ok())).ok()?;
        self.apply(Command::tag(open.key, tags).expect_position(open.id).because("another name").into(), dice)
    }

    fn manage(&self, open: &Position, market: &Traded, dice: &mut Dice) -> Option<Started> {
        let (key, id) = (open.key, open.id);
        if self.tagged && dice.percent(10) {
            return self.retag(open, dice);
        }
        let part = |parts: u64| market.on_step(open.quantity.get().checked_div(Decimal::from(parts))?);
        match dice.below(20) {
            // One addition at a time, decided on this state of the key: the venue counts two at once as one too many.
            0..=4 => {
                let view = self.manager.book().snapshot();
                let state = view.key(key).filter(|key| !key.orders.iter().any(|o| o.intent.increases()))?;
                let wish = Command::scale_in(key, market.worth(NOTIONAL)?);
                self.order(wish.expect_revision(state.revision).into(), dice)
            }
            5..=8 => {
                let quantity =
                    part(dice.between(1, 4)).filter(|part| *part >= market.instrument.minimum())?;
                if dice.percent(50) {
                    let manager = self.manager.clone();
                    return quiet("scale out", async move {
                        drop(manager.scale_out_position(key, quantity, "part of it").await);
                    });
                }
                self.order(Command::scale_out(key, quantity).expect_position(id).because("part").into(), dice)
            }
            9..=11 if dice.percent(50) => {
                let manager = self.manager.clone();
                quiet("close", async move { drop(manager.close_position(key, "changed its mind").await) })
            }
            9..=11 => self.order(Command::close(key).expect_position(id).because("out").into(), dice),
            // The stop half way to the market; now and then, in so many words, away from it or gone.
            12..=15 => {
                let (stop, mark) = (open.targets.stop?, market.price()?);
                let half = Price::nearest((stop.get() + mark.get()) / Decimal::TWO).ok()?;
                let away = Price::nearest(stop.get() + (stop.get() - mark.get()) / Decimal::TWO).ok()?;
                let wish = Command::retarget(key).expect_position(id);
                self.apply(
                    match dice.below(10) {
                        0 => wish.loosen_stop(Field::Set(away)).because("more room").into(),
                        1 => wish.remove_take().because("no goal").into(),
                        _ => wish.stop(half).because("half way").into(),
                    },
                    dice,
                )
            }
            16 | 17 => {
                let plan = plan(dice).unwrap_or_default();
                self.apply(Command::plan(key, plan).expect_position(id).because("another plan").into(), dice)
            }
            18 => self.on_its_way(key, dice),
            _ => self.apply(Command::CancelClosing { key, reason: "stays".into() }, dice),
        }
    }

    /// A key whose orders are on their way is made closing.
    fn on_its_way(&self, key: PositionKey, dice: &mut Dice) -> Option<Started> {
        let view = self.manager.book().snapshot();
        let position = view.get(key).map(|open| open.id);
        self.apply(Command::StartClosing { key, position, cause: "enough".into() }, dice)
    }

    /// A command that sends nothing, now or later.
    fn apply(&self, command: Command, dice: &mut Dice) -> Option<Started> {
        let (manager, wire) = (self.manager.clone(), self.wire.clone());
        let later = dice.percent(40).then(|| Duration::from_millis(dice.between(20, 1_500)));
        quiet(command.name(), async move {
            if let Some(later) = later {
                wire.pause(later).await;
            }
            let _ = manager.book().apply(command);
        })
    }

    /// An order: at once; decided now and sent later; claimed now and sent later; or claimed and let go.
    fn order(&self, command: Command, dice: &mut Dice) -> Option<Started> {
        let (manager, wire) = (self.manager.clone(), self.wire.clone());
        let long = Duration::from_millis(dice.between(20, 1_500));
        let name = command.name();
        match dice.below(20) {
            0..=10 => quiet(name, async move { drop(manager.order(command).await) }),
            11..=15 => quiet(name, async move {
                wire.pause(long).await;
                drop(manager.order(command).await);
            }),
            16..=18 => quiet(name, async move {
                let Ok(claim) = manager.book().reserve(command) else { return };
                wire.pause(long).await;
                drop(manager.send(claim).await);
            }),
            _ => quiet(name, async move {
                let Ok(claim) = manager.book().reserve(command) else { return };
                wire.pause(long).await;
                claim.release();
            }),
        }
    }

    /// Both legs or none.
    fn pair(&self, wishes: Vec<Command>) -> Option<Started> {
        let manager = self.manager.clone();
        let batches = Rc::clone(&self.batches);
        quiet("pair", async move {
            let sequence = || manager.book().snapshot().sequence();
            let before = sequence();
            let submitted = manager.book().submit(wishes);
            let orders = submitted.as_ref().ok().map(|batch| batch.reservations.len());
            batches.borrow_mut().push(Batch { before, after: sequence(), orders });
            if let Ok(batch) = submitted {
                drop(manager.send_all(batch.reservations).await);
            }
        })
    }
}

/// How a position is left beside its stop and take profit: every part of a plan turns up, alone and with others.
fn plan(dice: &mut Dice) -> Option<ExitPlan> {
    let fraction = |text: &str| text.parse::<Fraction>().ok();
    let (nothing, small, wide, half) =
        (fraction("0")?, fraction("0.0005")?, fraction("0.002")?, fraction("0.5")?);
    let parts = dice.below(16);
    let mut plan = ExitPlan::default();
    if parts & 1 > 0 {
        plan = plan.trailing(small, wide);
    }
    if parts & 2 > 0 {
        plan = plan.break_even(small, nothing);
    }
    if parts & 4 > 0 {
        plan = plan.tier(small, half).tier(wide, half);
    }
    if parts & 8 > 0 {
        plan = plan.max_age(Duration::from_secs(3));
    }
    (!plan.is_empty()).then_some(plan)
}
