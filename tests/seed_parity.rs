//! The predecessor's tests and behaviours, ported: users of the original find here what they know, on the public API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_types,
    reason = "a test fails by a panic, and starts threads that share flags"
)]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use pollster::block_on;
use posbook::reconcile::{Consent, Policy};
use posbook::venue::{
    Answer, Completeness, FillCursor, FillPage, OrderEnd, OrderReport, OrderRequest, OrderStatus, PaperVenue,
    PositionManager, Scope, Venue, VenueError, VenuePosition, VenueReport,
};
use posbook::{
    Book, Builder, ClientOrderId, Clock, Command, Decimal, Error, ExitPlan, Field, Fraction, Instrument,
    Intent, Leg, OrderSide, Price, Quantity, Reason, Rejection, Side, Timestamp,
};

const BTC: &str = "BTC/USDT:USDT";
const ETH: &str = "ETH/USDT:USDT";
const SOL: &str = "SOL/USDT:USDT";

fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn p(text: &str) -> Price {
    text.parse().unwrap()
}

fn f(text: &str) -> Fraction {
    text.parse().unwrap()
}

fn set(text: &str) -> Field {
    Field::Set(p(text))
}

/// A paper venue that writes down what is sent to it, and can lose the orders of one symbol.
#[derive(Clone)]
struct Recording {
    paper: PaperVenue,
    sent: Arc<Mutex<Vec<OrderRequest>>>,
    broken: Arc<Mutex<Option<String>>>,
}

impl Venue for Recording {
    fn name(&self) -> &str {
        "recording"
    }

    async fn instruments(&self) -> Result<Vec<Instrument>, VenueError> {
        self.paper.instruments().await
    }

    async fn submit(&self, order: OrderRequest) -> Result<Answer, VenueError> {
        let broken = self.broken.lock().unwrap().as_deref() == Some(order.symbol.as_str());
        self.sent.lock().unwrap().push(order.clone());
        if broken { Err(VenueError::new("connection reset")) } else { self.paper.submit(order).await }
    }

    async fn cancel(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.paper.cancel(order).await
    }

    async fn order(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.paper.order(order).await
    }

    async fn fills_since(&self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        self.paper.fills_since(cursor).await
    }

    async fn positions(&self, scope: Scope) -> VenueReport {
        self.paper.positions(scope).await
    }
}

/// A manager over a paper venue with three symbols, at 50,000, 3,000 and 100.
struct World {
    manager: PositionManager<Recording>,
    venue: Recording,
    clock: Clock,
}

fn world() -> World {
    world_of(Book::builder())
}

fn world_of(book: Builder) -> World {
    let paper = PaperVenue::builder().build();
    for (symbol, price_step) in [(BTC, "0.1"), (ETH, "0.01"), (SOL, "0.01")] {
        paper.list(Instrument::linear(symbol, price_step, "0.001").unwrap()).unwrap();
    }
    let venue = Recording { paper, sent: Arc::default(), broken: Arc::default() };
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let book = book.clock(clock.clone()).build().unwrap();
    let manager = block_on(PositionManager::connect(book, venue.clone())).unwrap();
    let world = World { manager, venue, clock };
    for (symbol, price) in [(BTC, "50000"), (ETH, "3000"), (SOL, "100")] {
        world.price(symbol, price);
    }
    world
}

impl World {
    /// The market moves, and the bot hears of it. A millisecond passes.
    fn price(&self, symbol: &str, price: &str) {
        let now = self.clock.now().plus(std::time::Duration::from_millis(1));
        self.clock.set(now);
        self.venue.paper.tick(&symbol.parse().unwrap(), p(price), now).unwrap();
        self.mark(symbol, price);
    }

    /// The bot hears a price.
    fn mark(&self, symbol: &str, price: &str) {
        self.manager.book().mark(self.manager.instrument(symbol).unwrap(), p(price)).unwrap();
    }

    /// Time passes until every mark is stale.
    fn wait_until_stale(&self) {
        self.clock.set(self.clock.now().plus(std::time::Duration::from_secs(31)));
    }

    fn open(&self, symbol: &str, side: Side, amount: &str) -> OrderReport {
        let report = block_on(self.manager.open_position(symbol, side, q(amount), 10, f("0.05"))).unwrap();
        assert_eq!(report.end, OrderEnd::Done);
        report
    }

