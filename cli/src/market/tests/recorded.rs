//! The recorded files of the shared test data. They are not part of the repository: `POSBOOK_DATA` names their
//! folder, and without it a checkout that has none beside it passes these tests, saying so.

use std::path::PathBuf;

use super::super::TickKind;
use super::{BadRows, Tape, load, number};

/// The named tick files; `None`, with a word why, if there are none and nobody said there were.
fn recorded(names: &[&str]) -> Option<Vec<PathBuf>> {
    let told = std::env::var_os("POSBOOK_DATA").map(PathBuf::from);
    let folder = told
        .clone()
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")));
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join("ticks").join(name)).collect();
    match paths.iter().find(|path| !path.is_file()) {
        Some(absent) if told.is_some() => {
            panic!("POSBOOK_DATA is set, but {} is not there", absent.display())
        }
        Some(absent) => {
            eprintln!("skipped: {} is not there and POSBOOK_DATA is not set", absent.display());
            None
        }
        None => Some(paths),
    }
}

fn loaded(names: &[&str]) -> Option<Tape> {
    recorded(names).map(|paths| load(&paths, BadRows::Refuse).unwrap_or_else(|error| panic!("{error}")))
}

/// (trades, quotes) of one market.
fn counted(tape: &Tape, symbol: &str) -> (usize, usize) {
    let market = tape.markets.iter().position(|market| market.symbol == symbol).unwrap();
    let of_market = || tape.ticks.iter().filter(|tick| tick.market as usize == market);
    let trades = of_market().filter(|tick| matches!(tick.kind, TickKind::Trade { .. })).count();
    (trades, of_market().count() - trades)
}

#[test]
fn the_futures_files_merge() {
    let Some(tape) = loaded(&[
        "binance-usdm-btcusdt-20240808.quotes.csv.gz",
        "binance-usdm-btcusdt-20240808.trades.csv.gz",
        "binance-usdm-ethusdt-20240808.quotes.csv.gz",
        "binance-usdm-ethusdt-20240808.trades.csv.gz",
    ]) else {
        return;
    };
    assert_eq!(counted(&tape, "BTCUSDT"), (21_313, 66_089));
    assert_eq!(counted(&tape, "ETHUSDT"), (14_076, 53_992));
    assert!(tape.ticks.is_sorted_by_key(|tick| tick.time));
    assert_eq!(tape.span_ns() / 1_000_000_000, 344);
    let scales: Vec<_> =
        tape.markets.iter().map(|market| (market.price_scale, market.quantity_scale)).collect();
    assert_eq!(scales, [(1, 3), (2, 3)]);
    assert_eq!([&tape.markets[0].files, &tape.markets[1].files], [&vec![0, 1], &vec![2, 3]]);
    assert_eq!(tape.skipped_rows, 0);
}

#[test]
fn spot_and_coin_margined_files() {
    let Some(tape) = loaded(&[
        "binance-spot-btcusdt-20240808.trades.csv.gz",
        "binance-spot-ethusdt-20240808.quotes.csv.gz", // no exchange time
        "binance-cm-btcusd_perp-20240808.quotes.csv.gz",
        "binance-cm-btcusd_perp-20240808.trades.csv.gz",
    ]) else {
        return;
    };
    assert_eq!(counted(&tape, "BTCUSDT"), (9_757, 0));
    assert_eq!(counted(&tape, "ETHUSDT"), (0, 24_077));
    assert_eq!(counted(&tape, "BTCUSD_PERP"), (2_286, 19_136));
    let spot = &tape.markets[0];
    assert_eq!((spot.price_scale, spot.quantity_scale), (2, 5)); // written with eight decimals each
}

#[test]
fn the_small_files_of_other_venues() {
    for (name, rows, symbols) in [
        ("binance-usdm-20210722.quotes.csv.gz", 613, 4),
        ("binance-usdm-20210722.trades.csv.gz", 91, 4),
        ("bitmex-20210722.trades.csv.gz", 27, 10),
        ("bybit-linear-20210417.trades.csv.gz", 101, 8),
        ("huobi-swap-20220219.trades.csv.gz", 25, 10),
        ("okx-20220513.trades.csv.gz", 74, 3),
    ] {
        let Some(tape) = loaded(&[name]) else { return };
        assert_eq!((tape.ticks.len(), tape.markets.len()), (rows, symbols), "{name}");
        assert!(tape.ticks.is_sorted_by_key(|tick| tick.time), "{name}"); // one row of huobi's is out of place
    }
}

#[test]
fn exponents_are_exact() {
    let Some(tape) = loaded(&["bitmex-20210722.trades.csv.gz"]) else { return };
    let ripple = tape.markets.iter().position(|market| market.symbol == "XRPU21").unwrap();
    let traded = tape.ticks.iter().find(|tick| tick.market as usize == ripple).unwrap();
    assert_eq!(traded.kind, TickKind::Trade { price: number("0.00001819"), quantity: number("15") });
}
