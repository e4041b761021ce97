//! Random books against random reports: complete, partial, failed, empty, without a time, older, with rows that cannot be
//! read. Whatever is reported, money is conserved, what is missing in an unfinished report stays, a plan is applied once,
//! and a second run on the same true report finds nothing to do (R8-R10, R17).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use pollster::block_on;
use posbook::reconcile::{Consent, Outcome, Policy};
use posbook::venue::{Completeness, FillPage, Scope, VenueFill, VenuePosition, VenueReport};
use posbook::{Decimal, OrderSide, PositionId, Quantity, Side, Timestamp, TroubleKind};
use proptest::prelude::*;

use crate::scale::runner;
use crate::stage::*;

const SYMBOLS: [&str; 2] = [BTC, ETH];

#[derive(Debug, Clone)]
enum Op {
    /// Somebody trades at the venue; the bot hears of it now, or when the late fills come.
    Trade { which: bool, buy: bool, tenths: u8, price: u8, late: bool },
    /// The late fills come, or the first of them.
    Come { all: bool },
    /// An order of ours leaves and is not answered.
    Lost,
    /// A reconciliation on this report.
    Reconcile { lie: Lie, consent: bool, timed: bool },
}

#[derive(Debug, Clone, Copy)]
enum Lie {
    None,
    /// Rows are missing, and it says so.
    Partial,
    Failed,
    /// Maintenance: complete, and empty.
    Empty,
    /// The first picture ever.
    Old,
    UnknownSymbol,
    Doubled,
    Zeros,
    OneSymbol,
}

fn op() -> impl Strategy<Value = Op> {
    let lie = prop_oneof![
        6 => Just(Lie::None), 2 => Just(Lie::Partial), 1 => Just(Lie::Failed), 2 => Just(Lie::Empty),
        2 => Just(Lie::Old), 1 => Just(Lie::UnknownSymbol), 1 => Just(Lie::Doubled), 1 => Just(Lie::Zeros),
        1 => Just(Lie::OneSymbol),
    ];
    prop_oneof![
        6 => (any::<bool>(), any::<bool>(), 1..20_u8, any::<u8>(), any::<bool>())
            .prop_map(|(which, buy, tenths, price, late)| Op::Trade { which, buy, tenths, price, late }),
        2 => any::<bool>().prop_map(|all| Op::Come { all }),
        1 => Just(Op::Lost),
        6 => (lie, any::<bool>(), prop::bool::weighted(0.7))
            .prop_map(|(lie, consent, timed)| Op::Reconcile { lie, consent, timed }),
    ]
}

struct Account {
    world: World,
    /// What the venue has, signed tenths.
    truth: BTreeMap<&'static str, i64>,
    late: Vec<VenueFill>,
    trades: usize,
    old: Timestamp,
    /// The report before had no rows either: two equal ones in a row are a word (R10).
    empty: Cell<bool>,
}

impl Account {
    fn new() -> Self {
        let world = world();
        let old = world.clock.now();
        Self { world, truth: BTreeMap::new(), late: Vec::new(), trades: 0, old, empty: Cell::new(false) }
    }

    fn step(&mut self, op: &Op) {
        self.world.pass(std::time::Duration::from_millis(1));
        match *op {
            Op::Trade { which, buy, tenths, price, late } => {
                let symbol = SYMBOLS[usize::from(which)];
                let side = if buy { OrderSide::Buy } else { OrderSide::Sell };
                self.trades += 1;
                // Prices that shares of cost do not divide.
                let (quantity, price) =
                    (tenths_of(i64::from(tenths)), format!("{}.7", 1_000 + u32::from(price)));
                let fill = self.world.foreign(
                    symbol,
                    &format!("{}", self.trades),
                    side,
                    &quantity.to_string(),
                    &price,
                );
                let signed = if buy { i64::from(tenths) } else { -i64::from(tenths) };
                *self.truth.entry(symbol).or_default() += signed;
                if late { self.late.push(fill) } else { self.come(vec![fill]) }
            }
            Op::Come { all } => {
                let some = if all { self.late.len() } else { self.late.len().min(1) };
                let fills = self.late.drain(..some).collect();
                self.come(fills);
            }
            Op::Lost => {
                self.world.venue.on_submit(|_| Err(lost()));
                let _ = block_on(self.world.manager.scale_in_position(BTC, q("0.3")));
            }
            Op::Reconcile { lie, consent, timed } => self.reconcile(lie, consent, timed),
        }
        self.conserved();
    }