    fn stop(&self, symbol: &str) -> Option<Price> {
        self.manager.get_position(symbol).unwrap().stop_loss()
    }

    fn take(&self, symbol: &str) -> Option<Price> {
        self.manager.get_position(symbol).unwrap().take_profit()
    }

    fn last_sent(&self) -> OrderRequest {
        self.venue.sent.lock().unwrap().last().cloned().unwrap()
    }

    fn sent(&self) -> usize {
        self.venue.sent.lock().unwrap().len()
    }

    /// The next report says this.
    fn report(&self, rows: Vec<VenuePosition>) {
        let venue_time = Some(self.clock.now());
        let completeness = Completeness::Complete;
        self.venue.paper.script_report(VenueReport { scope: Scope::All, completeness, venue_time, rows });
    }
}

fn row(symbol: &str, side: Side, quantity: &str, entry: &str, leverage: Option<&str>) -> VenuePosition {
    VenuePosition {
        symbol: symbol.parse().unwrap(),
        leg: Leg::Net,
        side,
        quantity: q(quantity),
        entry: p(entry),
        leverage: leverage.map(|l| l.parse().unwrap()),
        margin_mode: None,
        liquidation_price: None,
        contract_size: None,
    }
}

// ---- accessors

#[test]
fn accessors_of_an_empty_book() {
    let world = world();
    let manager = &world.manager;
    assert_eq!(manager.get_open_positions_count(), 0);
    assert!(!manager.has_position(BTC));
    assert!(manager.get_position(BTC).is_none());
    assert_eq!(manager.get_all_positions().iter().count(), 0);
    assert!(!manager.has_position("NOPE/USDT:USDT"));
}

#[test]
fn accessors_of_one_long() {
    let world = world();
    let manager = &world.manager;
    world.open(BTC, Side::Long, "1");
    assert_eq!(manager.get_open_positions_count(), 1);
    assert!(manager.has_position(BTC) && !manager.has_position(ETH));
    let position = manager.get_position(BTC).unwrap();
    assert_eq!(position.side, Side::Long);
    assert_eq!(position.quantity, q("1"));
    assert_eq!(position.entry_price().to_string(), "50000");
    assert_eq!(position.leverage, Some(posbook::Leverage::of(10)));
    assert_eq!(position.stop_loss(), Some(p("47500")));
    assert_eq!(position.take_profit(), Some(p("55000")));
    let all = manager.get_all_positions();
    assert_eq!(all.iter().map(|p| p.key).collect::<Vec<_>>(), [position.key]);

    // A copy, not the live object: what happens later does not reach it (D10).
    block_on(manager.close_position(BTC, "done")).unwrap();
    assert_eq!((all.len(), position.quantity), (1, q("1")));
    assert_eq!(manager.get_open_positions_count(), 0);
}

// ---- validation

#[test]
fn validation_names_the_value_and_the_rule() {
    let world = world();
    let ask = |amount: &str, leverage: u16, stop: &str| {
        world.manager.validate_position_parameters(BTC, q(amount), leverage, f(stop))
    };
    let table = [
        ("0", 10, "0.05", "Invalid amount: 0"),
        ("1", 0, "0.05", "Invalid leverage: 0"),
        ("1", 126, "0.05", "Invalid leverage: 126"),
        ("1", 10, "0", "Invalid stop loss: 0"),
        ("1", 10, "1", "Invalid stop loss: 1"),
        ("1", 10, "1.5", "Invalid stop loss: 1.5"),
        // The order of the questions: amount, leverage, stop.
        ("0", 0, "0", "Invalid amount"),
        ("1", 0, "0", "Invalid leverage"),
    ];
    for (amount, leverage, stop, message) in table {
        let refused = ask(amount, leverage, stop).unwrap_err().to_string();
        assert!(refused.contains(message), "{amount} {leverage} {stop}: {refused}");
    }
    for (amount, leverage, stop) in
        [("1", 10, "0.05"), ("1", 1, "0.05"), ("1", 125, "0.05"), ("0.001", 10, "0.001"), ("1", 10, "0.999")]
    {
        ask(amount, leverage, stop).unwrap();
    }
    for (text, message) in [("-1", "Invalid amount"), ("NaN", "Invalid amount"), ("inf", "Invalid amount")] {
        assert!(text.parse::<Quantity>().unwrap_err().to_string().contains(message));
    }

    world.open(BTC, Side::Long, "1");
    // Parameters first, then what stands there.
    assert!(ask("0", 10, "0.05").unwrap_err().to_string().contains("Invalid amount"));
    assert!(ask("1", 126, "0.05").unwrap_err().to_string().contains("Invalid leverage"));
    assert!(ask("1", 10, "1").unwrap_err().to_string().contains("Invalid stop loss"));
    let exists = ask("1", 10, "0.05").unwrap_err();
    assert!(exists.to_string().contains("already exists"));
    assert_eq!(exists.standing().map(|p| p.quantity), Some(q("1")));
    // Nothing of all this was published or sent.
    assert_eq!((world.sent(), world.manager.book().reservations().len()), (1, 0));
}

