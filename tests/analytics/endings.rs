//! What closed a position is read from the change that did: one scenario a cause.

use std::time::Duration;

use posbook::analytics::{Ending, Figure, Group, Life, Lives, Performance, Unknown};
use posbook::{
    Bust, Command, DropPosition, Exit, ExitRule, Forced, Fraction, OrderSide, Price, Quantity, Reduction,
    Side, Tier,
};

use super::{Bench, START, d};

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

impl Bench {
    /// Opens one contract by an order of ours.
    fn open(&mut self, at: &str) {
        self.book.mark(self.btc, price(at)).unwrap();
        let wish = Command::open(self.btc, Side::Long, "1".parse().unwrap()).leverage(10);
        self.order(wish.stop("0.05").unwrap().into(), OrderSide::Buy, at);
    }

    /// Reserves, sends and fills one order whole.
    fn order(&mut self, wish: Command, side: OrderSide, at: &str) {
        let sent = self.book.reserve(wish).unwrap().sent().unwrap();
        let fill = self.trade(side, &sent.order().quantity.to_string(), at).order(sent.client_id());
        let quantity = fill.quantity;
        self.book.record(fill).unwrap();
        sent.complete(quantity).unwrap();
    }

    /// The exit of this rule, at this mark.
    fn exit(&self, rule: ExitRule, mark: &str) -> Reduction {
        let position = self.book.snapshot().get(self.btc).unwrap().id;
        Command::exit(self.btc, Exit { position, rule, mark: Some(price(mark)) })
    }

    fn lives(&mut self) -> Vec<Life> {
        let mut lives = Lives::new(100);
        for change in self.read() {
            lives.follow(&change).unwrap();
        }
        lives.ended().cloned().collect()
    }

    fn only_life(&mut self) -> Life {
        let mut lives = self.lives();
        assert_eq!(lives.len(), 1);
        lives.remove(0)
    }
}

#[test]
fn a_close_that_was_asked_for_is_manual_and_says_why() {
    let mut bench = Bench::new();
    bench.open("50000");
    bench.clock.set(START.plus(Duration::from_secs(90)));
    bench.order(Command::close(bench.btc).because("end of day").into(), OrderSide::Sell, "50100");
    let life = bench.only_life();
    assert_eq!((life.ending, life.reason.as_str()), (Ending::Manual, "end of day"));
    assert_eq!((life.entry, life.exit), (Figure::Known(d("50000")), Figure::Known(d("50100"))));
    assert_eq!((life.result(), life.held()), (Figure::Known(d("100")), Duration::from_secs(90)));
    assert_eq!((life.fills, life.booked_by.len()), (2, 2));
    assert_eq!(life.symbol.as_str(), "BTC/USDT:USDT");
}

#[test]
fn exits_are_named_by_their_rule() {
    for (rule, mark, ending) in [
        (ExitRule::StopLoss(price("47500")), "47000", Ending::StopLoss),
        (ExitRule::TakeProfit(price("55000")), "56000", Ending::TakeProfit),
    ] {
        let mut bench = Bench::new();
        bench.open("50000");
        bench.book.mark(bench.btc, price(mark)).unwrap();
        let exit = bench.exit(rule, mark);
        bench.order(exit.into(), OrderSide::Sell, mark);
        assert_eq!(bench.only_life().ending, ending);
    }
    let tier = Tier { at: Fraction::ONE, share: Fraction::ONE };
    let named = [
        ExitRule::TrailingStop(price("1")),
        ExitRule::MaxAge(Duration::from_secs(1)),
        ExitRule::Tier { tier, price: price("1") },
    ];
    assert_eq!(named.map(Ending::from), [Ending::TrailingStop, Ending::MaxAge, Ending::Tier]);
}

#[test]
fn what_others_did_is_external_or_a_liquidation() {
    for (order, ending) in [
        (Some("someone"), Ending::External),
        (Some("autoclose-1646"), Ending::Liquidation),
        (Some("adl_autoclose"), Ending::Liquidation),
        (Some("liquidation-1"), Ending::Liquidation),
        (None, Ending::External),
    ] {
        let mut bench = Bench::new();
        bench.open("50000");
        let fill = bench.trade(OrderSide::Sell, "1", "49000");
        let fill = match order {
            Some(order) => fill.foreign_order(order.parse().unwrap()),
            None => fill,
        };
        bench.book.record(fill).unwrap();
        let life = bench.only_life();
        assert_eq!((life.ending, life.result()), (ending, Figure::Known(d("-1000"))), "{order:?}");
    }
}