    fn come(&self, fills: Vec<VenueFill>) {
        self.world.venue.on_fills(move |cursor| Ok(FillPage { fills, next: cursor }));
        block_on(self.world.manager.pull_fills()).unwrap();
    }

    fn rows(&self) -> Vec<VenuePosition> {
        let open = self.truth.iter().filter(|(_, tenths)| **tenths != 0);
        let side = |tenths: i64| if tenths > 0 { Side::Long } else { Side::Short };
        open.map(|(symbol, n)| row(symbol, side(*n), &tenths_of(n.abs()).to_string(), "1100.3")).collect()
    }

    fn told(&self, lie: Lie, timed: bool) -> VenueReport {
        let time = timed.then(|| self.world.clock.now());
        let mut report = self.world.report_at(time, self.rows());
        match lie {
            Lie::None => {}
            Lie::Partial => {
                report.rows.truncate(1);
                report.completeness = Completeness::Partial("page 2".into());
            }
            Lie::Failed => report = VenueReport::failed(Scope::All, "503"),
            Lie::Empty => report.rows.clear(),
            Lie::Old => (report.rows, report.venue_time) = (Vec::new(), Some(self.old)),
            Lie::UnknownSymbol => report.rows = vec![row("BTCUSDT", Side::Long, "1", "1000")],
            Lie::Doubled => report.rows = [self.rows(), self.rows()].concat(),
            Lie::Zeros => report.rows.extend(
                [BTC, ETH]
                    .map(|s| row(s, Side::Long, "0", "1000"))
                    .into_iter()
                    .filter(|zero| self.truth.get(zero.symbol.as_str()).is_none_or(|n| *n == 0)),
            ),
            Lie::OneSymbol => {
                report.scope = Scope::Only(vec![BTC.parse().unwrap()]);
                report.rows.retain(|row| row.symbol.as_str() == BTC);
            }
        }
        report
    }

    fn reconcile(&self, lie: Lie, consent: bool, timed: bool) {
        // A person who says "the account is flat" to a venue in maintenance is not asked about here.
        let consent = consent && !matches!(lie, Lie::Empty);
        let consent = if consent { Consent::EmptyMeansFlat } else { Consent::Missing };
        let (manager, policy) = (&self.world.manager, Policy { consent, skips: 4, ..Policy::default() });
        let report = self.told(lie, timed);
        // Fills that the venue's list does not have yet, and orders it knows nothing of.
        self.world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
        self.world.venue.on_report(report.clone());
        let before = self.open();
        let plan = match block_on(manager.plan_reconciliation(policy)) {
            Ok(plan) => plan,
            Err(_) => return assert!(matches!(lie, Lie::Failed)),
        };
        // Dry: a plan is data.
        assert_eq!(self.open(), before);
        let sequence = self.world.book().snapshot().sequence();
        let done = manager.apply_plan(plan.clone());
        let applied = self.world.book().snapshot();
        assert!(done.done.iter().all(|(_, outcome)| !matches!(outcome, Outcome::Refused(_))), "{done}");
        // Nothing is dropped that the report does not prove to be gone.
        let again = self.empty.replace(report.rows.iter().all(|row| row.quantity.is_zero()));
        let no_drop = matches!(lie, Lie::Partial | Lie::UnknownSymbol)
            || (matches!(lie, Lie::Old) && !again)
            || (matches!(lie, Lie::Doubled) && !self.rows().is_empty())
            || (report.rows.is_empty() && consent == Consent::Missing);
        for (symbol, id) in &before {
            let kept = self.open().get(symbol) == Some(id);
            assert!(
                kept || !(no_drop || (matches!(lie, Lie::OneSymbol) && *symbol != BTC)),
                "{lie:?}: {done}"
            );
        }
        // Once is all: a second application is refused where the first one changed something.
        manager.apply_plan(plan);
        assert_eq!(self.world.book().snapshot().digest(), applied.digest(), "applied twice");
        if applied.sequence() > sequence {
            assert!(done.done.iter().any(|(_, outcome)| *outcome == Outcome::Applied));
        }
    }

