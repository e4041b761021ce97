//! Each statistic on an example that somebody published, with where.

use std::time::Duration;

use posbook::analytics::{Figure, Group, Period, Results, Unknown};

use super::{Bench, START, d};

/// "Calculate your expectancy" (Investopedia; told again by learnforex.foobrdigital.com/calculate-your-expectancy): of ten trades
/// six won $2,400 and four lost $1,200, so 60 % win, $400 on average, and losers lose $300; each dollar risked earns 40 cents.
#[test]
fn win_rate_averages_expectancy_and_profit_factor() {
    let mut results = Results::default();
    for result in ["100", "200", "300", "500", "600", "700", "-150", "-250", "-350", "-450"] {
        results.add(Figure::Known(d(result)));
    }
    assert_eq!((results.wins(), results.losses(), results.known()), (6, 4, 10));
    assert_eq!((results.profit(), results.loss()), (Figure::Known(d("2400")), Figure::Known(d("1200"))));
    assert_eq!(results.win_rate(), Figure::Known(d("0.6")));
    assert_eq!(results.average_win(), Figure::Known(d("400")));
    assert_eq!(results.average_loss(), Figure::Known(d("300")));
    let expectancy = results.expectancy().known().unwrap();
    assert_eq!(expectancy / d("300"), d("0.4"));
    // 2,400 / 1,200. macronizm.nl/23095-profit-factor-forex has 10,000 / 5,000: the same 2.
    assert_eq!(results.profit_factor(), Figure::Known(d("2")));
    assert_eq!(
        (results.largest_win(), results.largest_loss()),
        (Figure::Known(d("700")), Figure::Known(d("450")))
    );
}

/// "Maximum Drawdown (MDD)" (Investopedia): a portfolio of $500,000 grows to $750,000, falls to $400,000, comes back to $600,000,
/// falls to $350,000 and grows to $800,000; the drawdown is from 750 to 350 thousand, and 600 thousand was no new peak.
#[test]
fn the_worst_drawdown_is_from_the_highest_point_not_from_the_last_one() {
    let mut bench = Bench::new();
    bench.buy("1", "500000");
    let mut performance = bench.performance();
    let at = |n: u64| START.plus(Duration::from_secs(n));
    let prices = ["750000", "400000", "600000", "350000", "800000"];
    for (n, price) in (1..).zip(prices) {
        performance.mark(bench.btc, price.parse().unwrap(), at(n));
    }
    let account = performance.account(&Group::Book, &"USDT".parse().unwrap()).unwrap();
    assert_eq!(account.drawdown().worst(), Figure::Known(d("400000")));
    assert_eq!(account.drawdown().worst_between(), Some((at(1), at(4))));
    assert_eq!(account.drawdown().now(), Figure::Known(d("0")));
    assert_eq!(account.equity(), Figure::Known(d("300000")));
    assert_eq!((account.gross(), account.net()), (Figure::Known(d("800000")), Figure::Known(d("800000"))));
    assert_eq!(account.time_in_market(), Duration::from_secs(5));
}

/// The standard deviation of a sample as Microsoft documents STDEV.S: of 1345, 1301, 1368, 1322, 1310, 1370, 1318, 1350, 1303 and
/// 1299 it is 27.46391572; their mean is 1328.6. Booked on ten days, the ratio of the two is the Sharpe ratio by day.
#[test]
fn the_sharpe_ratio_is_mean_by_deviation_of_a_sample() {
    let mut bench = Bench::new();
    let earned = [1345, 1301, 1368, 1322, 1310, 1370, 1318, 1350, 1303, 1299];
    for (day, earned) in (0..).zip(earned) {
        bench.clock.set(START.plus(Duration::from_secs(day * 86_400 + 3_600)));
        bench.buy("1", "10000");
        bench.sell("1", &(10_000 + earned).to_string());
    }
    let performance = bench.performance();
    let account = performance.account(&Group::Book, &"USDT".parse().unwrap()).unwrap();
    let ratio = account.sharpe(Period::Day).known().unwrap();
    assert_eq!((d("1328.6") / ratio).round_dp(8), d("27.46391572"));
    assert_eq!(account.rows(Period::Day).count(), 10);
    // Ten days from a Monday on are two weeks; the second one has three of them.
    let weeks: Vec<_> = account.rows(Period::Week).map(|row| row.booked()).collect();
    let sum = |of: &[i32]| Figure::Known(of.iter().sum::<i32>().into());
    assert_eq!(weeks, [sum(&earned[..7]), sum(&earned[7..])]);
    assert_eq!(account.rows(Period::Month).map(|row| row.results().wins()).collect::<Vec<_>>(), [10]);
    // Hours in which nothing happened are zeros: 24 for each day but the last.
    assert!(account.sharpe(Period::Hour).known().unwrap() < ratio);
    assert_eq!(account.results().expectancy(), Figure::Known(d("1328.6")));
    assert_eq!(account.results().profit_factor(), Figure::Unknown(Unknown::Nothing { of: "loss" }));
}

#[test]
fn fees_are_a_share_of_profit_and_a_rate_of_turnover() {
    let mut bench = Bench::new();
    for (side, price) in [(posbook::OrderSide::Buy, "1000"), (posbook::OrderSide::Sell, "1100")] {
        let fill = bench.trade(side, "1", price).fee("1.05", "USDT").unwrap();
        bench.book.record(fill).unwrap();
    }
    let performance = bench.performance();
    let account = performance.account(&Group::Book, &"USDT".parse().unwrap()).unwrap();
    assert_eq!(account.turnover(), Figure::Known(d("2100")));
    assert_eq!(account.fee_rate(), Figure::Known(d("0.001")));
    assert_eq!(account.fee_share(), Figure::Known(d("0.021")));
    assert_eq!(account.results().net(), Figure::Known(d("97.9")));
    assert_eq!(account.time_in_market(), Duration::ZERO);
}