#[test]
fn a_fill_through_zero_ends_one_life_and_begins_another() {
    let mut bench = Bench::new();
    bench.buy("1", "100");
    bench.sell("3", "110");
    bench.buy("2", "90");
    let lives = bench.lives();
    let of: Vec<_> = lives.iter().map(|life| (life.side, life.peak.to_string(), life.result())).collect();
    let known = |text| Figure::Known(d(text));
    assert_eq!(of, [(Side::Long, "1".into(), known("10")), (Side::Short, "2".into(), known("40"))]);
    assert_ne!(lives[0].position, lives[1].position);
    assert_eq!(lives[0].closed.0 + 1, lives[1].position.sequence.0, "published together");
}

#[test]
fn what_was_dropped_earned_nobody_knows_what() {
    let mut bench = Bench::new();
    bench.buy("2", "100");
    bench.sell("1", "110");
    let view = bench.book.snapshot();
    let position = view.get(bench.btc).unwrap().id;
    let gone = DropPosition {
        key: bench.btc.into(),
        position,
        asked: view.sequence(),
        report_time: Some(START),
        reason: "the report has no such position".into(),
    };
    bench.book.apply(Command::Drop(gone)).unwrap();
    let life = bench.only_life();
    assert_eq!(life.ending, Ending::Reconcile);
    assert_eq!(life.reason, "the report has no such position");
    assert_eq!((life.result(), life.exit), (Figure::Unknown(Unknown::Gap), Figure::Unknown(Unknown::Gap)));
    assert_eq!(life.entry, Figure::Known(d("100")));
}

#[test]
fn averages_are_of_everything_that_went_in_and_out() {
    let mut bench = Bench::new();
    for (side, quantity, at) in [
        (OrderSide::Buy, "1", "100"),
        (OrderSide::Buy, "1", "200"),
        (OrderSide::Sell, "1", "300"),
        (OrderSide::Buy, "2", "400"),
        (OrderSide::Sell, "3", "500"),
    ] {
        let fill = bench.trade(side, quantity, at).fee("0.1", "BNB").unwrap();
        bench.book.record(fill).unwrap();
    }
    let life = bench.only_life();
    assert_eq!((life.entry, life.exit), (Figure::Known(d("275")), Figure::Known(d("450"))));
    assert_eq!(life.result(), Figure::Known(d("700")), "4 x (450 - 275): fees are in another currency");
    assert_eq!(life.fees.of(&"BNB".parse().unwrap()), d("0.5"));
    assert_eq!((life.peak, life.fills), ("3".parse::<Quantity>().unwrap(), 5));
}

#[test]
fn a_venue_that_closes_by_force_says_so() {
    for by in [Forced::Liquidation, Forced::AutoDeleveraging] {
        let mut bench = Bench::new();
        bench.open("50000");
        let fill = bench.trade(OrderSide::Sell, "1", "46000").forced(by, None);
        bench.book.record(fill).unwrap();
        let life = bench.only_life();
        assert_eq!((life.ending, life.reason.as_str()), (Ending::Liquidation, by.name()));
    }
}

#[test]
fn a_trade_that_is_taken_back_is_in_no_figure() {
    let mut bench = Bench::new();
    bench.buy("1", "100");
    let wild = bench.trade(OrderSide::Buy, "1", "900").fee("5", "USDT").unwrap();
    bench.book.record(wild.clone()).unwrap();
    bench.book.bust(Bust::new(wild, "erroneous")).unwrap();
    bench.sell("1", "110");
    let only = bench.trade(OrderSide::Buy, "2", "100");
    bench.book.record(only.clone()).unwrap();
    bench.book.bust(Bust::new(only, "erroneous")).unwrap();
    let changes = bench.read();
    let mut performance = Performance::new();
    performance.follow_all(&changes).unwrap();
    let lives: Vec<_> = performance.lives().ended().collect();
    assert_eq!(lives.len(), 2);
    let known = |text| Figure::Known(d(text));
    assert_eq!((lives[0].entry, lives[0].exit, lives[0].result()), (known("100"), known("110"), known("10")));
    assert_eq!(lives[0].fills, 2);
    assert_eq!((lives[1].ending, lives[1].result(), lives[1].fills), (Ending::TakenBack, known("0"), 0));
    let account = performance.account(&Group::Book, &"USDT".parse().unwrap()).unwrap();
    assert_eq!(
        (account.turnover(), account.fees(), account.equity()),
        (known("210"), known("0"), known("10"))
    );
}