#[test]
fn an_open_is_validated_again_and_nothing_leaves() {
    let world = world();
    let open = |amount: &str, leverage, stop: &str| {
        block_on(world.manager.open_position(BTC, Side::Long, q(amount), leverage, f(stop)))
    };
    let before = world.manager.book().snapshot().sequence();
    for refused in [open("0", 10, "0.05"), open("1", 0, "0.05"), open("1", 126, "0.05"), open("1", 10, "1")] {
        assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
    }
    // No price, no order.
    world.wait_until_stale();
    let Err(Error::Rejected(no_price)) = open("1", 10, "0.05") else { panic!("an order without a price") };
    assert!(matches!(no_price.reason(), Reason::NoMark { .. }));
    assert_eq!((world.sent(), world.manager.book().snapshot().sequence()), (0, before));
}

#[test]
fn leverage_1_and_125_open() {
    for leverage in [1, 125] {
        let world = world();
        let report =
            block_on(world.manager.open_position(BTC, Side::Long, q("1"), leverage, f("0.05"))).unwrap();
        assert_eq!(report.position.unwrap().leverage, Some(posbook::Leverage::of(leverage)));
        assert_eq!(world.last_sent().leverage, Some(posbook::Leverage::of(leverage)));
    }
}

#[test]
fn an_unknown_symbol_lists_names_that_come_near() {
    let world = world();
    let refused = world.manager.validate_position_parameters("BTCUSDT", q("1"), 10, f("0.05")).unwrap_err();
    assert!(refused.to_string().contains(BTC), "{refused}");
    let refused = block_on(world.manager.close_position("btc-usdt", "typo")).unwrap_err();
    assert!(refused.to_string().contains(BTC), "{refused}");
    assert_eq!(world.sent(), 0);
}

// ---- orders

#[test]
fn targets_follow_the_fill_of_a_long_and_mirror_for_a_short() {
    let world = world();
    // The bot's mark lags behind the market: the targets come from the fill all the same (D26).
    world.venue.paper.tick(&BTC.parse().unwrap(), p("50200"), world.clock.now()).unwrap();
    let long = world.open(BTC, Side::Long, "1").position.unwrap();
    assert_eq!(long.entry_price().to_string(), "50200");
    assert_eq!((long.stop_loss(), long.take_profit()), (Some(p("47690")), Some(p("55220"))));
    let short = world.open(ETH, Side::Short, "2").position.unwrap();
    assert_eq!((short.stop_loss(), short.take_profit()), (Some(p("3150")), Some(p("2700"))));
    let sent = world.last_sent();
    assert_eq!((sent.side, sent.intent, sent.reduce_only), (OrderSide::Sell, Intent::Open, false));
}

