//! What is not known is said to be so, and a follower that lost its place is told.

use posbook::analytics::{Figure, Group, Keep, Lives, Performance, Unknown};
use posbook::{Adoption, Command, Corrected, Correction, DropPosition, Fill, Instrument, OrderSide, Side};

use super::{Bench, START, d};

fn usdt() -> posbook::Currency {
    "USDT".parse().unwrap()
}

fn adopt(bench: &Bench) {
    let found = Adoption {
        key: bench.btc.into(),
        side: Side::Long,
        quantity: "1".parse().unwrap(),
        entry: "100".parse().unwrap(),
        leverage: None,
        rule: None,
        asked: bench.book.snapshot().sequence(),
        report_time: Some(START),
    };
    bench.book.apply(Command::Adopt(found)).unwrap();
}

#[test]
fn an_adopted_position_has_no_profit_until_a_price_is_seen() {
    let mut bench = Bench::new();
    adopt(&bench);
    let mut performance = bench.performance();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!(account.unrealised(), Figure::Unknown(Unknown::NoPrice));
    assert_eq!(
        (account.equity(), account.gross()),
        (Figure::Unknown(Unknown::NoPrice), Figure::Unknown(Unknown::NoPrice))
    );
    performance.mark(bench.btc, "130".parse().unwrap(), START);
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((account.unrealised(), account.equity()), (Figure::Known(d("30")), Figure::Known(d("30"))));
}

/// Two gaps that come to nothing together are two gaps.
#[test]
fn gaps_that_cancel_are_gaps() {
    let mut bench = Bench::new();
    let eth = Instrument::linear("ETH/USDT:USDT", "0.01", "0.001").unwrap();
    let eth = bench.book.register(eth).unwrap();
    let buy = bench.trade(OrderSide::Buy, "1", "100").at(START);
    let sell = Fill { instrument: eth, ..bench.trade(OrderSide::Sell, "1", "100").at(START) };
    for fill in [buy, sell] {
        bench.book.record(fill).unwrap();
    }
    let mut performance = bench.performance();
    let later = START.plus(std::time::Duration::from_secs(60));
    for id in [bench.btc, eth] {
        let view = bench.book.snapshot();
        let gone = DropPosition {
            key: id.into(),
            position: view.get(id).unwrap().id,
            asked: view.sequence(),
            report_time: Some(later),
            reason: String::new(),
        };
        bench.book.apply(Command::Drop(gone)).unwrap();
    }
    performance.follow_all(&bench.read()).unwrap();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((account.unexplained(), account.gaps()), (Figure::Known(d("0")), 2));
    assert_eq!(account.equity(), Figure::Unknown(Unknown::Gap));
}

/// Nor are two on one key, one of each side, less than two.
#[test]
fn a_gap_of_either_side_on_one_key_is_a_gap() {
    let mut bench = Bench::new();
    let mut performance = bench.performance();
    for (side, seconds) in [(OrderSide::Buy, 0), (OrderSide::Sell, 120)] {
        let fill = bench.trade(side, "1", "100").at(START.plus(std::time::Duration::from_secs(seconds)));
        bench.book.record(fill).unwrap();
        let view = bench.book.snapshot();
        let gone = DropPosition {
            key: bench.btc.into(),
            position: view.get(bench.btc).unwrap().id,
            asked: view.sequence(),
            report_time: Some(START.plus(std::time::Duration::from_secs(seconds + 60))),
            reason: String::new(),
        };
        bench.book.apply(Command::Drop(gone)).unwrap();
    }
    performance.follow_all(&bench.read()).unwrap();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!(
        (account.unexplained(), account.equity()),
        (Figure::Known(d("0")), Figure::Unknown(Unknown::Gap))
    );
}

#[test]
fn a_gap_makes_equity_unknown_until_its_fills_come() {
    let mut bench = Bench::new();
    let fill = bench.trade(OrderSide::Buy, "1", "100").at(START);
    bench.book.record(fill).unwrap();
    let view = bench.book.snapshot();
    let later = START.plus(std::time::Duration::from_secs(60));
    let gone = DropPosition {
        key: bench.btc.into(),
        position: view.get(bench.btc).unwrap().id,
        asked: view.sequence(),
        report_time: Some(later),
        reason: String::new(),
    };
    let mut performance = bench.performance();
    performance.mark(bench.btc, "80".parse().unwrap(), START);
    bench.book.apply(Command::Drop(gone)).unwrap();
    performance.follow_all(&bench.read()).unwrap();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!(account.equity(), Figure::Unknown(Unknown::Gap));
    assert_eq!(account.unexplained(), Figure::Known(d("-100")));
    assert_eq!(account.estimate(), Figure::Known(d("-20")), "as it was last seen");
    assert_eq!((account.results().unknown(), account.results().known()), (1, 0));
    // The fill that closed it, from before the report.
    let late = bench.trade(OrderSide::Sell, "1", "85").at(START.plus(std::time::Duration::from_secs(30)));
    bench.book.record(late).unwrap();
    performance.follow_all(&bench.read()).unwrap();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((account.equity(), account.realised()), (Figure::Known(d("-15")), Figure::Known(d("-15"))));
    assert_eq!(account.turnover(), Figure::Known(d("185")));
    assert_eq!(account.drawdown().worst(), Figure::Known(d("20")), "nothing jumped meanwhile");
}