#[test]
fn how_far_a_life_went_is_what_was_noted_and_the_price_that_closed_it() {
    let known = |text| Figure::Known(d(text));
    // What the marks were, where it was closed, and the best and the worst of it.
    for (marks, closed, best, worst) in [
        (["110", "95"], "105", "10", "-5"),
        (["110", "95"], "112", "12", "-5"),
        (["110", "95"], "90", "10", "-10"),
        (["103", "101"], "100", "3", "0"),
    ] {
        let mut bench = Bench::new();
        bench.buy("1", "100");
        for mark in marks {
            bench.note(mark);
        }
        bench.sell("1", closed);
        let life = bench.only_life();
        assert_eq!((life.favourable, life.adverse), (known(best), known(worst)), "{marks:?}, {closed}");
    }
}

#[test]
fn extremes_are_of_what_was_open_and_go_with_the_life() {
    let known = |text| Figure::Known(d(text));
    let mut bench = Bench::new();
    bench.sell("2", "100");
    bench.note("90");
    bench.sell("2", "110");
    bench.note("115"); // 4 at 105
    // A part is taken off: what that brings is realised, and no extreme of what is left.
    bench.buy("3", "80");
    bench.note("85");
    // Through zero, at 120: the last one of the short, at an entry of 105, had -15.
    bench.buy("2", "120");
    bench.note("121");
    bench.sell("1", "119");
    // Nobody looked at the third.
    bench.buy("1", "100");
    bench.sell("1", "101");
    let lives = bench.lives();
    let extremes: Vec<_> = lives.iter().map(|life| (life.favourable, life.adverse)).collect();
    let unknown = Figure::Unknown(Unknown::NotRecorded);
    assert_eq!(extremes, [(known("20"), known("-40")), (known("1"), known("-1")), (unknown, unknown)]);
}

#[test]
fn what_a_report_ends_has_the_extremes_that_were_noted() {
    let mut bench = Bench::new();
    bench.buy("1", "100");
    bench.note("107");
    let view = bench.book.snapshot();
    let gone = DropPosition {
        key: bench.btc.into(),
        position: view.get(bench.btc).unwrap().id,
        asked: view.sequence(),
        report_time: None,
        reason: String::new(),
    };
    bench.book.apply(Command::Drop(gone)).unwrap();
    let life = bench.only_life();
    assert_eq!((life.favourable, life.adverse), (Figure::Known(d("7")), Figure::Known(d("0"))));
    assert_eq!(life.realised, Figure::Unknown(Unknown::Gap));
}

/// Buy 1 at 100, buy 3 at 200, sell 3 at 250: 225 realised, 1 left at 175. Without the buy of 3, one of the three sold closes it
/// and two are short: what the books say then is said once.
#[test]
fn a_bust_that_turns_a_position_round_earns_nothing_twice() {
    let mut bench = Bench::new();
    let mut trade = |side, quantity, at| {
        let fill = bench.trade(side, quantity, at);
        bench.book.record(fill.clone()).unwrap();
        fill
    };
    trade(OrderSide::Buy, "1", "100");
    let wild = trade(OrderSide::Buy, "3", "200");
    trade(OrderSide::Sell, "3", "250");
    bench.book.bust(Bust::new(wild, "erroneous")).unwrap();
    let key = bench.book.snapshot().keys().next().unwrap().clone();
    assert_eq!((key.ledger.realised, key.position.as_ref().unwrap().realised), (d("250"), d("0")));
    let close = bench.trade(OrderSide::Buy, "2", "200");
    bench.book.record(close).unwrap();
    let earned: Vec<_> = bench.lives().iter().map(|life| life.realised.known().unwrap()).collect();
    assert_eq!((earned.len(), earned.iter().sum::<posbook::Decimal>()), (2, d("250")), "{earned:?}");
}