#[test]
fn a_close_is_reduce_only_and_returns_the_profit() {
    for (side, exit, price, profit) in [
        (Side::Long, OrderSide::Sell, "51000", "1000"),
        (Side::Long, OrderSide::Sell, "49500", "-500"),
        (Side::Short, OrderSide::Buy, "49000", "1000"),
        (Side::Short, OrderSide::Buy, "50100.1", "-100.1"),
    ] {
        let world = world();
        world.open(BTC, side, "1");
        world.price(BTC, price);
        let closed = block_on(world.manager.close_position(BTC, "end of day")).unwrap();
        assert_eq!(closed.end, OrderEnd::Done);
        assert_eq!(closed.realised, Some(Decimal::from_str_exact(profit).unwrap()));
        assert!(closed.position.is_none() && !world.manager.has_position(BTC));
        let sent = world.last_sent();
        assert_eq!((sent.side, sent.intent, sent.quantity), (exit, Intent::Close, q("1")));
        assert!(sent.reduce_only);
    }
    let world = world();
    let nothing = block_on(world.manager.close_position(BTC, "nothing there"));
    let Err(Error::Rejected(refused)) = nothing else { panic!("closed nothing") };
    assert!(matches!(refused.reason(), Reason::NoPosition { .. }));
}

#[test]
fn a_close_needs_no_price() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.wait_until_stale();
    assert_eq!(block_on(world.manager.close_position(BTC, "blind")).unwrap().end, OrderEnd::Done);
}

#[test]
fn scaling_in_weighs_the_entry_and_leaves_the_targets() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "51000");
    let added = block_on(world.manager.scale_in_position(BTC, q("1"))).unwrap();
    let position = added.position.unwrap();
    assert_eq!((position.quantity, position.entry_price().to_string()), (q("2"), "50500".to_owned()));
    assert_eq!((position.stop_loss(), position.take_profit()), (Some(p("47500")), Some(p("55000"))));
    let sent = world.last_sent();
    assert_eq!((sent.side, sent.intent, sent.reduce_only), (OrderSide::Buy, Intent::ScaleIn, false));
}

#[test]
fn scaling_out_is_reduce_only_and_leaves_the_entry() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "51000");
    let reduced = block_on(world.manager.scale_out_position(BTC, q("0.4"), "some off")).unwrap();
    let position = reduced.position.unwrap();
    assert_eq!((position.quantity, position.entry_price().to_string()), (q("0.6"), "50000".to_owned()));
    assert_eq!(reduced.realised, Some(Decimal::from(400)));
    let sent = world.last_sent();
    assert_eq!((sent.side, sent.intent, sent.reduce_only), (OrderSide::Sell, Intent::ScaleOut, true));
}

#[test]
fn scaling_out_all_or_more_is_a_close() {
    for amount in ["1", "1.001", "99"] {
        let world = world();
        world.open(BTC, Side::Short, "1");
        let closed = block_on(world.manager.scale_out_position(BTC, q(amount), "all of it")).unwrap();
        assert!(closed.position.is_none());
        let sent = world.last_sent();
        assert_eq!((sent.intent, sent.quantity, sent.reduce_only), (Intent::Close, q("1"), true));
    }
}

#[test]
fn ten_scale_outs_of_a_tenth_end_exactly_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1.0");
    for n in 1..=10 {
        let left = block_on(world.manager.scale_out_position(BTC, q("0.1"), "a tenth")).unwrap().position;
        assert_eq!(left.map(|p| p.quantity.get()), (n < 10).then(|| Decimal::new(10 - n, 1)));
    }
    assert_eq!(world.manager.get_open_positions_count(), 0);
    let view = world.manager.get_all_positions();
    let ledger = &view.key(world.manager.instrument(BTC).unwrap()).unwrap().ledger;
    assert!(ledger.cash.is_zero() && ledger.realised.is_zero() && ledger.unexplained.is_zero());
}

#[test]
fn minus_15_percent_of_the_margin_at_50x_from_100_is_exactly_99_70() {
    let world = world();
    // A loss of 15 % of the margin at 50x is a move of 0.15 / 50 of the price.
    let stop = Fraction::new(Decimal::new(15, 2) / Decimal::from(50)).unwrap();
    let opened = block_on(world.manager.open_position(SOL, Side::Long, q("1"), 50, stop)).unwrap();
    assert_eq!(opened.position.unwrap().stop_loss(), Some(p("99.70")));
    assert_eq!(world.stop(SOL).unwrap().to_string(), "99.7");
    world.price(SOL, "99.71");
    assert!(block_on(world.manager.update_positions()).closed.is_empty());
    world.price(SOL, "99.70");
    assert_eq!(block_on(world.manager.update_positions()).closed.len(), 1);
}

// ---- targets