#[test]
fn a_change_out_of_order_is_refused_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.buy("1", "100");
    bench.sell("1", "90");
    let changes = bench.read();
    let mut performance = Performance::new();
    performance.follow(&changes[0]).unwrap();
    let refused = performance.follow(&changes[2]).unwrap_err();
    assert!(refused.to_string().contains("is not the sequence that comes next"), "{refused}");
    assert_eq!(performance.sequence(), changes[0].sequence);
    performance.follow_all(&changes[1..]).unwrap();
    assert_eq!(performance.lives().count(), 1);
}

#[test]
fn one_that_begins_later_says_what_it_did_not_see() {
    let mut bench = Bench::new();
    bench.buy("1", "100");
    bench.sell("1", "120");
    bench.buy("2", "100");
    bench.read();
    let mut performance = Performance::begin(&bench.book.snapshot(), Keep::default());
    let earlier = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((earlier.realised(), earlier.open()), (Figure::Known(d("20")), 1));
    bench.sell("2", "110");
    performance.follow_all(&bench.read()).unwrap();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((account.realised(), account.equity()), (Figure::Known(d("40")), Figure::Known(d("40"))));
    let life = performance.lives().ended().next().unwrap();
    assert_eq!(
        (life.realised, life.result()),
        (Figure::Known(d("20")), Figure::Unknown(Unknown::BeganBefore))
    );
    assert_eq!(account.results().unknown(), 1);
}

/// What was paid before has no turnover beside it: in the sum of fees, and in no rate.
#[test]
fn a_rate_of_fees_begins_where_its_turnover_does() {
    let mut bench = Bench::new();
    let early = bench.trade(OrderSide::Buy, "1", "100").fee("5", "USDT").unwrap();
    bench.book.record(early).unwrap();
    bench.read();
    let mut performance = Performance::begin(&bench.book.snapshot(), Keep::default());
    let late = bench.trade(OrderSide::Sell, "1", "100").fee("0.1", "USDT").unwrap();
    bench.book.record(late).unwrap();
    performance.follow_all(&bench.read()).unwrap();
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((account.fees(), account.fee_rate()), (Figure::Known(d("5.1")), Figure::Known(d("0.001"))));
}

#[test]
fn memory_is_bounded_by_what_is_kept() {
    let mut bench = Bench::new();
    let (mut lives, mut performance) = (Lives::new(3), Performance::keeping(Keep { lives: 3, rows: 2 }));
    for n in 0..50_u64 {
        bench.clock.set(START.plus(std::time::Duration::from_secs(n * 60)));
        bench.buy("1", "100");
        bench.sell("1", "101");
        for change in bench.read() {
            lives.follow(&change).unwrap();
            performance.follow(&change).unwrap();
        }
    }
    assert_eq!((lives.count(), lives.ended().count()), (50, 3));
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!(account.rows(posbook::analytics::Period::Minute).count(), 2);
    // What is not kept any more still counts.
    assert_eq!((account.results().known(), account.realised()), (50, Figure::Known(d("50"))));
}

#[test]
fn what_a_report_takes_off_is_unknown_and_what_it_adds_is_not() {
    let mut bench = Bench::new();
    bench.buy("2", "100");
    let mut performance = bench.performance();
    performance.mark(bench.btc, "80".parse().unwrap(), START);
    let correct = |bench: &mut Bench, performance: &mut Performance, quantity: &str, entry: &str| {
        let view = bench.book.snapshot();
        let correction = Correction {
            key: bench.btc.into(),
            position: view.get(bench.btc).unwrap().id,
            to: Corrected::Quantity { quantity: quantity.parse().unwrap(), entry: entry.parse().unwrap() },
            asked: view.sequence(),
            report_time: Some(START),
            reason: String::new(),
        };
        bench.book.apply(Command::Correct(correction)).unwrap();
        performance.follow_all(&bench.read()).unwrap();
    };
    // The venue has one more, bought at 130: an entry of 110.
    correct(&mut bench, &mut performance, "3", "110");
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!((account.equity(), account.unexplained()), (Figure::Known(d("-90")), Figure::Known(d("0"))));
    // And then it has one only.
    correct(&mut bench, &mut performance, "1", "110");
    let account = performance.account(&Group::Book, &usdt()).unwrap();
    assert_eq!(account.equity(), Figure::Unknown(Unknown::Gap));
    assert_eq!(
        (account.unrealised(), account.estimate()),
        (Figure::Known(d("-30")), Figure::Known(d("-90")))
    );
    // After the report, so that it is news.
    let sell = bench.trade(OrderSide::Sell, "1", "120").at(START.plus(std::time::Duration::from_secs(60)));
    bench.book.record(sell).unwrap();
    performance.follow_all(&bench.read()).unwrap();
    let life = performance.lives().ended().next().unwrap();
    assert_eq!((life.entry, life.exit), (Figure::Known(d("110")), Figure::Unknown(Unknown::Gap)));
    assert_eq!(life.result(), Figure::Unknown(Unknown::Gap));
}