    fn open(&self) -> BTreeMap<&'static str, PositionId> {
        SYMBOLS.iter().filter_map(|s| Some((*s, self.world.manager.get_position(*s)?.id))).collect()
    }

    /// I9: cash = realised - s x C + unexplained, and no position is worth less than nothing.
    fn conserved(&self) {
        let view = self.world.book().snapshot();
        for key in view.keys() {
            let (ledger, open) = (&key.ledger, key.position.as_ref());
            let cost = open.map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
            assert_eq!(ledger.cash, ledger.realised - cost + ledger.unexplained, "{key:?}");
            assert!(open.is_none_or(|p| p.cost > Decimal::ZERO), "{open:?}");
            let gap = key.baseline.as_ref().and_then(|b| b.gap);
            assert!(gap.is_none_or(|lot| !lot.quantity.is_zero() && lot.cost > Decimal::ZERO), "{gap:?}");
        }
    }

    /// Nothing changes at the venue any more, every doubt is answered, and the report is true.
    fn settles(&self) {
        let manager = &self.world.manager;
        for order in self.world.book().reservations() {
            self.world.book().reattach(order.client_id).unwrap().refused(order.booked, "never came").unwrap();
        }
        let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
        let run = |timed| {
            self.world.pass(std::time::Duration::from_millis(1));
            self.world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
            self.world.venue.on_report(self.told(Lie::None, timed));
            block_on(manager.reconcile_with(policy)).unwrap()
        };
        // Two runs a repair where no time proves anything: a drop, then the release of what was blocked there.
        for _ in 0..4 {
            run(true);
        }
        // What differs is frozen, not guessed at.
        let frozen = run(true);
        let digest = self.world.book().snapshot().digest();
        for timed in [true, false, false, true] {
            let found = run(timed);
            assert_eq!((found.resolved(), found.released()), (0, 0), "{found}");
            assert_eq!(self.world.book().snapshot().digest(), digest, "{frozen}\n{found}");
        }
        for (symbol, tenths) in &self.truth {
            let view = self.world.book().snapshot();
            let troubles = view.key(self.world.id(symbol)).map_or(&[][..], |key| &key.troubles);
            let differs = troubles.iter().any(|t| t.kind == TroubleKind::Quarantined);
            let stands = manager.get_position(*symbol);
            let signed = stands.map_or(Decimal::ZERO, |p| match p.side {
                Side::Long => p.quantity.get(),
                Side::Short => -p.quantity.get(),
            });
            assert_eq!(signed != Decimal::new(*tenths, 1), differs, "{symbol}: {signed} {tenths} {frozen}");
        }
        self.conserved();
    }
}

fn tenths_of(n: i64) -> Quantity {
    Quantity::new(Decimal::new(n, 1)).unwrap()
}

#[test]
fn r08_r10_whatever_is_reported_money_is_conserved_and_a_second_run_finds_nothing() {
    let kinds = RefCell::new(BTreeSet::new());
    let outcome = runner(300).run(&prop::collection::vec(op(), 1..30), |ops| {
        let mut account = Account::new();
        let mut changes = account.world.book().changes();
        for op in &ops {
            account.step(op);
        }
        account.settles();
        while let Some(Ok(unit)) = changes.try_next() {
            kinds.borrow_mut().extend(unit.iter().map(|change| change.kind().to_string()));
        }
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    if crate::scale::brief() {
        return;
    }
    // A green property proves nothing about what its streams never reach.
    let kinds = kinds.into_inner();
    for kind in ["adopted", "dropped", "quarantined", "confirmed", "replaced", "in doubt", "closed"] {
        assert!(kinds.contains(kind), "{kind} was never reached: {kinds:?}");
    }
}