#[test]
fn safe_update_of_a_long() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let ask = |stop, take| world.manager.safe_update_position_targets(BTC, stop, take, "test");
    for with_mark in [true, false] {
        if !with_mark {
            // No mark above it: the entry is what counts.
            world.wait_until_stale();
        }
        assert_eq!(ask(set("48000"), Field::Keep).unwrap().stop, Some(p("48000")));
        assert!(wrong_side(&ask(set("51000"), Field::Keep)));
        assert_eq!(world.stop(BTC), Some(p("48000")));
        assert_eq!(ask(Field::Keep, set("56000")).unwrap().take, Some(p("56000")));
        assert!(wrong_side(&ask(Field::Keep, set("49000"))));
        assert_eq!(world.take(BTC), Some(p("56000")));
        // Equality is refused.
        assert!(wrong_side(&ask(set("50000"), Field::Keep)));
        assert!(wrong_side(&ask(Field::Keep, set("50000"))));
        // Both or neither.
        assert!(ask(set("48500"), set("49000")).is_err());
        assert!(ask(set("51000"), set("57000")).is_err());
        assert_eq!((world.stop(BTC), world.take(BTC)), (Some(p("48000")), Some(p("56000"))));
    }
    let both = ask(set("48500"), set("57000")).unwrap();
    assert_eq!((both.stop, both.take), (Some(p("48500")), Some(p("57000"))));
}

#[test]
fn safe_update_of_a_short() {
    let world = world();
    world.open(ETH, Side::Short, "1");
    let ask = |stop, take| world.manager.modify_position_targets(ETH, stop, take);
    for with_mark in [true, false] {
        if !with_mark {
            world.wait_until_stale();
        }
        assert_eq!(ask(set("3100"), Field::Keep).unwrap().stop, Some(p("3100")));
        assert!(wrong_side(&ask(set("2900"), Field::Keep)));
        assert_eq!(ask(Field::Keep, set("2600")).unwrap().take, Some(p("2600")));
        assert!(wrong_side(&ask(Field::Keep, set("3100"))));
        assert!(wrong_side(&ask(set("3000"), Field::Keep)));
        assert!(wrong_side(&ask(Field::Keep, set("3000"))));
        assert!(ask(set("3050"), set("3100")).is_err());
        assert_eq!((world.stop(ETH), world.take(ETH)), (Some(p("3100")), Some(p("2600"))));
    }
}

fn wrong_side(result: &Result<posbook::Targets, Rejection>) -> bool {
    matches!(result, Err(refused) if matches!(refused.reason(), Reason::WrongSideTarget { .. }))
}

#[test]
fn a_stop_with_the_market_above_it_locks_profit_in() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "52000");
    let ask = |stop| world.manager.safe_update_position_targets(BTC, stop, Field::Keep, "lock in");
    assert_eq!(ask(set("51000")).unwrap().stop, Some(p("51000")));
    // And below a losing long's entry, but above the market, it is refused (D30).
    world.price(BTC, "49000");
    assert!(wrong_side(&world.manager.modify_position_targets(BTC, set("51500"), Field::Keep)));
}

#[test]
fn the_reason_of_an_update_is_in_the_change() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut changes = world.manager.book().changes();
    world.manager.safe_update_position_targets(BTC, set("48000"), Field::Keep, "trailing_stop").unwrap();
    let published = changes.try_next().unwrap().unwrap();
    let change = published.iter().next().unwrap();
    assert_eq!(change.cause.command.reason(), "trailing_stop");
    let (before, after) = change.positions();
    assert_eq!(before.unwrap().stop_loss(), Some(p("47500")));
    assert_eq!(after.unwrap().stop_loss(), Some(p("48000")));
}

#[test]
fn targets_of_nothing_are_refused() {
    let world = world();
    let refused = world.manager.modify_position_targets(BTC, set("48000"), Field::Keep).unwrap_err();
    assert!(matches!(refused.reason(), Reason::NoPosition { .. }));
}

// ---- reconciliation

#[test]
fn reconciling_nothing_with_nothing_is_0() {
    let world = world();
    assert_eq!(block_on(world.manager.reconcile_positions()).unwrap().resolved(), 0);
    assert_eq!(block_on(world.manager.sync_existing_positions()).unwrap().resolved(), 0);
}

#[test]
fn a_position_that_only_the_venue_has_is_taken_over() {
    let world = world();
    world.report(vec![row(BTC, Side::Long, "1.0", "50000", Some("10"))]);
    let found = block_on(world.manager.reconcile_positions()).unwrap();
    assert_eq!((found.resolved(), found.unresolved()), (1, 0));
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!((position.side, position.quantity), (Side::Long, q("1")));
    assert_eq!(position.entry_price().to_string(), "50000");
    assert_eq!(position.leverage, Some(posbook::Leverage::of(10)));
}

#[test]
fn an_orphan_is_dropped() {
    let world = world();
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![]);
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    assert_eq!(block_on(world.manager.reconcile_with(policy)).unwrap().resolved(), 1);
    assert!(!world.manager.has_position(ETH));

    // Beside another position no consent is needed: the report is not empty.
    let world = self::world();
    world.open(ETH, Side::Long, "1");
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "1", "50000", None)]);
    assert_eq!(block_on(world.manager.reconcile_positions()).unwrap().resolved(), 1);
    assert!(!world.manager.has_position(ETH) && world.manager.has_position(BTC));
}

#[test]
fn sync_only_takes_over() {
    let world = world();
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Short, "2", "50000", None)]);
    assert_eq!(block_on(world.manager.sync_existing_positions()).unwrap().resolved(), 1);
    assert!(world.manager.has_position(BTC) && world.manager.has_position(ETH));
}

#[test]
fn adopted_targets_come_from_the_current_price() {
    for (side, stop, take) in [(Side::Long, "48450", "56100"), (Side::Short, "53550", "45900")] {
        let world = world();
        world.price(BTC, "51000");
        world.report(vec![row(BTC, side, "1", "50000", Some("10"))]);
        assert_eq!(block_on(world.manager.reconcile_positions()).unwrap().resolved(), 1);
        assert_eq!((world.stop(BTC), world.take(BTC)), (Some(p(stop)), Some(p(take))));
    }
}

#[test]
fn leverage_that_the_venue_does_not_say_stays_unknown() {
    let world = world();
    world.report(vec![
        row(BTC, Side::Long, "1", "50000", None),
        row(ETH, Side::Long, "1", "3000", Some("5.02")),
    ]);
    assert_eq!(block_on(world.manager.sync_existing_positions()).unwrap().resolved(), 2);
    assert_eq!(world.manager.get_position(BTC).unwrap().leverage, None);
    assert_eq!(world.manager.get_position(ETH).unwrap().leverage, Some("5.02".parse().unwrap()));
}

// ---- exits

#[test]
fn exits_fire_at_their_price_inclusive_on_both_ends() {
    for (side, quiet, fires, rule) in [
        (Side::Long, "47500.1", "47500", "stop loss"),
        (Side::Long, "54999.9", "55000", "take profit"),
        (Side::Short, "52499.9", "52500", "stop loss"),
        (Side::Short, "45000.1", "45000", "take profit"),
    ] {
        let world = world();
        world.open(BTC, side, "1");
        world.price(BTC, quiet);
        let pass = block_on(world.manager.update_positions());
        assert!(pass.closed.is_empty() && pass.stale.is_empty() && pass.faults.is_empty());
        assert!(world.manager.has_position(BTC), "{side} at {quiet}");
        world.price(BTC, fires);
        let pass = block_on(world.manager.update_positions());
        assert_eq!(pass.closed.len(), 1, "{side} at {fires}");
        assert!(!world.manager.has_position(BTC));
        let sent = world.last_sent();
        assert!(sent.reduce_only && sent.intent == Intent::Close);
        // Which rule fired is in the book's own account of it.
        let mut changes = world.manager.book().changes_after(posbook::Sequence(0));
        let told = std::iter::from_fn(|| changes.try_next())
            .any(|publication| publication.unwrap().iter().any(|c| c.cause.command.reason() == rule));
        assert!(told, "{rule}");
    }
}

#[test]
fn exits_fire_beyond_their_price_too() {
    for (side, price) in
        [(Side::Long, "40000"), (Side::Long, "60000"), (Side::Short, "60000"), (Side::Short, "40000")]
    {
        let world = world();
        world.open(BTC, side, "1");
        world.price(BTC, price);
        assert_eq!(block_on(world.manager.update_positions()).closed.len(), 1);
    }
}

#[test]
fn one_bad_symbol_never_stops_the_others() {
    let world = world();
    for symbol in [BTC, ETH, SOL] {
        world.open(symbol, Side::Long, "1");
    }
    *world.venue.broken.lock().unwrap() = Some(ETH.to_owned());
    for (symbol, price) in [(BTC, "47000"), (ETH, "2800"), (SOL, "90")] {
        world.price(symbol, price);
    }
    let pass = block_on(world.manager.update_positions());
    assert_eq!(pass.closed.len(), 3);
    assert!(!world.manager.has_position(BTC) && !world.manager.has_position(SOL));
    // What became of the broken one nobody knows, and it says so.
    assert!(world.manager.has_position(ETH));
    assert_eq!(world.manager.get_all_positions().totals().in_doubt, 1);

    // Neither does a symbol without a price.
    let world = self::world();
    for symbol in [BTC, ETH] {
        world.open(symbol, Side::Long, "1");
    }
    world.wait_until_stale();
    world.mark(ETH, "2800");
    let pass = block_on(world.manager.update_positions());
    assert_eq!((pass.closed.len(), pass.stale.len()), (1, 1));
    assert!(world.manager.has_position(BTC) && !world.manager.has_position(ETH));
}

// ---- trailing

/// 2 % behind the best price, from the start; the best price starts at the entry.
fn two_percent() -> ExitPlan {
    ExitPlan::default().trailing(f("0"), f("0.02"))
}

#[test]
fn trailing_moves_on_a_new_extreme_only_and_only_in_favour() {
    for (side, course) in [
        (
            Side::Long,
            // Price, stop: at the entry and against it nothing; 51,000 x 0.98; back; 52,000 x 0.98.
            [
                ("50000", "47500"),
                ("49000", "47500"),
                ("51000", "49980"),
                ("50500", "49980"),
                ("52000", "50960"),
            ],
        ),
        (
            Side::Short,
            [
                ("50000", "52500"),
                ("51000", "52500"),
                ("49000", "49980"),
                ("49500", "49980"),
                ("48000", "48960"),
            ],
        ),
    ] {
        let world = world();
        world.open(BTC, side, "1");
        let btc = world.manager.instrument(BTC).unwrap();
        world.manager.book().apply(Command::plan(btc, two_percent())).unwrap();
        for (price, stop) in course {
            world.price(BTC, price);
            assert!(block_on(world.manager.update_positions()).closed.is_empty());
            let position = world.manager.get_position(BTC).unwrap();
            assert_eq!(position.stop_loss(), Some(p(stop)), "{side} at {price}");
        }
        // The stop fires where it was brought, inclusive.
        let (_, stop) = course[4];
        world.price(BTC, stop);
        assert_eq!(block_on(world.manager.update_positions()).closed.len(), 1);
        assert!(!world.manager.has_position(BTC));
    }
}

#[test]
fn trailing_is_every_position_s_if_the_book_is_built_with_it() {
    let world = world_of(Book::builder().default_exits(two_percent()));
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Short, "1");
    world.price(BTC, "51000");
    world.price(ETH, "2900");
    assert_eq!(block_on(world.manager.update_positions()).trailed.len(), 2);
    assert_eq!(world.manager.get_position(BTC).unwrap().stop_loss(), Some(p("49980")));
    assert_eq!(world.manager.get_position(ETH).unwrap().stop_loss(), Some(p("2958")));
    // The predecessor overwrote a stop that was set closer by hand (D9).
    world.manager.modify_position_targets(BTC, set("50900"), Field::Keep).unwrap();
    world.price(BTC, "51500");
    block_on(world.manager.update_positions());
    assert_eq!(world.manager.get_position(BTC).unwrap().stop_loss(), Some(p("50900")));
}

// ---- concurrency

/// 3 positions, 5 threads, 100 rounds of 4 reads each: the predecessor's test, with writers. Every fill is at one
/// price, stop and take move together, so whatever is read must add up: a new entry with the old amount, half an
/// update of targets, or a count of another moment than the list would show.
#[test]
fn five_hundred_rounds_of_reads_beside_writers() {
    let world = world();
    for (symbol, side) in [(BTC, Side::Long), (ETH, Side::Short), (SOL, Side::Long)] {
        world.open(symbol, side, "1");
    }
    let (rounds, writes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (done, start) = (AtomicBool::new(false), Barrier::new(5 + 3));
    let manager = &world.manager;
    // Market time goes on, as it does.
    let millis = AtomicI64::new(2_000);
    let later = || {
        let now = Timestamp::from_millis(millis.fetch_add(1, Ordering::Relaxed));
        world.venue.paper.advance(now);
    };
    thread::scope(|scope| {
        let writers: Vec<Box<dyn Fn(usize) + Send>> = vec![
            Box::new(|_| {
                block_on(manager.scale_in_position(BTC, q("0.5"))).unwrap();
                block_on(manager.scale_out_position(BTC, q("0.5"), "back")).unwrap();
            }),
            Box::new(|n| {
                // Both up together by the same amount, as long as the stop stays below the market.
                let up = Decimal::from(n.min(2_000));
                let at = |base: i64| Field::Set(Price::new(Decimal::from(base) + up).unwrap());
                manager.modify_position_targets(BTC, at(47_500), at(55_000)).unwrap();
            }),
            Box::new(|_| {
                block_on(manager.close_position(SOL, "and again")).unwrap();
                block_on(manager.open_position(SOL, Side::Long, q("1"), 10, f("0.05"))).unwrap();
            }),
        ];
        for write in writers {
            let (done, start, writes, later) = (&done, &start, &writes, &later);
            scope.spawn(move || {
                start.wait();
                let mut n = 0;
                while !done.load(Ordering::Acquire) || n < 20 {
                    later();
                    write(n);
                    n += 1;
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let readers: Vec<_> = (0..5)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let mut newest = posbook::Sequence(0);
                    for _ in 0..100 {
                        let count = manager.get_open_positions_count();
                        assert!(count == 2 || count == 3, "{count}");
                        assert!(manager.has_position(BTC) && manager.has_position(ETH));
                        let btc = manager.get_position(BTC).unwrap();
                        assert!(btc.quantity == q("1") || btc.quantity == q("1.5"), "{}", btc.quantity);
                        assert_eq!(btc.cost, btc.quantity.get() * Decimal::from(50_000));
                        assert_eq!(btc.entry_price(), Decimal::from(50_000));
                        let apart = btc.take_profit().unwrap().get() - btc.stop_loss().unwrap().get();
                        assert_eq!(apart, Decimal::from(7_500), "half an update");
                        let all = manager.get_all_positions();
                        assert_eq!(all.len(), all.iter().count());
                        assert_eq!(all.totals().positions, all.len());
                        assert!(all.sequence() >= newest, "an older picture than before");
                        newest = all.sequence();
                        for position in all.iter() {
                            let price = match position.key.instrument.0 {
                                0 => 50_000,
                                1 => 3_000,
                                _ => 100,
                            };
                            assert_eq!(position.cost, position.quantity.get() * Decimal::from(price));
                            assert!(position.stop_loss().is_some() && position.take_profit().is_some());
                        }
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Release);
        assert!(outcomes.iter().all(Result::is_ok));
    });
    assert_eq!(rounds.load(Ordering::Relaxed), 500);
    assert!(writes.load(Ordering::Relaxed) >= 60);
    // At rest: three positions of one contract, nothing unresolved, and the venue agrees.
    let view = manager.get_all_positions();
    assert!(view.iter().all(|position| position.quantity == q("1")));
    assert_eq!((view.len(), view.totals().orders, view.totals().troubled), (3, 0, 0));
    later();
    // Reading the account's fills from the beginning finds some that the ring has forgotten: too old to tell (R3). The
    // report that agrees ends that at once (R10).
    let found = block_on(manager.reconcile_positions()).unwrap();
    assert!(found.done.iter().all(|(item, _)| !item.discrepancy.is_difference()), "{found}");
    assert_eq!((found.unresolved(), manager.get_all_positions().totals().troubled), (0, 0), "{found}");
    assert_eq!(world.venue.paper.stats().duplicate_orders, 0);
}
